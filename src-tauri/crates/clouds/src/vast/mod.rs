//! vast.ai (facts: vast.md). Requests are shaped as the official client shapes
//! them, answers are read with suspicion: servers take filters loosely, lists
//! come in pages, a 404 may mean a wrong key, and a create that fails may have
//! rented. Nothing here is ever asked twice by itself.

mod account;
mod create;
mod list;
mod machines;
mod search;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use model::{At, CloudId, HostId, MachineId, OfferFilter, RightCheck};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::{Host, Url};

use crate::answer::{self, Answer, unreachable};
use crate::{
    Account, Capabilities, Charge, Cloud, CloudError, CloudErrorKind, CreateAnswer, CreateOrder,
    Found, HostReport, Http, HttpError, Listed, Timeout,
};

/// Machines in one bulk call, as the official client sends them (§3.2).
const BULK: usize = 64;

/// A create may answer late; the engine gives the lane up much earlier and
/// goes on listening for the machine's id (rules.md R7).
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// How to search: the server returns at most 64 rows a query (§2.2), so a
/// wider pool takes several orders, merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOptions {
    /// How many orders are asked for: cheapest, best by Vast's own score,
    /// fastest line, best value; 1 to 4. The later ones are asked only when
    /// the first answer was cut off, because returned rows count against a
    /// daily quota (§7).
    pub orders: usize,
    /// Least time between the starts of two queries.
    pub spacing: Duration,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { orders: 3, spacing: Duration::from_millis(200) }
    }
}

/// A client of vast.ai.
#[derive(Debug)]
pub struct Vast {
    base: Url,
    key: SecretString,
    authorization: HeaderValue,
    http: Arc<dyn Http>,
    search: SearchOptions,
    /// The last answer's date, and when it came.
    dated: Mutex<Option<(At, Instant)>>,
}

impl Vast {
    /// A client of the API at `base`, with or without a trailing slash.
    ///
    /// # Errors
    /// A base to which the key may not go is [`CloudErrorKind::BadAddress`]: the
    /// key is money, and crosses a network only under TLS. A key that cannot
    /// stand in a header is [`CloudErrorKind::KeyRefused`].
    pub fn new(
        base: &str,
        key: SecretString,
        http: Arc<dyn Http>,
        search: SearchOptions,
    ) -> Result<Self, CloudError> {
        let base = base_url(base).ok_or_else(|| {
            let details = "an address of the cloud's API is https, or on this computer";
            CloudError::new(CloudErrorKind::BadAddress, details)
        })?;
        let plain = key.expose_secret().trim();
        let mut authorization = HeaderValue::try_from(format!("Bearer {plain}"))
            .ok()
            .filter(|_| !plain.is_empty())
            .ok_or_else(|| {
                CloudError::new(CloudErrorKind::KeyRefused, "the key is empty or no plain text")
            })?;
        authorization.set_sensitive(true);
        Ok(Self { base, key, authorization, http, search, dated: Mutex::default() })
    }

    /// One exchange. `path` starts without a slash: `api/v0/bundles/`.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Answer, HttpError> {
        let unsent = |cause: String| HttpError { unsent: true, cause };
        let mut url = self.base.join(path).map_err(|error| unsent(error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let bytes = match body {
            Some(json) => {
                serde_json::to_vec(json).map_err(|error| unsent(error.to_string()))?.into()
            }
            None => Bytes::new(),
        };
        let mut request = Request::builder()
            .method(method.clone())
            .uri(url.as_str())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .extension(Timeout(timeout));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(bytes).map_err(|error| unsent(error.to_string()))?;

        let result = self.http.send(request).await;
        match &result {
            Ok(response) => tracing::debug!(%method, path, status = response.status().as_u16()),
            Err(error) => tracing::debug!(%method, path, %error),
        }
        let response = result?;
        if let Some(date) = answer::date(&response) {
            *self.dated.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((date, Instant::now()));
        }
        Ok(Answer::read(&response))
    }

    /// A call that rents nothing: the JSON of its success, or what went wrong.
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, CloudError> {
        self.exchange(method, path, query, body, CALL_TIMEOUT)
            .await
            .map_err(|error| unreachable(&error))
            .and_then(Answer::accept)
            .map_err(|error| self.discreet(&error))
    }

    /// The same error, whatever the server quoted.
    fn discreet(&self, error: &CloudError) -> CloudError {
        CloudError::new(error.kind, self.without_key(&error.details))
    }

    /// Servers like to quote what they were sent.
    fn without_key(&self, text: &str) -> String {
        text.replace(self.key.expose_secret().trim(), "…")
    }

    async fn destroy_one(&self, id: u64) -> Result<(), CloudError> {
        let path = format!("api/v0/instances/{id}/");
        match self.call(Method::DELETE, &path, &[], Some(&json!({}))).await {
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    async fn destroy_many(&self, ids: &[u64]) -> Result<(), CloudError> {
        let body = json!({ "instance_ids": ids });
        let bulk = self.call(Method::DELETE, "api/v0/instances/", &[], Some(&body)).await;
        match bulk {
            // One that is gone already must not keep the others alive.
            Err(error) if error.kind == CloudErrorKind::NotFound => {
                let mut first = Ok(());
                for id in ids {
                    first = first.and(self.destroy_one(*id).await);
                }
                first
            }
            other => other.map(drop),
        }
    }
}

#[async_trait]
impl Cloud for Vast {
    fn id(&self) -> CloudId {
        CloudId::Vast
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            per_host_offers: true,
            // §7: races of others fire creates 0.3 to 0.5 s apart.
            create_spacing: Duration::from_millis(300),
            list_spacing: Duration::from_secs(1),
            onstart_chars: create::ONSTART_CHARS,
        }
    }

    fn deadman_api(&self) -> Option<String> {
        Some(self.base.as_str().trim_end_matches('/').to_owned())
    }

    fn time(&self) -> Option<At> {
        let (date, came) = (*self.dated.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = i64::try_from(came.elapsed().as_millis()).unwrap_or(i64::MAX);
        Some(date.after_ms(since))
    }

    async fn search(&self, filter: &OfferFilter) -> Result<Found, CloudError> {
        self.find(filter).await
    }

    async fn create(&self, order: &CreateOrder) -> CreateAnswer {
        self.rent(order).await
    }

    async fn list(&self) -> Result<Vec<Listed>, CloudError> {
        self.list_all().await
    }

    async fn destroy(&self, machines: &[MachineId]) -> Result<(), CloudError> {
        let mut ids = Vec::with_capacity(machines.len());
        let mut first = Ok(());
        for machine in machines {
            match instance_id(machine) {
                Ok(id) => ids.push(id),
                Err(error) => first = first.and(Err(error)),
            }
        }
        // A chunk that fails must not keep the next one alive.
        for chunk in ids.chunks(BULK) {
            let done = match chunk {
                [id] => self.destroy_one(*id).await,
                many => self.destroy_many(many).await,
            };
            first = first.and(done);
        }
        first
    }

    async fn attach_key(&self, machine: &MachineId, public_key: &str) -> Result<(), CloudError> {
        let path = format!("api/v0/instances/{}/ssh/", instance_id(machine)?);
        let body = json!({ "ssh_key": public_key });
        let json = self.call(Method::POST, &path, &[], Some(&body)).await?;
        match json.get("success") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(not_understood("an attached key is not confirmed")),
        }
    }

    async fn account(&self) -> Result<Account, CloudError> {
        self.read_account().await
    }

    async fn rights(&self) -> Result<Vec<RightCheck>, CloudError> {
        self.read_rights().await
    }

    async fn charges(&self, from: At, to: At) -> Result<Vec<Charge>, CloudError> {
        self.read_charges(from, to).await
    }

    async fn reports(&self, host: &HostId) -> Result<Vec<HostReport>, CloudError> {
        self.read_reports(host).await
    }

    async fn show(&self, machine: &MachineId) -> Result<Option<Listed>, CloudError> {
        self.show_one(machine).await
    }

    async fn label(&self, machine: &MachineId, label: &str) -> Result<(), CloudError> {
        self.set_label(machine, label).await
    }

    async fn stop(&self, machine: &MachineId) -> Result<(), CloudError> {
        self.set_state(machine, "stopped").await
    }

    async fn start(&self, machine: &MachineId) -> Result<(), CloudError> {
        self.set_state(machine, "running").await
    }

    async fn logs(&self, machine: &MachineId, lines: u32) -> Result<Vec<String>, CloudError> {
        self.read_logs(machine, lines).await
    }
}

/// An address on this computer.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The base with a trailing slash, if it is a plain address to which a key may
/// go.
fn base_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_safe || !plain {
        return None;
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

/// Vast's ids are numbers; anything else must not reach a path.
fn instance_id(machine: &MachineId) -> Result<u64, CloudError> {
    answer::id(&Value::from(machine.as_str())).ok_or_else(|| {
        let name = model::clean(machine.as_str(), 40);
        CloudError::new(CloudErrorKind::Refused, format!("\"{name}\" is no instance number"))
    })
}

fn not_understood(details: impl Into<String>) -> CloudError {
    CloudError::new(CloudErrorKind::NotUnderstood, details)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http::Response;
    use proptest::prelude::*;

    use super::*;

    /// Answers from a list and keeps what it was asked.
    #[derive(Debug, Default)]
    pub struct Canned {
        answers: Mutex<VecDeque<Result<(u16, Bytes), HttpError>>>,
        asked: Mutex<Vec<Request<Bytes>>>,
        /// Requests after the first carry no key.
        keyless_later: bool,
    }

    impl Canned {
        pub fn of<B: Into<Bytes>>(answers: impl IntoIterator<Item = (u16, B)>) -> Arc<Self> {
            let answers = answers.into_iter().map(|(status, body)| Ok((status, body.into())));
            Arc::new(Self { answers: Mutex::new(answers.collect()), ..Self::default() })
        }

        pub fn keyless_after_first<B: Into<Bytes>>(
            answers: impl IntoIterator<Item = (u16, B)>,
        ) -> Arc<Self> {
            let answers = answers.into_iter().map(|(status, body)| Ok((status, body.into())));
            let answers = Mutex::new(answers.collect());
            Arc::new(Self { answers, keyless_later: true, ..Self::default() })
        }

        pub fn failing(error: HttpError) -> Arc<Self> {
            Arc::new(Self { answers: Mutex::new(VecDeque::from([Err(error)])), ..Self::default() })
        }

        /// `METHOD path?query body` of every request, in order.
        pub fn asked(&self) -> Vec<String> {
            let asked = self.asked.lock().unwrap();
            asked
                .iter()
                .map(|request| {
                    let body = std::str::from_utf8(request.body()).unwrap();
                    let path = request.uri().path_and_query().unwrap();
                    format!("{} {path} {body}", request.method()).trim_end().to_owned()
                })
                .collect()
        }

        pub fn body(&self, index: usize) -> Value {
            serde_json::from_slice(self.asked.lock().unwrap()[index].body()).unwrap()
        }
    }

    #[async_trait]
    impl Http for Canned {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let mut asked = self.asked.lock().unwrap();
            if self.keyless_later && !asked.is_empty() {
                assert!(!request.headers().contains_key(AUTHORIZATION));
            } else {
                assert_eq!(request.headers()[AUTHORIZATION], "Bearer key-of-the-test");
            }
            asked.push(request);
            drop(asked);
            let next =
                self.answers.lock().unwrap().pop_front().expect("an answer for each request");
            let (status, body) = next?;
            Ok(Response::builder().status(status).body(body).unwrap())
        }
    }

    pub fn vast(http: &Arc<Canned>) -> Vast {
        vast_with(http, SearchOptions::default())
    }

    pub fn vast_with(http: &Arc<Canned>, search: SearchOptions) -> Vast {
        let http: Arc<dyn Http> = Arc::<Canned>::clone(http);
        Vast::new("http://127.0.0.1:9", "key-of-the-test".into(), http, search).unwrap()
    }

    fn machines(ids: &[&str]) -> Vec<MachineId> {
        ids.iter().map(|id| MachineId::new(*id)).collect()
    }

    #[test]
    fn a_key_goes_out_under_tls_or_stays_on_this_computer() {
        for base in [
            "http://127.0.0.1:80",
            "http://127.9.8.7:8080/",
            "http://localhost:3000/",
            "https://LOCALHOST",
            "http://[::1]:4/prefix",
            "https://console.vast.ai",
        ] {
            assert!(base_url(base).is_some_and(|url| url.path().ends_with('/')), "{base}");
        }
        for base in [
            "http://console.vast.ai",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://user@127.0.0.1",
            "http://[::ffff:127.0.0.1]",
            "http://[::]",
            "http://127.0.0.1/?a=b",
            "file:///etc/passwd",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "",
        ] {
            let refused =
                Vast::new(base, "k".into(), Canned::of([(200, "")]), SearchOptions::default());
            assert_eq!(refused.unwrap_err().kind, CloudErrorKind::BadAddress, "{base}");
        }
    }

    #[test]
    fn a_key_that_is_no_header_is_refused_and_never_shown() {
        for key in ["", "  ", "a\nb"] {
            let http = Canned::of([(200, "")]);
            let refused = Vast::new("http://[::1]", key.into(), http, SearchOptions::default());
            assert_eq!(refused.unwrap_err().kind, CloudErrorKind::KeyRefused);
        }
        assert!(!format!("{:?}", vast(&Canned::of([(200, "")]))).contains("key-of-the-test"));
    }

    #[tokio::test]
    async fn an_error_that_quotes_the_key_is_told_without_it() {
        let http = Canned::of([(401, r#"{"error":"auth_error","msg":"bad key-of-the-test"}"#)]);
        let error = vast(&http).account().await.unwrap_err();
        assert_eq!(error.details, "HTTP 401: auth_error: bad …");
    }

    #[tokio::test]
    async fn one_machine_is_destroyed_by_its_own_call() {
        let http = Canned::of([(200, r#"{"success":true}"#)]);
        vast(&http).destroy(&machines(&["7"])).await.unwrap();
        assert_eq!(http.asked(), ["DELETE /api/v0/instances/7/ {}"]);
    }

    #[tokio::test]
    async fn many_machines_are_destroyed_in_chunks() {
        let http = Canned::of([(200, r#"{"success":true}"#), (200, r#"{"success":true}"#)]);
        let ids: Vec<_> = (1..=70).map(|id| MachineId::new(id.to_string())).collect();
        vast(&http).destroy(&ids).await.unwrap();
        assert_eq!(http.body(0)["instance_ids"].as_array().unwrap().len(), 64);
        assert_eq!(http.body(1), json!({ "instance_ids": [65, 66, 67, 68, 69, 70] }));
    }

    #[tokio::test]
    async fn nothing_to_destroy_is_no_call() {
        let http = Canned::of::<&str>([]);
        vast(&http).destroy(&[]).await.unwrap();
        assert!(http.asked().is_empty());
    }

    #[tokio::test]
    async fn a_machine_that_is_gone_is_no_error_but_a_wrong_key_is() {
        let gone = r#"{"success":false,"error":"no_such_instance","msg":"x"}"#;
        let http = Canned::of([(404, gone)]);
        assert_eq!(vast(&http).destroy(&machines(&["7"])).await, Ok(()));

        let wrong_key = r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#;
        for (status, body, kind) in [
            (404, wrong_key, CloudErrorKind::KeyRefused),
            (404, "not here", CloudErrorKind::NotUnderstood),
            (200, r#"{"success":false,"msg":"busy"}"#, CloudErrorKind::Refused),
            (502, "", CloudErrorKind::Unreachable),
        ] {
            let error = vast(&Canned::of([(status, body)])).destroy(&machines(&["7"])).await;
            assert_eq!(error.unwrap_err().kind, kind, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_gone_machine_in_a_bulk_call_does_not_save_the_others() {
        let gone = r#"{"success":false,"error":"no_such_instance","msg":"x"}"#;
        let http = Canned::of([(404, gone), (404, gone), (200, r#"{"success":true}"#)]);
        vast(&http).destroy(&machines(&["7", "8"])).await.unwrap();
        assert_eq!(
            http.asked()[1..],
            ["DELETE /api/v0/instances/7/ {}", "DELETE /api/v0/instances/8/ {}"]
        );
    }

    #[tokio::test]
    async fn an_id_that_is_no_number_is_told_after_the_others_are_destroyed() {
        let http = Canned::of([(200, r#"{"success":true}"#)]);
        let error = vast(&http).destroy(&machines(&["../users", "8"])).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Refused);
        assert_eq!(http.asked(), ["DELETE /api/v0/instances/8/ {}"]);
    }

    #[tokio::test]
    async fn a_key_is_attached_to_one_machine() {
        let http = Canned::of([(200, r#"{"success":true,"msg":"x"}"#), (200, "{}")]);
        let machine = MachineId::new("7");
        vast(&http).attach_key(&machine, "ssh-ed25519 AAAA").await.unwrap();
        assert_eq!(
            http.asked(),
            [r#"POST /api/v0/instances/7/ssh/ {"ssh_key":"ssh-ed25519 AAAA"}"#]
        );
        let error = vast(&http).attach_key(&machine, "k").await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::NotUnderstood);
    }

    fn anything() -> impl Strategy<Value = Bytes> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        let key = prop_oneof![
            Just("success"),
            Just("error"),
            Just("msg"),
            Just("offers"),
            Just("instances"),
            Just("total_instances"),
            Just("next_token"),
            Just("id"),
            Just("credit"),
            Just("new_contract"),
        ];
        let json = leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(key.clone(), inner, 0..6).prop_map(|map| {
                    map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                }),
            ]
        });
        prop_oneof![
            json.prop_map(|json| json.to_string().into()),
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        ]
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_call_panic(status in prop_oneof![Just(200u16), 100u16..1000], body in anything()) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let http = Canned::of(std::iter::repeat_n((status, body), 500));
                let vast = vast(&http);
                let ids = machines(&["7", "8"]);
                let _ = vast.search(&OfferFilter { gpu: Some("x".into()), ..OfferFilter::default() }).await;
                let _ = vast.list().await;
                let _ = vast.destroy(&ids).await;
                let _ = vast.destroy(&ids[..1]).await;
                let _ = vast.attach_key(&ids[0], "k").await;
                let _ = vast.account().await;
            });
        }
    }
}
