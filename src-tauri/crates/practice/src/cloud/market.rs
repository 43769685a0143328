//! Searching and renting on the practice market (facts: vast.md §2, §3).

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::api::bad_request;
use super::query::{Query, Row, number};
use super::reply::Reply;
use super::rows;
use super::world::{Order, RentOutcome, World};

const LONGEST_IMAGE: usize = 1_024;
const LONGEST_LABEL: usize = 256;
const LONGEST_ONSTART: usize = 4_048;
const LARGEST_ENV: usize = 32_768;

pub(super) fn gpu_names(world: &World) -> Reply {
    let state = world.state();
    let names: BTreeSet<&str> =
        state.hosts().filter(|host| host.num_gpus > 0).map(|host| host.gpu.name.as_str()).collect();
    Reply::ok(&json!({ "gpu_names": names }))
}

/// The flat form, also out of a query string.
pub(super) fn search(world: &World, query: &Value) -> Result<Reply, Reply> {
    let (offers, truncated) = find(world, query)?;
    Ok(Reply::ok(&json!({ "offers": offers, "truncated": truncated })))
}

/// The wrapped form. The flat one is refused here (§2.1).
pub(super) fn search_wrapped(world: &World, body: &Value) -> Result<Reply, Reply> {
    let extra = body
        .as_object()
        .and_then(|body| body.keys().find(|key| !matches!(key.as_str(), "q" | "select_cols")));
    if let Some(extra) = extra {
        return Err(bad_request(&format!("{extra}: Extra inputs are not permitted")));
    }
    let query = body.get("q").ok_or_else(|| bad_request("q: Field required"))?;
    search(world, query)
}

fn find(world: &World, query: &Value) -> Result<(Vec<Row>, bool), Reply> {
    let now = world.now();
    let mut state = world.state();
    if let Some(reset) = state.quota_reset(now) {
        return Err(Reply::quota_used_up(reset));
    }
    let query = Query::read(query).map_err(|words| bad_request(&words))?;
    let rows = state.offers(now).map(|(slot, host)| {
        rows::offer(host, slot.ask, &slot.gpus, query.storage_gb, query.bid, now)
    });
    let (rows, truncated) = query.run(rows);
    state.count_rows(rows.len() as u32, now);
    Ok((rows, truncated))
}

pub(super) fn reports(world: &World, machine: u64) -> Reply {
    let start = world.now().unix_ms() / 1_000 - 86_400;
    let state = world.state();
    let reports: Vec<Value> = state
        .hosts()
        .filter(|host| host.machine == machine && host.num_gpus > 0)
        .flat_map(|host| &host.reports)
        .map(|text| json!({ "problem": "other", "message": text, "created_at": start }))
        .collect();
    Reply::ok(&Value::from(reports))
}

pub(super) async fn create(world: &World, ask: u64, body: &Value) -> Result<Reply, Reply> {
    let order = read_order(ask, body)?;
    let outcome = rent(world, order).await;
    Ok(told(ask, outcome))
}

/// Nobody has published the shape of this answer (§3.2); this is a guess with
/// the facts of the single call in it.
pub(super) async fn create_many(world: &World, body: &Value) -> Result<Reply, Reply> {
    let asks = ids(body, "ids")?;
    let mut contracts = Vec::new();
    let mut failed = Vec::new();
    for ask in asks {
        let order = read_order(ask, body)?;
        match rent(world, order).await {
            RentOutcome::Rented { id, .. } | RentOutcome::RefusedButRented { id, .. } => {
                contracts.push(id);
            }
            _ => failed.push(ask),
        }
    }
    let success = failed.is_empty();
    Ok(Reply::ok(&json!({ "success": success, "new_contracts": contracts, "failed": failed })))
}

pub(super) async fn launch(world: &World, body: &Value) -> Result<Reply, Reply> {
    let query = body.get("q").ok_or_else(|| bad_request("q: Field required"))?;
    let (offers, _) = find(world, query)?;
    let ask = offers.first().and_then(|row| row.get("id")).and_then(Value::as_u64);
    match ask {
        Some(ask) => create(world, ask, body).await,
        None => Err(Reply::fail(StatusCode::NOT_FOUND, "no_such_ask", "No offer matches.")),
    }
}

/// The machine exists from here on; the answer takes its time.
async fn rent(world: &World, order: Order) -> RentOutcome {
    let now = world.now();
    let outcome = world.state().rent(order, now);
    world.changed();
    let create_ms = match outcome {
        RentOutcome::Rented { create_ms, .. }
        | RentOutcome::RefusedButRented { create_ms, .. }
        | RentOutcome::LostRace { create_ms }
        | RentOutcome::NoSuchAsk { create_ms } => create_ms,
        RentOutcome::NoCredit | RentOutcome::DiskTooLarge => 0,
    };
    world.pace().sleep(create_ms).await;
    outcome
}

fn told(ask: u64, outcome: RentOutcome) -> Reply {
    match outcome {
        RentOutcome::Rented { id, api_key, .. } => Reply::ok(&json!({
            "success": true, "new_contract": id, "instance_api_key": api_key,
        })),
        RentOutcome::RefusedButRented { id, .. } => Reply::fail_with(
            StatusCode::BAD_REQUEST,
            "invalid_price",
            "The bid is too low: the instance was created but is stopped.",
            "new_contract",
            id,
        ),
        RentOutcome::LostRace { .. } => {
            let words =
                format!("error 410/3907: no_such_ask Instance type {ask} is no longer available.");
            Reply::fail_with(StatusCode::GONE, "no_such_ask", &words, "ask_id", ask)
        }
        RentOutcome::NoSuchAsk { .. } => {
            let words =
                format!("error 404/3603: no_such_ask Instance type by id {ask} is not available.");
            Reply::fail_with(StatusCode::NOT_FOUND, "invalid_args", &words, "ask_id", ask)
        }
        RentOutcome::NoCredit => Reply::fail(
            StatusCode::BAD_REQUEST,
            "insufficient_credit",
            "Your account lacks credit; see the billing page.",
        ),
        RentOutcome::DiskTooLarge => {
            Reply::bad("error 400/3467: the disk asked for is larger than the offer's")
        }
    }
}

fn read_order(ask: u64, body: &Value) -> Result<Order, Reply> {
    let bad = |words: &str| Reply::bad(&format!("error 400/3467: {words}"));
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let within = |text: Option<String>, most: usize, what: &str| match text {
        Some(text) if text.chars().count() > most => Err(bad(&format!("{what} is too long"))),
        other => Ok(other),
    };
    let template = text("template_hash_id");
    let image = within(text("image"), LONGEST_IMAGE, "image")?;
    if image.as_deref().unwrap_or_default().is_empty() && template.is_none() {
        return Err(bad("image is missing"));
    }
    let disk_gb = body.get("disk").and_then(number).unwrap_or(10.0);
    if disk_gb < 1.0 {
        return Err(bad("disk is too small"));
    }
    let bid = body.get("price").filter(|price| !price.is_null()).map(number);
    if bid.is_some_and(|bid| bid.is_none_or(|bid| !(0.001..=128.0).contains(&bid))) {
        return Err(Reply::fail(StatusCode::BAD_REQUEST, "invalid_price", "price is out of range"));
    }
    Ok(Order {
        ask,
        image: image.unwrap_or_default(),
        label: within(text("label"), LONGEST_LABEL, "label")?.filter(|label| !label.is_empty()),
        onstart: within(text("onstart"), LONGEST_ONSTART, "onstart")?.unwrap_or_default(),
        env: env(body).ok_or_else(|| bad("env is no object of texts, or too large"))?,
        disk_gb,
        runtype: text("runtype").unwrap_or_else(|| "ssh".to_owned()),
        template,
        bid: bid.flatten(),
        cancel_unavail: body.get("cancel_unavail").and_then(Value::as_bool).unwrap_or(true),
    })
}

fn env(body: &Value) -> Option<BTreeMap<String, String>> {
    let empty = Map::new();
    let env = match body.get("env") {
        None | Some(Value::Null) => &empty,
        Some(env) => env.as_object()?,
    };
    let env: BTreeMap<String, String> = env
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return None,
            };
            (name.len() <= 256 && value.len() <= 4_096).then(|| (name.clone(), value))
        })
        .collect::<Option<_>>()?;
    let total: usize = env.iter().map(|(name, value)| name.len() + value.len()).sum();
    (total <= LARGEST_ENV).then_some(env)
}

/// A list of numbers, also ones that come as text.
pub(super) fn ids(body: &Value, key: &str) -> Result<Vec<u64>, Reply> {
    body.get(key)
        .and_then(Value::as_array)
        .and_then(|list| list.iter().map(|id| number(id).map(|id| id as u64)).collect())
        .ok_or_else(|| Reply::bad(&format!("{key} is no list of numbers")))
}
