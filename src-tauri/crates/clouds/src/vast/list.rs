//! Listing every machine of the account (facts: vast.md §4). A list is whole or
//! it is an error: money hangs on machines that are *not* in it.

use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use http::Method;
use model::{
    Addresses, At, Endpoint, HostId, MachineId, MachineState, MachineStatus, OwnerId, Rate, clean,
};
use serde_json::Value;

use super::{Vast, not_understood};
use crate::answer::{id, number};
use crate::{CloudError, Listed};

/// Rows a page, the documented most (§4.1).
const ROWS: &str = "25";
/// Far more pages than an account has machines: the server goes in circles.
const PAGES: usize = 400;
const MESSAGE: usize = 300;
const NAME: usize = 80;

/// What docker and the GPU runtime say of a container that will never start
/// (§4.3), in lower case.
const LAST_WORDS: [&str; 2] = ["oci runtime create failed", "unresolvable cdi devices"];

impl Vast {
    pub(super) async fn list_all(&self) -> Result<Vec<Listed>, CloudError> {
        let mut machines = BTreeMap::new();
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![
                ("select_filters", "{}"),
                ("order_by", r#"[{"col":"id","dir":"asc"}]"#),
                ("limit", ROWS),
            ];
            if let Some(token) = &token {
                query.push(("after_token", token));
            }
            let answer = self.call(Method::GET, "api/v1/instances/", &query, None).await?;
            let page = read(&answer)?;
            machines.extend(page.machines);
            let Some(next) = page.next else {
                if page.total.is_some_and(|total| total != machines.len() as u64) {
                    return Err(not_understood(format!(
                        "the list has {} machines where it says {}",
                        machines.len(),
                        page.total.unwrap_or_default(),
                    )));
                }
                return Ok(machines.into_values().collect());
            };
            if !tokens.insert(next.clone()) {
                break;
            }
            token = Some(next);
        }
        Err(not_understood("the pages of the list do not end"))
    }
}

struct Page {
    machines: Vec<(u64, Listed)>,
    total: Option<u64>,
    next: Option<String>,
}

fn read(answer: &Value) -> Result<Page, CloudError> {
    let odd = |what: &str| not_understood(format!("the list of machines has {what}"));
    // Any other `success` was an error before this.
    if answer.get("success").is_some_and(|success| *success != Value::Bool(true)) {
        return Err(odd("no plain success"));
    }
    let rows = answer.get("instances").and_then(Value::as_array).ok_or_else(|| odd("no rows"))?;
    let machines = rows
        .iter()
        .map(|row| {
            let id = row.get("id").filter(|id| id.is_u64()).and_then(id);
            id.map(|id| (id, machine(id, row))).ok_or_else(|| odd("a row without a number"))
        })
        .collect::<Result<_, _>>()?;
    let total = match answer.get("total_instances") {
        None | Some(Value::Null) => None,
        Some(total) => Some(total.as_u64().ok_or_else(|| odd("an odd total"))?),
    };
    let next = match answer.get("next_token") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) if token.is_empty() => None,
        Some(Value::String(token)) => Some(token.clone()),
        Some(Value::Number(token)) => Some(token.to_string()),
        Some(_) => return Err(odd("an odd page token")),
    };
    Ok(Page { machines, total, next })
}

/// One machine's row, if it has a number.
pub(super) fn read_row(row: &Value) -> Option<Listed> {
    let number = row.get("id").filter(|id| id.is_u64()).and_then(id)?;
    Some(machine(number, row))
}

fn machine(number_of: u64, row: &Value) -> Listed {
    let words = |key: &str| clean(text(row, key), NAME);
    let amount = |key: &str| row.get(key).and_then(number);
    let started = amount("start_date").filter(|second| *second > 0.0);
    Listed {
        machine: MachineId::new(number_of.to_string()),
        // As it is: a label that only looks like ours once cleaned is not ours.
        label: text(row, "label").to_owned(),
        status: status(row),
        addresses: Addresses { direct: direct(row), proxy: proxy(row) },
        host: row.get("machine_id").and_then(id).map(|id| HostId::new(id.to_string())),
        owner: row.get("host_id").and_then(id).map(|id| OwnerId::new(id.to_string())),
        gpu: words("gpu_name"),
        num_gpus: amount("num_gpus").unwrap_or(0.0) as u32,
        location: words("geolocation"),
        price: Rate::from_usd_per_hour(amount("dph_total").unwrap_or(0.0)),
        started: started.map(|second| At::from_unix_ms((second * 1e3) as i64)),
    }
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or("")
}

fn status(row: &Value) -> MachineStatus {
    let message = text(row, "status_msg");
    let word = text(row, "actual_status");
    let (mut state, known) = match word {
        "" => (MachineState::Requested, true),
        "created" => (MachineState::Created, true),
        "loading" => (MachineState::Loading, true),
        "running" => (MachineState::Running, true),
        "exited" => (MachineState::Exited, true),
        "stopped" => (MachineState::Stopped, true),
        "frozen" => (MachineState::Frozen, true),
        "rebooting" => (MachineState::Rebooting, true),
        "unknown" => (MachineState::Unknown, true),
        "offline" => (MachineState::Offline, true),
        _ => (MachineState::Unknown, false),
    };
    // A machine that was outbid, or whose GPUs are taken, never reports
    // anything: all three plans say "stopped" (§4.3).
    let mut plans = ["intended_status", "cur_state", "next_state"]
        .into_iter()
        .filter_map(|key| row.get(key).and_then(Value::as_str))
        .peekable();
    if state == MachineState::Requested
        && plans.peek().is_some()
        && plans.all(|plan| plan == "stopped")
    {
        state = MachineState::Stopped;
    }
    // What was true before the container ran may still stand in the message.
    let lower = message.to_lowercase();
    let dead =
        state != MachineState::Running && LAST_WORDS.iter().any(|words| lower.contains(words));
    let message =
        if known { clean(message, MESSAGE) } else { clean(&format!("{word}: {message}"), MESSAGE) };
    MachineStatus { state, message, dead }
}

/// Straight to the machine: its address and the outer port of 22, which show
/// up once the container runs (§4.4).
fn direct(row: &Value) -> Option<Endpoint> {
    let bindings = row.get("ports")?.get("22/tcp")?.as_array()?;
    let is_v4 = |binding: &&Value| text(binding, "HostIp").parse::<Ipv4Addr>().is_ok();
    let binding = bindings.iter().find(is_v4).or_else(|| bindings.first())?;
    endpoint(text(row, "public_ipaddr"), port(binding.get("HostPort")?)?)
}

/// Through Vast's relay, known from the first moment and open long before a
/// container listens behind it (§4.4).
fn proxy(row: &Value) -> Option<Endpoint> {
    let port = port(row.get("ssh_port")?)?;
    // The official client's `ssh-url` adds one for Jupyter machines. It is the
    // only witness; our own machines never are Jupyter machines.
    let jupyter = text(row, "image_runtype").contains("jupyter");
    endpoint(text(row, "ssh_host"), if jupyter { port.checked_add(1)? } else { port })
}

/// Addresses come with white space around them, and from strangers: what is
/// neither an address nor a plain host name must not reach a resolver.
fn endpoint(host: &str, port: u16) -> Option<Endpoint> {
    let host = host.trim();
    let is_name = !host.is_empty()
        && host.len() <= 253
        && !host.starts_with(['-', '.'])
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    (is_name || host.parse::<Ipv6Addr>().is_ok()).then(|| Endpoint {
        host: host.to_owned(),
        port,
        user: "root".to_owned(),
    })
}

fn port(value: &Value) -> Option<u16> {
    id(value).and_then(|port| port.try_into().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::tests::{Canned, vast};
    use super::*;
    use crate::{Cloud, CloudErrorKind};

    fn page(ids: std::ops::Range<u64>, total: u64, next: &Value) -> (u16, String) {
        let rows: Vec<_> = ids.map(|id| json!({ "id": id })).collect();
        let body = json!({
            "success": true, "instances_found": rows.len(), "total_instances": total,
            "next_token": next, "instances": rows,
        });
        (200, body.to_string())
    }

    #[tokio::test]
    async fn pages_are_read_to_the_end() {
        let http = Canned::of([
            page(1..26, 60, &json!("a b")),
            page(26..51, 60, &json!(51)),
            page(50..61, 60, &Value::Null),
        ]);
        let machines = vast(&http).list().await.unwrap();
        let ids: Vec<_> = machines.iter().map(|listed| listed.machine.to_string()).collect();
        assert_eq!(ids, (1..=60).map(|id| id.to_string()).collect::<Vec<_>>());
        let first = "GET /api/v1/instances/?select_filters=%7B%7D\
            &order_by=%5B%7B%22col%22%3A%22id%22%2C%22dir%22%3A%22asc%22%7D%5D&limit=25";
        assert_eq!(
            http.asked(),
            [
                first.to_owned(),
                format!("{first}&after_token=a+b"),
                format!("{first}&after_token=51")
            ]
        );
    }

    #[tokio::test]
    async fn an_empty_list_is_a_list_only_with_its_shape() {
        assert_eq!(vast(&Canned::of([page(1..1, 0, &Value::Null)])).list().await.unwrap(), []);
        assert_eq!(vast(&Canned::of([(200, r#"{"instances":[]}"#)])).list().await.unwrap(), []);
    }

    #[tokio::test]
    async fn whatever_is_less_than_a_whole_list_is_an_error() {
        let short = page(1..3, 3, &Value::Null).1;
        let rows: Vec<(u16, &str, CloudErrorKind)> = vec![
            (200, "{}", CloudErrorKind::NotUnderstood),
            (200, "[]", CloudErrorKind::NotUnderstood),
            (200, "null", CloudErrorKind::NotUnderstood),
            (200, r#"{"success":1,"instances":[]}"#, CloudErrorKind::NotUnderstood),
            (200, r#"{"instances":{"id":1}}"#, CloudErrorKind::NotUnderstood),
            (200, r#"{"instances":null}"#, CloudErrorKind::NotUnderstood),
            (200, r#"{"instances":[{"id":"1"}]}"#, CloudErrorKind::NotUnderstood),
            (200, r#"{"instances":[{}]}"#, CloudErrorKind::NotUnderstood),
            (
                200,
                r#"{"instances":[{"id":1}],"total_instances":"1"}"#,
                CloudErrorKind::NotUnderstood,
            ),
            (200, r#"{"instances":[{"id":1}],"next_token":{}}"#, CloudErrorKind::NotUnderstood),
            (200, r#"{"instances":[{"id":1},{"id"#, CloudErrorKind::NotUnderstood),
            (200, &short, CloudErrorKind::NotUnderstood),
            (200, r#"{"success":false,"error":"busy","msg":"x"}"#, CloudErrorKind::Refused),
            (200, "<html>", CloudErrorKind::NotUnderstood),
            (
                410,
                r#"{"success":false,"error":"deprecated_endpoint","msg":"x"}"#,
                CloudErrorKind::Refused,
            ),
            (
                404,
                r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#,
                CloudErrorKind::KeyRefused,
            ),
            (500, "", CloudErrorKind::Unreachable),
        ];
        for (status, body, kind) in rows {
            let http = Canned::of([(status, body.to_owned())]);
            let error = vast(&http).list().await.unwrap_err();
            assert_eq!(error.kind, kind, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_failing_page_spoils_the_whole_list() {
        let http = Canned::of([page(1..26, 30, &json!("t")), (429, "too frequent".to_owned())]);
        let error = vast(&http).list().await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Throttled { retry_after: None });
    }

    #[tokio::test]
    async fn pages_that_go_in_circles_are_given_up() {
        let http = Canned::of([page(1..2, 9, &json!("t")), page(2..3, 9, &json!("t"))]);
        assert_eq!(vast(&http).list().await.unwrap_err().kind, CloudErrorKind::NotUnderstood);
    }

    #[test]
    fn every_status_word_has_its_state() {
        let rows = [
            (Value::Null, MachineState::Requested),
            (json!("created"), MachineState::Created),
            (json!("loading"), MachineState::Loading),
            (json!("running"), MachineState::Running),
            (json!("exited"), MachineState::Exited),
            (json!("stopped"), MachineState::Stopped),
            (json!("frozen"), MachineState::Frozen),
            (json!("rebooting"), MachineState::Rebooting),
            (json!("unknown"), MachineState::Unknown),
            (json!("offline"), MachineState::Offline),
            (json!("melting"), MachineState::Unknown),
        ];
        for (word, state) in rows {
            assert_eq!(status(&json!({ "actual_status": word })).state, state, "{word}");
        }
        let odd = status(&json!({ "actual_status": "melt\u{202e}ing", "status_msg": "hot" }));
        assert_eq!(odd.message, "melting: hot");
    }

    #[test]
    fn a_machine_that_was_never_started_is_stopped() {
        let stopped = json!({
            "actual_status": null, "intended_status": "stopped", "cur_state": "stopped",
            "next_state": "stopped",
        });
        assert_eq!(status(&stopped).state, MachineState::Stopped);
        let starting = json!({ "intended_status": "running", "cur_state": "stopped" });
        assert_eq!(status(&starting).state, MachineState::Requested);
    }

    #[test]
    fn documented_last_words_count_only_while_it_does_not_run() {
        let dead = |word: Value, message: &str| {
            status(&json!({ "actual_status": word, "status_msg": message })).dead
        };
        let oci = "Error response from daemon: OCI Runtime create failed: runc";
        assert!(dead(json!("created"), oci));
        assert!(dead(json!("loading"), "failed: unresolvable CDI devices nvidia.com/gpu=0"));
        assert!(dead(Value::Null, oci));
        assert!(!dead(json!("running"), oci));
        assert!(!dead(json!("loading"), "4f4fb700ef54: Pull complete\n"));
        assert!(!dead(json!("loading"), "download failed, retrying"));
    }

    #[test]
    fn addresses_are_read_direct_and_through_the_relay() {
        let row = json!({
            "public_ipaddr": " 127.0.0.1\n", "ssh_host": "127.0.0.9", "ssh_port": "10022",
            "image_runtype": "ssh ssh_direc ssh_proxy",
            "ports": { "22/tcp": [
                { "HostIp": "::", "HostPort": "40023" },
                { "HostIp": "0.0.0.0", "HostPort": "40022" },
            ] },
        });
        assert_eq!(direct(&row).unwrap().to_string(), "root@127.0.0.1:40022");
        assert_eq!(proxy(&row).unwrap().to_string(), "root@127.0.0.9:10022");
        let jupyter = json!({
            "image_runtype": "jupyter_proxy ssh_proxy", "ssh_host": "127.0.0.9", "ssh_port": 65535,
        });
        assert_eq!(proxy(&jupyter), None);
        let jupyter = json!({
            "image_runtype": "jupyter_proxy ssh_proxy", "ssh_host": "127.0.0.9", "ssh_port": 10022,
        });
        assert_eq!(proxy(&jupyter).unwrap().port, 10023);
    }

    #[test]
    fn odd_addresses_are_no_addresses() {
        let with = |host: &str, port: Value| {
            direct(&json!({ "public_ipaddr": host, "ports": { "22/tcp": [{ "HostPort": port }] } }))
        };
        assert!(with("::1", json!(22)).is_some());
        assert!(with("127.0.0.1", json!(40022)).is_some());
        for host in ["", " ", "a b", "-oProxyCommand=x", "a;b", "$(id)", "a/b", "\u{202e}x"] {
            assert_eq!(with(host, json!(22)), None, "{host}");
        }
        for port in [json!(0), json!(70_000), json!("x"), json!(-1), json!(null), json!([])] {
            assert_eq!(with("127.0.0.1", port.clone()), None, "{port}");
        }
        assert_eq!(direct(&json!({ "public_ipaddr": "127.0.0.1", "ports": null })), None);
        assert_eq!(
            direct(&json!({ "public_ipaddr": "127.0.0.1", "ports": { "22/tcp": [] } })),
            None
        );
    }

    #[test]
    fn a_row_is_read_in_vasts_units() {
        let row = json!({
            "id": 7, "label": "dumont/a-b/1", "machine_id": 3, "host_id": 4, "gpu_name": "RTX 4090",
            "num_gpus": 2, "geolocation": "Oslo, NO", "dph_total": 0.41,
            "start_date": 1_795_435_200.5, "actual_status": "running",
        });
        let listed = machine(7, &row);
        assert_eq!(listed.label, "dumont/a-b/1");
        assert_eq!(listed.host, Some(HostId::new("3")));
        assert_eq!(listed.owner, Some(OwnerId::new("4")));
        assert_eq!(listed.price, Rate::from_micros_per_hour(410_000));
        assert_eq!(listed.started.unwrap().to_string(), "2026-11-23T12:00:00.500Z");
        assert!(listed.addresses.is_empty());
    }

    fn field() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(json!({ "22/tcp": [null, { "HostPort": 1.5 }] })),
            Just(json!({ "22/tcp": [{ "HostIp": 4, "HostPort": "22" }] })),
            Just(json!([])),
        ]
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(fields in proptest::collection::vec(field(), 16)) {
            let keys = [
                "label", "machine_id", "host_id", "gpu_name", "num_gpus", "geolocation",
                "dph_total", "start_date", "actual_status", "status_msg", "intended_status",
                "cur_state", "ports", "public_ipaddr", "ssh_host", "ssh_port",
            ];
            let row: serde_json::Map<_, _> =
                keys.iter().map(|key| (*key).to_owned()).zip(fields).collect();
            let listed = machine(7, &Value::Object(row));
            prop_assert!(!listed.status.message.chars().any(char::is_control));
        }

        #[test]
        fn no_page_makes_it_panic(success in field(), rows in field(), total in field(), next in field()) {
            let answer = json!({
                "success": success, "instances": [rows], "total_instances": total, "next_token": next,
            });
            let _ = read(&answer);
        }
    }
}
