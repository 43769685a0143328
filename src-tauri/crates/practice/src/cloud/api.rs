//! The practice cloud's HTTP API: every route of facts: vast.md §10, with and
//! without a trailing slash, never a redirect. A request is noted, delayed,
//! perhaps spoiled, checked for its key and its rate, and then carried out in
//! a task of its own: a renter that hangs up does not stop a rental.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State as Shared;
use axum::response::Response;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderName, Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use super::reply::{Broken, Reply};
use super::script::{ApiCall, Fault, RetryAfter};
use super::world::{Call, World};
use super::{account, machines, market};

/// Longest request that is read.
const LONGEST_REQUEST: usize = 1 << 20;

/// The API of a world.
pub fn router(world: World) -> Router {
    Router::new().fallback(answer).with_state(world)
}

/// A request as the routes see it.
pub(super) struct Asked {
    pub route: Route,
    pub query: BTreeMap<String, String>,
    pub body: Value,
    /// `http://host:port` as the client knows it.
    pub base: String,
}

impl Asked {
    /// A JSON value in the query.
    pub fn json(&self, key: &str) -> Result<Option<Value>, Reply> {
        let Some(text) = self.query.get(key) else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|_| bad_request(&format!("{key} is no JSON")))
    }
}

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    GpuNames,
    SearchFlat,
    SearchQuery,
    SearchWrapped,
    Create(u64),
    CreateMany,
    Launch,
    DeadList,
    List,
    Filters,
    Show(u64),
    Change(u64),
    ChangeMany,
    Destroy(u64),
    DestroyMany,
    Reboot(u64),
    Recycle(u64),
    Bid(u64),
    Logs(u64),
    Execute(u64),
    Result(u64),
    Keys(u64),
    Attach(u64),
    Detach(u64, u64),
    AccountKeys,
    AddAccountKey,
    ChangeAccountKey(u64),
    RemoveAccountKey(u64),
    User,
    Charges,
    Invoices,
    VolumeSearch,
    Volumes,
    Machines,
    Reports(u64),
    Report(u64),
    Metrics,
    Benchmarks,
    Secrets,
    Integrations,
    Unknown,
}

impl Route {
    fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let id = |text: &str| text.parse::<u64>().ok();
        let route = match (method.as_str(), parts.as_slice()) {
            ("GET", ["api", _, "gpu_names", "unique"]) => Some(Self::GpuNames),
            ("POST", ["api", "v0", "bundles"]) => Some(Self::SearchFlat),
            ("GET", ["api", "v0", "bundles"]) => Some(Self::SearchQuery),
            ("PUT", ["api", "v0", "search", "asks"]) => Some(Self::SearchWrapped),
            ("POST", ["api", "v0", "asks", "bulk"]) => Some(Self::CreateMany),
            ("PUT", ["api", "v0", "asks", ask]) => id(ask).map(Self::Create),
            ("PUT", ["api", "v0", "launch_instance"]) => Some(Self::Launch),
            ("GET", ["api", "v0", "instances"]) => Some(Self::DeadList),
            ("GET", ["api", "v1", "instances"]) => Some(Self::List),
            ("GET", ["api", "v0", "instances", "filters"]) => Some(Self::Filters),
            ("GET", ["api", "v0", "instances", one]) => id(one).map(Self::Show),
            ("PUT", ["api", "v0", "instances"]) => Some(Self::ChangeMany),
            ("PUT", ["api", "v0", "instances", one]) => id(one).map(Self::Change),
            ("DELETE", ["api", "v0", "instances"]) => Some(Self::DestroyMany),
            ("DELETE", ["api", "v0", "instances", one]) => id(one).map(Self::Destroy),
            ("PUT", ["api", "v0", "instances", "reboot", one]) => id(one).map(Self::Reboot),
            ("PUT", ["api", "v0", "instances", "recycle", one]) => id(one).map(Self::Recycle),
            ("PUT", ["api", "v0", "instances", "bid_price", one]) => id(one).map(Self::Bid),
            ("PUT", ["api", "v0", "instances", "request_logs", one]) => id(one).map(Self::Logs),
            ("PUT", ["api", "v0", "instances", "command", one]) => id(one).map(Self::Execute),
            ("GET", ["results", one]) => id(one).map(Self::Result),
            ("GET", ["api", "v0", "instances", one, "ssh"]) => id(one).map(Self::Keys),
            ("POST", ["api", "v0", "instances", one, "ssh"]) => id(one).map(Self::Attach),
            ("DELETE", ["api", "v0", "instances", one, "ssh", key]) => {
                id(one).zip(id(key)).map(|(one, key)| Self::Detach(one, key))
            }
            ("GET", ["api", "v0", "ssh"]) => Some(Self::AccountKeys),
            ("POST", ["api", "v0", "ssh"]) => Some(Self::AddAccountKey),
            ("PUT", ["api", "v0", "ssh", key]) => id(key).map(Self::ChangeAccountKey),
            ("DELETE", ["api", "v0", "ssh", key]) => id(key).map(Self::RemoveAccountKey),
            ("GET", ["api", "v0", "users", "current"]) => Some(Self::User),
            ("GET", ["api", "v0", "charges"]) => Some(Self::Charges),
            ("GET", ["api", "v0" | "v1", "invoices"]) => Some(Self::Invoices),
            ("POST", ["api", "v0", "volumes", "search"]) => Some(Self::VolumeSearch),
            ("GET", ["api", "v0", "volumes"]) => Some(Self::Volumes),
            ("GET", ["api", "v0", "machines"]) => Some(Self::Machines),
            ("GET", ["api", "v0", "machines", one, "reports"]) => id(one).map(Self::Reports),
            ("PUT", ["api", "v0", "machines", one, "report"]) => id(one).map(Self::Report),
            ("GET", ["api", "v0", "metrics", "gpu", _]) => Some(Self::Metrics),
            ("GET", ["api", "v0", "benchmarks"]) => Some(Self::Benchmarks),
            ("GET", ["api", "v0", "secrets"]) => Some(Self::Secrets),
            ("GET", ["api", "v0", "users", "cloud_integrations"]) => Some(Self::Integrations),
            _ => None,
        };
        route.unwrap_or(Self::Unknown)
    }

    const fn call(&self) -> ApiCall {
        match self {
            Self::SearchFlat | Self::SearchQuery | Self::SearchWrapped => ApiCall::Search,
            Self::Create(_) | Self::Launch => ApiCall::Create,
            Self::CreateMany => ApiCall::CreateMany,
            Self::List => ApiCall::List,
            Self::Show(_) => ApiCall::Show,
            Self::Destroy(_) => ApiCall::Destroy,
            Self::DestroyMany => ApiCall::DestroyMany,
            Self::Attach(_) => ApiCall::AttachKey,
            Self::User => ApiCall::User,
            _ => ApiCall::Other,
        }
    }

    /// The market is open to everybody; results have secret addresses.
    const fn is_open(&self) -> bool {
        matches!(
            self,
            Self::GpuNames
                | Self::SearchFlat
                | Self::SearchQuery
                | Self::SearchWrapped
                | Self::Result(_)
                | Self::Unknown
        )
    }

    /// The machine whose own key may do this.
    const fn machine(&self) -> Option<u64> {
        match self {
            Self::Show(id) | Self::Change(id) | Self::Destroy(id) => Some(*id),
            _ => None,
        }
    }
}

/// How an exchange ends.
enum Ending {
    Reply(Reply),
    Broken(Broken),
    /// Never.
    Silence,
}

async fn answer(Shared(world): Shared<World>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path());
    let fault = world.state().record(Call {
        at: world.now(),
        call: route.call(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
    });
    let work = tokio::spawn(exchange(world.clone(), route, head, body, fault));
    match work.await {
        Ok(Ending::Reply(reply)) => reply.into_response(world.now()),
        Ok(Ending::Broken(broken)) => broken.into_response(),
        Ok(Ending::Silence) => std::future::pending().await,
        Err(_) => Reply::failed().into_response(world.now()),
    }
}

async fn exchange(
    world: World,
    route: Route,
    head: Parts,
    body: Body,
    fault: Option<Fault>,
) -> Ending {
    let latency = world.state().script.latency;
    world
        .pace()
        .sleep(match route.call() {
            ApiCall::Search => latency.search_ms,
            ApiCall::List => latency.list_ms,
            ApiCall::Destroy | ApiCall::DestroyMany => latency.destroy_ms,
            // A create takes what its host's script says.
            ApiCall::Create | ApiCall::CreateMany => 0,
            _ => latency.other_ms,
        })
        .await;
    match fault {
        None => {
            let call = route.call();
            let reply = carry_out(&world, route, head, body).await;
            world.state().answered.insert(call, reply.clone());
            Ending::Reply(reply)
        }
        Some(Fault::Repeat) => {
            let call = route.call();
            let reply = carry_out(&world, route, head, body).await;
            let before = world.state().answered.get(&call).cloned();
            Ending::Reply(before.unwrap_or(reply))
        }
        Some(Fault::StatusButDone { status, body: words }) => {
            carry_out(&world, route, head, body).await;
            Ending::Reply(Reply::scripted(status, &words))
        }
        Some(Fault::Delay { ms }) => {
            world.pace().sleep(ms).await;
            Ending::Reply(carry_out(&world, route, head, body).await)
        }
        Some(Fault::Garbage) => Ending::Reply(carry_out(&world, route, head, body).await.garbled()),
        Some(Fault::Truncated) => Ending::Reply(carry_out(&world, route, head, body).await.cut()),
        Some(Fault::ResetAfter) => {
            carry_out(&world, route, head, body).await;
            Ending::Broken(Broken::Reset)
        }
        Some(Fault::TimeoutButDone) => {
            carry_out(&world, route, head, body).await;
            Ending::Silence
        }
        Some(Fault::Timeout) => Ending::Silence,
        Some(Fault::ResetBefore) => Ending::Broken(Broken::Reset),
        Some(Fault::Unsent) => Ending::Broken(Broken::Unsent),
        Some(Fault::EmptyList) => Ending::Reply(Reply::ok(&empty(&route))),
        Some(Fault::Status { status, body }) => Ending::Reply(Reply::scripted(status, &body)),
        Some(Fault::TooMany { shape, retry_after }) => {
            Ending::Reply(Reply::too_many(shape, retry_after, world.now()))
        }
    }
}

/// A well-formed answer that says there is nothing.
fn empty(route: &Route) -> Value {
    match route.call() {
        ApiCall::Search => json!({ "offers": [], "truncated": false }),
        ApiCall::Show => json!({ "instances": null }),
        _ => json!({
            "success": true, "instances_found": 0, "total_instances": 0, "label_counts": {},
            "next_token": null, "instances": [],
        }),
    }
}

async fn carry_out(world: &World, route: Route, head: Parts, body: Body) -> Reply {
    let Ok(bytes) = to_bytes(body, LONGEST_REQUEST).await else {
        return Reply::text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long");
    };
    let query = query_of(&head);
    let now = world.now();
    if world.state().stop_all_if_broke(now) {
        world.changed();
    }
    if let Err(reply) = check_key(world, &route, &head, &query) {
        return reply;
    }
    let token = world.state().take_token(route.call(), now);
    if let Err((limit, wait_ms)) = token {
        let retry_after = limit.says_when.then(|| RetryAfter::Seconds(wait_ms.div_ceil(1_000)));
        return Reply::too_many(limit.shape, retry_after, now);
    }
    let body = if bytes.is_empty() {
        Value::Object(Map::new())
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(json) => json,
            Err(_) => return bad_request("the body is no JSON"),
        }
    };
    let base = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let base = format!("http://{}", base.unwrap_or("127.0.0.1"));
    let asked = Asked { route, query, body, base };
    dispatch(world, asked).await.unwrap_or_else(|reply| reply)
}

async fn dispatch(world: &World, asked: Asked) -> Result<Reply, Reply> {
    match asked.route {
        Route::GpuNames => Ok(market::gpu_names(world)),
        Route::SearchFlat => market::search(world, &asked.body),
        Route::SearchQuery => {
            let query = asked.json("q")?.unwrap_or_else(|| json!({}));
            market::search(world, &query)
        }
        Route::SearchWrapped => market::search_wrapped(world, &asked.body),
        Route::Create(ask) => market::create(world, ask, &asked.body).await,
        Route::CreateMany => market::create_many(world, &asked.body).await,
        Route::Launch => market::launch(world, &asked.body).await,

        Route::DeadList => Err(Reply::fail(
            StatusCode::GONE,
            "deprecated_endpoint",
            "This endpoint is gone. Use /api/v1/instances/ instead.",
        )),
        Route::List => machines::list(world, &asked).map(|reply| {
            // What the real list answers, without meaning it (§7).
            reply
                .with(HeaderName::from_static("x-ratelimit-limit"), "3.0")
                .with(HeaderName::from_static("x-ratelimit-remaining"), "0")
        }),
        Route::Filters => Ok(machines::filters(world)),
        Route::Show(id) => Ok(machines::show(world, id)),
        Route::Change(id) => machines::change(world, id, &asked.body),
        Route::ChangeMany => machines::change_many(world, &asked.body),
        Route::Destroy(id) => machines::destroy(world, id),
        Route::DestroyMany => machines::destroy_many(world, &asked.body),
        Route::Reboot(id) => machines::reboot(world, id),
        Route::Recycle(id) => machines::recycle(world, id),
        Route::Bid(id) => machines::bid(world, id, &asked.body),
        Route::Logs(id) => machines::logs(world, id, &asked),
        Route::Execute(id) => machines::execute(world, id, &asked),
        Route::Result(token) => machines::result(world, token),
        Route::Keys(id) => machines::keys(world, id),
        Route::Attach(id) => machines::attach(world, id, &asked.body),
        Route::Detach(id, key) => machines::detach(world, id, key),

        Route::AccountKeys => Ok(account::keys(world)),
        Route::AddAccountKey => account::add_key(world, &asked.body),
        Route::ChangeAccountKey(key) => account::change_key(world, key, &asked.body),
        Route::RemoveAccountKey(key) => account::remove_key(world, key),
        Route::User => Ok(account::user(world)),
        Route::Charges => account::charges(world, &asked),
        Route::Invoices => Ok(Reply::ok(&json!({
            "success": true, "count": 0, "total": 0, "next_token": null, "results": [],
        }))),

        Route::Reports(machine) => Ok(market::reports(world, machine)),
        Route::Report(_) => Ok(Reply::done()),
        Route::VolumeSearch => Ok(Reply::ok(&json!({ "offers": [] }))),
        Route::Volumes => Ok(Reply::ok(&json!({ "volumes": [] }))),
        Route::Machines => Ok(Reply::ok(&json!({ "machines": [] }))),
        Route::Metrics => Ok(Reply::ok(&json!({ "success": true, "metrics": [] }))),
        Route::Benchmarks => {
            Ok(Reply::ok(&json!({ "benchmarks": [], "benchmarks_found": 0, "next_token": null })))
        }
        Route::Secrets => Ok(Reply::ok(&json!({ "success": true, "secrets": {} }))),
        Route::Integrations => Ok(Reply::ok(&json!([]))),
        Route::Unknown => {
            Err(Reply::fail(StatusCode::NOT_FOUND, "not_found", "There is nothing here."))
        }
    }
}

pub(super) fn bad_request(words: &str) -> Reply {
    Reply::fail(StatusCode::BAD_REQUEST, "invalid_request", words)
}

fn query_of(head: &Parts) -> BTreeMap<String, String> {
    let query = head.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The account's key may do everything, a machine's own key may see, change
/// and destroy that machine (§3.1).
fn check_key(
    world: &World,
    route: &Route,
    head: &Parts,
    query: &BTreeMap<String, String>,
) -> Result<(), Reply> {
    if route.is_open() {
        return Ok(());
    }
    let bearer = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let key = bearer.or_else(|| query.get("api_key").map(String::as_str)).map_or("", str::trim);
    if key.is_empty() {
        return Err(Reply::fail(
            StatusCode::FORBIDDEN,
            "auth_error",
            "This action requires login.",
        ));
    }
    let state = world.state();
    let own = |id: u64| state.instances.get(&id).is_some_and(|one| one.api_key == key);
    let is_machines = state.instances.values().any(|one| one.api_key == key);
    let good = match &state.script.key {
        Some(good) => good == key,
        None => !is_machines,
    };
    if good || route.machine().is_some_and(own) {
        return Ok(());
    }
    if is_machines {
        let words = "This key may only act on its own instance.";
        return Err(Reply::fail(StatusCode::FORBIDDEN, "permission_denied", words));
    }
    let status =
        StatusCode::from_u16(state.script.wrong_key_status).unwrap_or(StatusCode::NOT_FOUND);
    Err(Reply::fail(status, "auth_error", "Invalid user key"))
}
