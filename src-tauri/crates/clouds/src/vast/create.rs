//! Renting (facts: vast.md §3, §7). The one question every answer is read for
//! is whether a machine exists now. "No" needs a documented refusal without a
//! contract; anything else that is no clear success is "nobody knows".

use http::Method;
use model::{Code, MachineId, clean};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{CREATE_TIMEOUT, Vast};
use crate::answer::{Answer, id};
use crate::{CreateAnswer, CreateOrder, HttpError, Refusal};

/// Limits of 4,048 and 4,096 are quoted (§3.1); the rules stay below both.
pub(super) const ONSTART_CHARS: usize = 4_000;

/// Direct and relayed SSH; the missing t is Vast's.
const RUNTYPE: &str = "ssh_direc ssh_proxy";

impl Vast {
    pub(super) async fn rent(&self, order: &CreateOrder) -> CreateAnswer {
        let (path, body) = match request(order) {
            Ok(request) => request,
            Err(refused) => return refused,
        };
        let answer = self.exchange(Method::PUT, &path, &[], Some(&body), CREATE_TIMEOUT).await;
        match read(answer) {
            CreateAnswer::Refused { refusal, reason } => {
                CreateAnswer::Refused { refusal, reason: self.without_key(&reason) }
            }
            CreateAnswer::RentedButFailed { machine, reason } => {
                CreateAnswer::RentedButFailed { machine, reason: self.without_key(&reason) }
            }
            CreateAnswer::Unknown { reason } => {
                CreateAnswer::Unknown { reason: self.without_key(&reason) }
            }
            other => other,
        }
    }
}

/// Path and body, or the refusal of an order that makes no sense: nothing was
/// sent then.
fn request(order: &CreateOrder) -> Result<(String, Value), CreateAnswer> {
    let refused = |refusal, reason: String| CreateAnswer::Refused { refusal, reason };
    let senseless = |reason: String| refused(Refusal::Account(Code::Usage), reason);

    let ask = id(&Value::from(order.offer.as_str())).ok_or_else(|| {
        let name = clean(order.offer.as_str(), 40);
        refused(Refusal::Offer, format!("\"{name}\" is no offer number"))
    })?;
    let onstart = order.onstart.expose_secret();
    let chars = onstart.chars().count();
    if chars > ONSTART_CHARS {
        return Err(senseless(format!("onstart has {chars} characters of {ONSTART_CHARS}")));
    }
    let mut env = Map::new();
    for (name, value) in &order.env {
        // A name that starts with a dash would be a docker flag.
        if name.is_empty() || name.starts_with('-') || name.contains(['=', '\0']) {
            return Err(senseless(format!("\"{}\" is no variable name", clean(name, 40))));
        }
        env.insert(name.clone(), value.as_str().into());
    }
    for port in &order.ports {
        let flag = port_flag(port)
            .ok_or_else(|| senseless(format!("\"{}\" is no port", clean(port, 40))))?;
        env.insert(flag, "1".into());
    }
    let body = json!({
        "client_id": "me",
        "image": order.image,
        "env": env,
        "price": null,
        "disk": f64::from(order.disk_gb),
        "label": order.label,
        "extra": null,
        "onstart": onstart,
        "image_login": order.registry_login.as_ref().map(ExposeSecret::expose_secret),
        "python_utf8": false,
        "lang_utf8": false,
        "use_jupyter_lab": false,
        "jupyter_dir": null,
        "force": false,
        // Without it a lost race leaves a stopped machine that bills its disk.
        "cancel_unavail": true,
        "template_hash_id": order.template,
        "user": null,
        "runtype": RUNTYPE,
    });
    Ok((format!("api/v0/asks/{ask}/"), body))
}

/// `8888/tcp` and `8888` become `-p 8888:8888`, `53/udp` becomes `-p 53:53/udp`.
fn port_flag(port: &str) -> Option<String> {
    let (number, suffix) = match port.split_once('/') {
        None | Some((_, "tcp")) => (port.split('/').next()?, ""),
        Some((number, "udp")) => (number, "/udp"),
        Some(_) => return None,
    };
    let number: u16 = number.parse().ok().filter(|number| *number > 0)?;
    Some(format!("-p {number}:{number}{suffix}"))
}

/// What a create call did (§3.4).
fn read(answer: Result<Answer, HttpError>) -> CreateAnswer {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let reason = clean(&error.cause, 300);
            return if error.unsent {
                let refusal = Refusal::Account(Code::CloudUnreachable);
                CreateAnswer::Refused { refusal, reason }
            } else {
                CreateAnswer::Unknown { reason }
            };
        }
    };
    if let Some(contract) = answer.json().and_then(|json| json.get("new_contract")).and_then(id) {
        let machine = MachineId::new(contract.to_string());
        let whole = answer.json().is_some_and(|json| json["new_contract"].is_u64());
        return if answer.status == 200 && answer.success() == Some(true) && whole {
            CreateAnswer::Rented { machine }
        } else {
            CreateAnswer::RentedButFailed { machine, reason: answer.words() }
        };
    }
    let reason = answer.words();
    match refusal(&answer) {
        Some(refusal) => CreateAnswer::Refused { refusal, reason },
        None if answer.status == 429 => {
            CreateAnswer::Throttled { retry_after: answer.retry_after() }
        }
        None => CreateAnswer::Unknown { reason },
    }
}

/// The documented refusals. A body that is not among them proves nothing, and
/// neither does any body under a 5xx.
fn refusal(answer: &Answer) -> Option<Refusal> {
    if !matches!(answer.status.as_u16(), 200 | 400..=499) || answer.success() == Some(true) {
        return None;
    }
    if answer.says_key_is_wrong() || answer.status == 401 && answer.json().is_some() {
        return Some(Refusal::Account(Code::CloudKeyRefused));
    }
    match answer.code()? {
        "insufficient_credit" => Some(Refusal::Account(Code::CreditTooLow)),
        "spend_rate_limit" => Some(Refusal::Account(Code::SpendLimit)),
        "no_such_ask" | "invalid_args" | "invalid_price" | "no_ssh_key_for_vm" => {
            Some(Refusal::Offer)
        }
        // A key without the right to rent lists the market and fails here (§1).
        _ if answer.status == 403 => Some(Refusal::Account(Code::CloudKeyForbidden)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use model::OfferId;
    use proptest::prelude::*;

    use super::super::tests::{Canned, vast};
    use super::*;
    use crate::Cloud;

    fn order() -> CreateOrder {
        CreateOrder {
            offer: OfferId::new("111"),
            image: "ubuntu:22.04".into(),
            disk_gb: 20,
            label: "dumont/k3j5w2ab-q7m2x4n6pa/1".into(),
            onstart: "touch /ready".into(),
            env: vec![("FOO".into(), "bar".into())],
            ports: vec!["8000/tcp".into(), "53/udp".into(), "22".into()],
            template: None,
            registry_login: None,
        }
    }

    #[tokio::test]
    async fn the_request_is_the_official_clients_with_cancel_unavail() {
        let http = Canned::of([(200, r#"{"success":true,"new_contract":7835610}"#)]);
        let answer = vast(&http).create(&order()).await;
        assert!(
            matches!(answer, CreateAnswer::Rented { machine } if machine.as_str() == "7835610")
        );
        assert!(http.asked()[0].starts_with("PUT /api/v0/asks/111/ {"));
        assert_eq!(
            http.body(0),
            json!({
                "client_id": "me", "image": "ubuntu:22.04", "price": null, "disk": 20.0,
                "env": { "-p 8000:8000": "1", "-p 53:53/udp": "1", "-p 22:22": "1", "FOO": "bar" },
                "label": "dumont/k3j5w2ab-q7m2x4n6pa/1", "extra": null, "onstart": "touch /ready",
                "image_login": null, "python_utf8": false, "lang_utf8": false,
                "use_jupyter_lab": false, "jupyter_dir": null, "force": false,
                "cancel_unavail": true, "template_hash_id": null, "user": null,
                "runtype": "ssh_direc ssh_proxy",
            })
        );
    }

    #[tokio::test]
    async fn template_and_registry_login_are_passed_on() {
        let http = Canned::of([(200, r#"{"success":true,"new_contract":1}"#)]);
        let order = CreateOrder {
            template: Some("abc".into()),
            registry_login: Some("-u me -p token ghcr.io".into()),
            ..order()
        };
        vast(&http).create(&order).await;
        assert_eq!(http.body(0)["template_hash_id"], "abc");
        assert_eq!(http.body(0)["image_login"], "-u me -p token ghcr.io");
    }

    #[tokio::test]
    async fn a_senseless_order_is_refused_before_anything_is_sent() {
        let usage = Refusal::Account(Code::Usage);
        let rows = [
            (CreateOrder { offer: OfferId::new("../users"), ..order() }, Refusal::Offer),
            (CreateOrder { onstart: "x".repeat(4_001).into(), ..order() }, usage),
            (CreateOrder { env: vec![("--privileged".into(), "1".into())], ..order() }, usage),
            (CreateOrder { env: vec![(String::new(), "1".into())], ..order() }, usage),
            (CreateOrder { ports: vec!["0/tcp".into()], ..order() }, usage),
            (CreateOrder { ports: vec!["80/sctp".into()], ..order() }, usage),
            (CreateOrder { ports: vec!["70000".into()], ..order() }, usage),
        ];
        for (order, expected) in rows {
            let http = Canned::of::<&str>([]);
            let answer = vast(&http).create(&order).await;
            assert!(
                matches!(&answer, CreateAnswer::Refused { refusal, .. } if *refusal == expected),
                "{answer:?}"
            );
            assert!(http.asked().is_empty());
        }
    }

    #[derive(Debug, PartialEq)]
    enum Class {
        Rented,
        /// Same lane, next offer.
        NextOffer,
        /// The run ends with this code.
        RunEnds(Code),
        /// Same offer again, later.
        WaitAndAskAgain,
        /// Destroy the machine named.
        DestroyIt,
        /// Look for the label before anything else.
        LookForIt,
    }

    fn class(answer: &CreateAnswer) -> Class {
        match answer {
            CreateAnswer::Rented { .. } => Class::Rented,
            CreateAnswer::Refused { refusal: Refusal::Offer, .. } => Class::NextOffer,
            CreateAnswer::Refused { refusal: Refusal::Account(code), .. } => Class::RunEnds(*code),
            CreateAnswer::Throttled { .. } => Class::WaitAndAskAgain,
            CreateAnswer::RentedButFailed { .. } => Class::DestroyIt,
            CreateAnswer::Unknown { .. } => Class::LookForIt,
        }
    }

    #[tokio::test]
    async fn every_documented_body_has_one_meaning() {
        use Class::{DestroyIt, LookForIt, NextOffer, Rented, RunEnds, WaitAndAskAgain};
        let no_such_ask = r#"{"success":false,"error":"no_such_ask","msg":"error 410/3907: no_such_ask Instance type 9 is no longer available.","ask_id":9}"#;
        let gone_before = r#"{"success":false,"error":"invalid_args","msg":"error 404/3603: no_such_ask Instance type by id 9 is not available.","ask_id":9}"#;
        let wrong_key = r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#;
        let rows: &[(u16, &str, Class)] = &[
            // Success.
            (200, r#"{"success":true,"new_contract":7,"instance_api_key":"k"}"#, Rented),
            // §3.4, in its order.
            (
                400,
                r#"{"success":false,"error":"insufficient_credit","msg":"Your account lacks credit; see the billing page."}"#,
                RunEnds(Code::CreditTooLow),
            ),
            (
                400,
                r#"{"success":false,"error":"invalid_args","msg":"error 400/3467: bad"}"#,
                NextOffer,
            ),
            (
                400,
                r#"{"success":false,"error":"invalid_price","msg":"error 400/3468: bad"}"#,
                NextOffer,
            ),
            (400, r#"{"success":false,"error":"no_ssh_key_for_vm","msg":"x"}"#, NextOffer),
            (401, wrong_key, RunEnds(Code::CloudKeyRefused)),
            (404, wrong_key, RunEnds(Code::CloudKeyRefused)),
            (
                403,
                r#"{"success":false,"error":"auth_error","msg":"This action requires login."}"#,
                RunEnds(Code::CloudKeyRefused),
            ),
            (
                403,
                r#"{"success":false,"error":"invalid_args","msg":"error 403/3586: Offer 9 is not your own"}"#,
                NextOffer,
            ),
            (
                403,
                r#"{"success":false,"error":"permission_denied","msg":"instance_write"}"#,
                RunEnds(Code::CloudKeyForbidden),
            ),
            (404, gone_before, NextOffer),
            (410, no_such_ask, NextOffer),
            (200, no_such_ask, NextOffer),
            (
                400,
                r#"{"success":false,"error":"spend_rate_limit","msg":"too fast"}"#,
                RunEnds(Code::SpendLimit),
            ),
            (
                429,
                r#"{"success":false,"error":"spend_rate_limit","msg":"too fast"}"#,
                RunEnds(Code::SpendLimit),
            ),
            // Errors that name a contract: rented, whatever the status.
            (200, r#"{"success":false,"error":"bid_too_low","new_contract":7}"#, DestroyIt),
            (400, r#"{"success":false,"error":"no_such_ask","new_contract":7}"#, DestroyIt),
            (429, r#"{"success":false,"new_contract":"7"}"#, DestroyIt),
            (500, r#"{"new_contract":7}"#, DestroyIt),
            (200, r#"{"success":true,"new_contract":"7"}"#, DestroyIt),
            (200, r#"{"new_contract":7}"#, DestroyIt),
            (201, r#"{"success":true,"new_contract":7}"#, DestroyIt),
            // 429 in its shapes (§7).
            (
                429,
                r#"{"detail":"API requests too frequent endpoint threshold=4.5"}"#,
                WaitAndAskAgain,
            ),
            (429, "API requests too frequent", WaitAndAskAgain),
            (429, "API requests too frequent: endpoint threshold=4.5*1.0", WaitAndAskAgain),
            (429, r#"{"success":false,"error":"too_many_requests","msg":"x"}"#, WaitAndAskAgain),
            // Nobody knows.
            (500, r#"{"success":false,"error":"no_such_ask","msg":"x"}"#, LookForIt),
            (502, "<html>Bad Gateway</html>", LookForIt),
            (503, "", LookForIt),
            (504, "", LookForIt),
            (200, r#"{"success":false,"error":"resources_unavailable","msg":"x"}"#, LookForIt),
            (200, r#"{"success":false,"msg":"something new"}"#, LookForIt),
            (200, r#"{"success":true}"#, LookForIt),
            (200, r#"{"success":true,"new_contract":null}"#, LookForIt),
            (200, r#"{"success":true,"new_contract":-7}"#, LookForIt),
            (200, r#"{"success":true,"error":"no_such_ask"}"#, LookForIt),
            (200, r#"{"success":true,"new_con"#, LookForIt),
            (200, "", LookForIt),
            (200, "[]", LookForIt),
            (302, "", LookForIt),
            (401, "proxy says no", LookForIt),
            (403, "<html>blocked</html>", LookForIt),
            (404, "<html>not found</html>", LookForIt),
            (400, "{}", LookForIt),
            (418, r#"{"success":false,"error":"teapot"}"#, LookForIt),
        ];
        for (status, body, expected) in rows {
            let http = Canned::of([(*status, *body)]);
            let answer = vast(&http).create(&order()).await;
            assert_eq!(class(&answer), *expected, "{status} {body}: {answer:?}");
            assert_eq!(http.asked().len(), 1, "asked once, whatever the answer");
            if let CreateAnswer::RentedButFailed { machine, .. } = answer {
                assert_eq!(machine.as_str(), "7");
            }
        }
    }

    #[tokio::test]
    async fn without_an_answer_only_an_unsent_request_proves_anything() {
        for (unsent, expected) in
            [(true, Class::RunEnds(Code::CloudUnreachable)), (false, Class::LookForIt)]
        {
            let http = Canned::failing(HttpError { unsent, cause: "timed out".into() });
            assert_eq!(class(&vast(&http).create(&order()).await), expected);
            assert_eq!(http.asked().len(), 1);
        }
    }

    #[test]
    fn the_wait_of_a_throttled_create_is_passed_on() {
        let response = Response::builder().status(429).header("retry-after", "2");
        let answer = read(Ok(Answer::read(&response.body(Bytes::new()).unwrap())));
        let CreateAnswer::Throttled { retry_after } = answer else { panic!("{answer:?}") };
        assert_eq!(retry_after, Some(std::time::Duration::from_secs(2)));
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z_]{0,12}".prop_map(Value::from),
            Just(json!("no_such_ask")),
        ];
        let key = prop_oneof![
            Just("success".to_owned()),
            Just("error".to_owned()),
            Just("msg".to_owned()),
            Just("new_contract".to_owned()),
            "[a-z]{1,6}",
        ];
        leaf.prop_recursive(3, 24, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(key.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn rented_needs_a_contract(status in prop_oneof![Just(200u16), 100u16..1000], body in json_value()) {
            let response = Response::builder().status(status).body(body.to_string().into()).unwrap();
            if let CreateAnswer::Rented { machine } = read(Ok(Answer::read(&response))) {
                prop_assert_eq!(status, 200);
                prop_assert_eq!(&body["success"], &json!(true));
                prop_assert_eq!(body["new_contract"].to_string(), machine.as_str());
            }
        }

        #[test]
        fn a_contract_is_never_overlooked(status in 100u16..1000, contract in 1u64.., body in json_value()) {
            let mut body = if body.is_object() { body } else { json!({ "msg": body }) };
            body["new_contract"] = contract.into();
            let response = Response::builder().status(status).body(body.to_string().into()).unwrap();
            let answer = read(Ok(Answer::read(&response)));
            prop_assert!(
                matches!(&answer, CreateAnswer::Rented { machine } | CreateAnswer::RentedButFailed { machine, .. }
                    if machine.as_str() == contract.to_string()),
                "{answer:?}"
            );
        }

        #[test]
        fn arbitrary_bytes_rent_nothing(status in 100u16..1000, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let response = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            let rented = matches!(read(Ok(Answer::read(&response))), CreateAnswer::Rented { .. });
            prop_assert!(!rented);
        }
    }
}
