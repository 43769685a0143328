//! The vast.ai client against the practice cloud, in process and in virtual
//! time: what one says, the other must understand, and after every fault the
//! client's answer must agree with what the world really holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clouds::{
    Cloud, CloudErrorKind, CreateAnswer, CreateOrder, Http, Refusal, SearchOptions, Vast, Wire,
};
use http::{Request, Response, StatusCode};
use model::{At, Code, HostId, MachineId, MachineState, Money, OfferFilter, OfferId, Rate};
use practice::cloud::{
    ApiCall, Ask, Fate, Fault, HostSpec, InProcess, RateLimit, RetryAfter, Script, TooMany, When,
    World, router, serve,
};
use practice::pace::Pace;
use serde_json::{Value, json};

const START: At = At::from_unix_ms(1_795_435_200_000);

fn world(script: Script) -> World {
    World::new(script, Pace::real(), START)
}

fn vast_with(world: &World, key: &str, search: SearchOptions) -> Vast {
    let http = Arc::new(InProcess::new(router(world.clone())));
    Vast::new("http://127.0.0.1:1/", key.into(), http, search).unwrap()
}

fn vast(world: &World) -> Vast {
    vast_with(world, "practice-key", SearchOptions::default())
}

/// A world of so many good hosts, and a client of it.
fn hosts(count: u64) -> (World, Vast) {
    let world = world(Script::of((1..=count).map(HostSpec::new).collect()));
    let vast = vast(&world);
    (world, vast)
}

fn order(ask: u64) -> CreateOrder {
    CreateOrder {
        offer: OfferId::new(ask.to_string()),
        image: "ubuntu:22.04".into(),
        disk_gb: 36,
        label: format!("dumont/k3j5w2ab-q7m2x4n6pa/{ask}"),
        onstart: "touch /ready".into(),
        env: vec![("FOO".into(), "bar".into())],
        ports: vec!["8888/tcp".into()],
        template: None,
        registry_login: None,
    }
}

async fn rent(vast: &Vast, ask: u64) -> MachineId {
    match vast.create(&order(ask)).await {
        CreateAnswer::Rented { machine } => machine,
        other => panic!("{other:?}"),
    }
}

async fn state_of(vast: &Vast, machine: &MachineId) -> Option<MachineState> {
    let listed = vast.list().await.unwrap();
    listed.iter().find(|one| one.machine == *machine).map(|one| one.status.state)
}

async fn ids(vast: &Vast, filter: &OfferFilter) -> Vec<u64> {
    let mut ids: Vec<u64> = vast
        .search(filter)
        .await
        .unwrap()
        .offers
        .iter()
        .map(|offer| offer.id.as_str().parse().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

/// A bare request with the account's key.
async fn raw(world: &World, method: &str, path: &str, body: Value) -> Response<Bytes> {
    raw_with(world, method, path, body, Some("practice-key")).await
}

async fn raw_with(
    world: &World,
    method: &str,
    path: &str,
    body: Value,
    key: Option<&str>,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:9");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    InProcess::new(router(world.clone())).send(request.body(body).unwrap()).await.unwrap()
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

// --- searching ------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn every_filter_finds_what_it_should() {
    let plain = HostSpec::new(1);
    let mut other = HostSpec::new(2).gpu("RTX 3090").price(0.2).place("Montreal, CA");
    other.gpu.ram_mb = 12_000;
    other.gpu.compute_cap = 860;
    other.reliability = 0.9;
    other.inet_down_mbps = 100.0;
    other.inet_up_mbps = 50.0;
    other.disk_gb = 60.0;
    other.disk_bw_mb_s = 500.0;
    other.cpu_cores = 4;
    other.cpu_ram_mb = 8_000;
    other.cuda_max = 12.0;
    other.duration_s = 3_600;
    other.verification = model::Verification::Unverified;
    other.direct_ports = 0;
    other.down_usd_per_gb = 0.02;
    let mut special = HostSpec::new(3).price(2.0).asks(2, vec![Ask { id: 30, gpus: vec![0, 1] }]);
    special.datacenter = true;
    special.static_ip = true;
    special.down_usd_per_gb = 0.02;
    let mut storage = HostSpec::new(4).asks(0, vec![Ask { id: 40, gpus: Vec::new() }]);
    storage.usd_per_gpu_hour = 0.0;
    let world = world(Script::of(vec![plain, other, special, storage]));
    let vast = vast(&world);

    let any = OfferFilter::default;
    let rows: Vec<(OfferFilter, &[u64])> = vec![
        (any(), &[10, 20, 30]),
        (OfferFilter { gpu: Some("RTX 3090".into()), ..any() }, &[20]),
        (OfferFilter { num_gpus: Some(2), ..any() }, &[30]),
        (OfferFilter { min_gpu_ram_mb: Some(24_000), ..any() }, &[10, 30]),
        (OfferFilter { min_compute_cap: Some(870), ..any() }, &[10, 30]),
        (OfferFilter { min_cuda: Some(12.4), ..any() }, &[10, 30]),
        (OfferFilter { min_reliability: Some(0.95), ..any() }, &[10, 30]),
        (OfferFilter { min_inet_down_mbps: Some(480.0), ..any() }, &[10, 30]),
        (OfferFilter { min_inet_up_mbps: Some(480.0), ..any() }, &[10, 30]),
        (OfferFilter { disk_gb: Some(100), ..any() }, &[10, 30]),
        (OfferFilter { min_disk_bw_mb_s: Some(1_000.0), ..any() }, &[10, 30]),
        (OfferFilter { min_cpu_cores: Some(8.0), ..any() }, &[10, 30]),
        (OfferFilter { min_cpu_ram_mb: Some(32_000), ..any() }, &[10, 30]),
        (OfferFilter { min_duration_s: Some(86_400), ..any() }, &[10, 30]),
        (OfferFilter { verified_only: true, ..any() }, &[10, 30]),
        (OfferFilter { direct_only: true, ..any() }, &[10, 30]),
        (OfferFilter { datacenter_only: true, ..any() }, &[30]),
        (OfferFilter { static_ip_only: true, ..any() }, &[30]),
        (OfferFilter { countries: vec!["CA".into(), "SE".into()], ..any() }, &[20]),
        (OfferFilter { without_hosts: vec![HostId::new("1")], ..any() }, &[20, 30]),
        (OfferFilter { max_down_usd_micros_per_gb: Some(10_000), ..any() }, &[10]),
        (OfferFilter { max_price: Some(Rate::from_usd_per_hour(0.5)), ..any() }, &[10, 20]),
    ];
    for (filter, expected) in rows {
        assert_eq!(ids(&vast, &filter).await, expected, "{filter:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_price_cap_counts_the_disk_though_the_server_does_not() {
    let (_, vast) = hosts(1);
    // 0.40 $/h and 0.10 $/h for 360 GB.
    let capped = |usd| OfferFilter {
        disk_gb: Some(360),
        max_price: Some(Rate::from_usd_per_hour(usd)),
        ..OfferFilter::default()
    };
    let found = vast.search(&capped(0.45)).await.unwrap();
    assert_eq!((found.offers.len(), found.emptied_by), (0, Some("max_price")));
    let found = vast.search(&capped(0.50)).await.unwrap();
    assert_eq!(found.offers[0].price, Rate::from_usd_per_hour(0.5));
    assert_eq!(found.offers[0].gpu_price, Rate::from_usd_per_hour(0.4));
}

#[tokio::test(start_paused = true)]
async fn an_empty_search_says_which_filter_emptied_it() {
    let (_, vast) = hosts(3);
    let ask = async |filter: OfferFilter| vast.search(&filter).await.unwrap().emptied_by;
    let any = OfferFilter::default;
    assert_eq!(ask(OfferFilter { gpu: Some("RTX_4090".into()), ..any() }).await, Some("gpu"));
    assert_eq!(
        ask(OfferFilter { min_inet_down_mbps: Some(9_000.0), ..any() }).await,
        Some("min_inet_down_mbps")
    );
    assert_eq!(ask(OfferFilter { countries: vec!["FR".into()], ..any() }).await, Some("countries"));
}

#[tokio::test(start_paused = true)]
async fn orders_are_merged_beyond_the_cap_of_64_rows() {
    let script = || {
        let host = |n: u64| {
            let mut host = HostSpec::new(n).price(0.2 + n as f64 / 100.0);
            host.inet_down_mbps = 500.0 + n as f64;
            host
        };
        Script::of((1..=150).map(host).collect())
    };
    let ask = async |orders: usize| {
        let world = world(script());
        let options = SearchOptions { orders, spacing: Duration::from_millis(200) };
        let vast = vast_with(&world, "k", options);
        let found = vast.search(&OfferFilter::default()).await.unwrap();
        (found.offers.len(), found.rows, found.truncated, world.count(ApiCall::Search))
    };
    assert_eq!(ask(1).await, (64, 64, true, 1));
    // Cheapest and best by score are the same hosts here; the fastest are not.
    assert_eq!(ask(3).await, (128, 128, true, 3));

    let few = world(Script::of((1..=10).map(HostSpec::new).collect()));
    let found = vast(&few).search(&OfferFilter::default()).await.unwrap();
    assert_eq!((found.offers.len(), found.truncated), (10, false));
    assert_eq!(few.count(ApiCall::Search), 1, "a whole answer needs no further sorting");
}

#[tokio::test(start_paused = true)]
async fn search_faults_are_errors_and_never_an_empty_market() {
    let too_many = |shape, retry_after| Fault::TooMany { shape, retry_after };
    let throttled = |seconds: Option<u64>| CloudErrorKind::Throttled {
        retry_after: seconds.map(Duration::from_secs),
    };
    let rows = vec![
        (too_many(TooMany::Detail, None), throttled(None)),
        (too_many(TooMany::Text, Some(RetryAfter::Seconds(3))), throttled(Some(3))),
        (too_many(TooMany::Threshold, Some(RetryAfter::Date(7))), throttled(Some(7))),
        (Fault::Status { status: 502, body: "<html>".into() }, CloudErrorKind::Unreachable),
        (Fault::Timeout, CloudErrorKind::Unreachable),
        (Fault::TimeoutButDone, CloudErrorKind::Unreachable),
        (Fault::ResetBefore, CloudErrorKind::Unreachable),
        (Fault::ResetAfter, CloudErrorKind::Unreachable),
        (Fault::Unsent, CloudErrorKind::Unreachable),
        (Fault::Garbage, CloudErrorKind::NotUnderstood),
        (Fault::Truncated, CloudErrorKind::NotUnderstood),
    ];
    for (fault, kind) in rows {
        let script = Script::of(vec![HostSpec::new(1)]);
        let world = world(script.fault(ApiCall::Search, When::Nth(1), fault.clone()));
        let vast = vast(&world);
        let error = vast.search(&OfferFilter::default()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}");
        assert_eq!(vast.search(&OfferFilter::default()).await.unwrap().offers.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_days_rows_run_out_and_come_back_at_midnight() {
    let mut script = Script::of((1..=10).map(HostSpec::new).collect());
    script.search_rows_per_day = Some(15);
    let world = world(script);
    let vast = vast(&world);
    vast.search(&OfferFilter::default()).await.unwrap();
    vast.search(&OfferFilter::default()).await.unwrap();
    let error = vast.search(&OfferFilter::default()).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::QuotaUsedUp);
    let response = raw(&world, "POST", "/api/v0/bundles", json!({})).await;
    assert_eq!(response.headers()["x-ratelimit-reset"], "1795478400");
    world.wait_until(At::from_unix_ms(1_795_478_400_000)).await;
    vast.search(&OfferFilter::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_three_forms_of_a_search_agree() {
    let (world, _) = hosts(5);
    let query = json!({ "gpu_name": { "eq": "RTX 4090" }, "num_gpus": { "eq": "1" } });
    let flat = raw_with(&world, "POST", "/api/v0/bundles/", query.clone(), None).await;
    assert_eq!(flat.headers()["content-type"], "application/json");
    let q: String = url::form_urlencoded::byte_serialize(query.to_string().as_bytes()).collect();
    let get = raw_with(&world, "GET", &format!("/api/v0/bundles?q={q}"), Value::Null, None).await;
    let wrapped = json!({ "select_cols": ["*"], "q": query });
    let put = raw_with(&world, "PUT", "/api/v0/search/asks/", wrapped, None).await;
    assert_eq!(json_of(&flat)["offers"].as_array().unwrap().len(), 5);
    assert_eq!(json_of(&flat), json_of(&get));
    assert_eq!(json_of(&flat), json_of(&put));

    let bare = raw_with(&world, "PUT", "/api/v0/search/asks/", query, None).await;
    assert_eq!(bare.status(), 400);
    assert!(json_of(&bare)["msg"].as_str().unwrap().ends_with("Extra inputs are not permitted"));
    let unknown = raw_with(&world, "POST", "/api/v0/bundles/", json!({ "x": { "eq": 1 } }), None);
    let unknown = unknown.await;
    assert_eq!(unknown.status(), 400);
    assert_eq!(json_of(&unknown)["error"], "invalid_request");
}

// --- renting --------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn what_is_ordered_is_what_stands_there() {
    let (world, vast) = hosts(2);
    let mut changes = world.changes();
    let machine = rent(&vast, 10).await;
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let instance = world.instance(machine.as_str().parse().unwrap()).unwrap();
    assert_eq!(instance.label.as_deref(), Some("dumont/k3j5w2ab-q7m2x4n6pa/10"));
    assert_eq!((instance.ask, instance.host.machine), (10, 1));
    assert_eq!(instance.image, "ubuntu:22.04");
    assert_eq!(instance.onstart, "touch /ready");
    assert_eq!(instance.runtype, "ssh_direc ssh_proxy");
    assert_eq!(instance.env["FOO"], "bar");
    assert_eq!(instance.env["-p 8888:8888"], "1");
    assert!(instance.keys.is_empty(), "the account has no key, so neither has the machine");

    vast.attach_key(&machine, "ssh-ed25519 AAAA fresh").await.unwrap();
    assert!(changes.has_changed().unwrap());
    let instance = world.instance(instance.id).unwrap();
    assert_eq!(instance.keys[0].text, "ssh-ed25519 AAAA fresh");
    assert_eq!(world.calls().iter().filter(|call| call.path.contains("/api/v0/ssh")).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_used_up_by_renting_and_comes_back_under_another_number() {
    let asks = vec![
        Ask { id: 1, gpus: vec![0, 1] },
        Ask { id: 2, gpus: vec![0] },
        Ask { id: 3, gpus: vec![1] },
    ];
    let world = world(Script::of(vec![HostSpec::new(9).asks(2, asks), HostSpec::new(8)]));
    let vast = vast(&world);
    assert_eq!(ids(&vast, &OfferFilter::default()).await, [1, 2, 3, 80]);

    let one = rent(&vast, 2).await;
    assert_eq!(ids(&vast, &OfferFilter::default()).await, [3, 80], "overlapping asks are gone");
    let two = rent(&vast, 3).await;
    assert_eq!(ids(&vast, &OfferFilter::default()).await, [80]);

    vast.destroy(&[one, two]).await.unwrap();
    let back = ids(&vast, &OfferFilter::default()).await;
    assert_eq!((back.len(), back[0], back[1]), (4, 1, 80));
    assert!(back[2] > 3 && back[3] > 3, "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn two_that_want_the_same_offer_get_it_once() {
    let (world, vast) = hosts(1);
    let (first, second) = (order(10), order(10));
    let (first, second) = tokio::join!(vast.create(&first), vast.create(&second));
    assert!(matches!(first, CreateAnswer::Rented { .. }), "{first:?}");
    let CreateAnswer::Refused { refusal: Refusal::Offer, reason } = second else {
        panic!("{second:?}");
    };
    assert!(reason.starts_with("HTTP 410: no_such_ask"), "{reason}");
    assert_eq!(world.instances().len(), 1);

    tokio::time::sleep(Duration::from_secs(3)).await;
    let late = vast.create(&order(10)).await;
    let CreateAnswer::Refused { refusal: Refusal::Offer, reason } = late else {
        panic!("{late:?}");
    };
    assert!(reason.starts_with("HTTP 404: invalid_args"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn without_cancel_unavail_a_lost_race_leaves_a_machine_behind() {
    let (world, vast) = hosts(1);
    rent(&vast, 10).await;
    let body = json!({ "image": "x", "disk": 36, "cancel_unavail": false, "label": "late" });
    let response = raw(&world, "PUT", "/api/v0/asks/10/", body).await;
    assert_eq!(json_of(&response)["success"], false);
    let late: Vec<_> =
        world.alive().into_iter().filter(|one| one.label.as_deref() == Some("late")).collect();
    assert_eq!(late.len(), 1);
    let listed = vast.list().await.unwrap();
    let stopped = listed.iter().find(|one| one.label == "late").unwrap();
    assert_eq!(stopped.status.state, MachineState::Stopped);
    tokio::time::sleep(Duration::from_hours(1)).await;
    let bill = world.bill(late[0].id).unwrap();
    assert!(bill.disk > Money::ZERO && bill.gpu == Money::ZERO, "{bill:?}");
}

#[derive(Debug, PartialEq)]
enum Class {
    Rented,
    NextOffer,
    RunEnds(Code),
    Throttled(Option<u64>),
    RentedButFailed,
    Unknown,
}

fn class(answer: &CreateAnswer) -> Class {
    match answer {
        CreateAnswer::Rented { .. } => Class::Rented,
        CreateAnswer::Refused { refusal: Refusal::Offer, .. } => Class::NextOffer,
        CreateAnswer::Refused { refusal: Refusal::Account(code), .. } => Class::RunEnds(*code),
        CreateAnswer::Throttled { retry_after } => {
            Class::Throttled(retry_after.map(|wait| wait.as_secs()))
        }
        CreateAnswer::RentedButFailed { .. } => Class::RentedButFailed,
        CreateAnswer::Unknown { .. } => Class::Unknown,
    }
}

#[tokio::test(start_paused = true)]
async fn after_every_create_fault_answer_and_world_agree() {
    use Class::{NextOffer, RunEnds, Throttled, Unknown};
    let status = |status, body: &str| Fault::Status { status, body: body.to_owned() };
    let too_many = |shape, retry_after| Fault::TooMany { shape, retry_after };
    let forbidden = r#"{"success":false,"error":"permission_denied","msg":"instance_write"}"#;
    let not_own = r#"{"success":false,"error":"invalid_args","msg":"error 403/3586: Offer 10 is not your own"}"#;
    // Fault, answer, machines that exist afterwards.
    let rows: Vec<(Fault, Class, usize)> = vec![
        (status(500, ""), Unknown, 0),
        (status(503, "busy"), Unknown, 0),
        (status(403, forbidden), RunEnds(Code::CloudKeyForbidden), 0),
        (status(403, not_own), NextOffer, 0),
        (too_many(TooMany::Detail, None), Throttled(None), 0),
        (too_many(TooMany::Text, Some(RetryAfter::Seconds(2))), Throttled(Some(2)), 0),
        (too_many(TooMany::Threshold, Some(RetryAfter::Date(5))), Throttled(Some(5)), 0),
        (Fault::TimeoutButDone, Unknown, 1),
        (Fault::Timeout, Unknown, 0),
        (Fault::ResetBefore, Unknown, 0),
        (Fault::ResetAfter, Unknown, 1),
        (Fault::Unsent, RunEnds(Code::CloudUnreachable), 0),
        (Fault::Garbage, Unknown, 1),
        (Fault::Truncated, Unknown, 1),
        (Fault::Delay { ms: 8_000 }, Class::Rented, 1),
    ];
    for (fault, expected, alive) in rows {
        let script = Script::of(vec![HostSpec::new(1), HostSpec::new(2)]);
        let world = world(script.fault(ApiCall::Create, When::Nth(1), fault.clone()));
        let vast = vast(&world);
        let answer = vast.create(&order(10)).await;
        assert_eq!(class(&answer), expected, "{fault:?}: {answer:?}");
        assert_eq!(world.alive().len(), alive, "{fault:?}");
        assert_eq!(world.count(ApiCall::Create), 1, "asked once: {fault:?}");
        if expected == Unknown && alive == 1 {
            let listed = vast.list().await.unwrap();
            assert_eq!(listed[0].label, order(10).label, "the label finds it: {fault:?}");
        }
        rent(&vast, 20).await;
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_that_refuse_do_so_as_documented() {
    let host = |n: u64, fate: Fate| HostSpec::new(n).create_takes(400).fate(fate);
    let world = world(Script::of(vec![
        host(1, Fate::OfferGone { status: 404 }),
        host(2, Fate::OfferGone { status: 410 }),
        host(3, Fate::RefusedButRented),
        host(4, Fate::Good),
    ]));
    let vast = vast(&world);
    for ask in [10, 20] {
        assert_eq!(class(&vast.create(&order(ask)).await), Class::NextOffer);
    }
    assert!(world.instances().is_empty());
    assert_eq!(ids(&vast, &OfferFilter::default()).await, [30, 40]);

    let answer = vast.create(&order(30)).await;
    let CreateAnswer::RentedButFailed { machine, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Stopped));

    let large = CreateOrder { disk_gb: 9_000, ..order(40) };
    assert_eq!(class(&vast.create(&large).await), Class::NextOffer);
    let began = world.now();
    rent(&vast, 40).await;
    assert_eq!(world.now().unix_ms() - began.unix_ms(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_renter_who_hangs_up_in_mid_create_has_rented() {
    let world = world(Script::of(vec![HostSpec::new(1).create_takes(5_000)]));
    let vast = vast(&world);
    let order = order(10);
    tokio::time::timeout(Duration::from_secs(1), vast.create(&order)).await.unwrap_err();
    assert_eq!(world.alive().len(), 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(vast.list().await.unwrap()[0].label, order.label);
}

#[tokio::test(start_paused = true)]
async fn a_create_may_be_carried_out_after_the_renter_gave_up() {
    let script = Script::of(vec![HostSpec::new(1)]);
    let late = Fault::Delay { ms: 70_000 };
    let world = world(script.fault(ApiCall::Create, When::Nth(1), late));
    let vast = vast(&world);
    assert_eq!(class(&vast.create(&order(10)).await), Class::Unknown);
    assert_eq!(world.now(), START.after_ms(60_000), "it listened for a minute");
    assert_eq!(vast.list().await.unwrap(), []);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(vast.list().await.unwrap()[0].label, order(10).label);
}

#[tokio::test(start_paused = true)]
async fn without_credit_nothing_is_rented() {
    let script = Script::of(vec![HostSpec::new(1), HostSpec::new(2).price(3_600.0)]);
    let world = world(script.credit(Money::from_micros(2_000_000)));
    let vast = vast(&world);
    let machine = rent(&vast, 20).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = vast.account().await.unwrap().credit.unwrap();
    assert!((Money::from_micros(900_000)..Money::from_micros(1_000_001)).contains(&left), "{left}");

    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(class(&vast.create(&order(10)).await), Class::RunEnds(Code::CreditTooLow));
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Exited), "all are stopped");
    world.pay(Money::from_micros(50_000_000));
    rent(&vast, 10).await;
}

#[tokio::test(start_paused = true)]
async fn creates_faster_than_the_limit_are_throttled() {
    let limit = RateLimit {
        call: ApiCall::Create,
        per_second: 0.5,
        burst: 2,
        shape: TooMany::Detail,
        says_when: true,
    };
    let world = world(Script::of((1..=9).map(HostSpec::new).collect()).limit(limit));
    let vast = vast(&world);
    rent(&vast, 10).await;
    rent(&vast, 20).await;
    assert_eq!(class(&vast.create(&order(30)).await), Class::Throttled(Some(2)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    rent(&vast, 30).await;
    assert_eq!(world.alive().len(), 3);
}

// --- keys -----------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_told_apart_from_a_missing_thing() {
    for status in [401, 404] {
        let mut script = Script::of(vec![HostSpec::new(1)]).key("right");
        script.wrong_key_status = status;
        let world = world(script);
        let right = vast_with(&world, "right", SearchOptions::default());
        let wrong = vast_with(&world, "wrong", SearchOptions::default());
        let machine = rent(&right, 10).await;

        wrong.search(&OfferFilter::default()).await.unwrap();
        assert_eq!(wrong.list().await.unwrap_err().kind, CloudErrorKind::KeyRefused);
        assert_eq!(wrong.account().await.unwrap_err().kind, CloudErrorKind::KeyRefused);
        let refused = wrong.attach_key(&machine, "ssh-ed25519 A").await.unwrap_err();
        assert_eq!(refused.kind, CloudErrorKind::KeyRefused);
        let refused = wrong.destroy(std::slice::from_ref(&machine)).await.unwrap_err();
        assert_eq!(refused.kind, CloudErrorKind::KeyRefused, "a 404 is not \"gone\" here");
        let refused = wrong.create(&order(10)).await;
        assert_eq!(class(&refused), Class::RunEnds(Code::CloudKeyRefused));
        assert_eq!(world.alive().len(), 1);

        world.set_key(Some("another".into()));
        assert_eq!(right.list().await.unwrap_err().kind, CloudErrorKind::KeyRefused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_machines_own_key_destroys_that_machine_only() {
    let (world, vast) = hosts(2);
    let first = rent(&vast, 10).await;
    let second = rent(&vast, 20).await;
    let key = world.instance(first.as_str().parse().unwrap()).unwrap().api_key;

    let ask = async |method: &str, path: String| {
        raw_with(&world, method, &path, Value::Null, Some(&key)).await.status()
    };
    assert_eq!(ask("DELETE", format!("/api/v0/instances/{second}/")).await, 403);
    assert_eq!(ask("GET", "/api/v1/instances/".into()).await, 403);
    assert_eq!(ask("DELETE", format!("/api/v0/instances/{first}/")).await, 200);
    assert_eq!(world.alive().len(), 1);
    let none = raw_with(&world, "GET", "/api/v0/users/current", Value::Null, None).await;
    assert_eq!(none.status(), StatusCode::FORBIDDEN);
    let by_query = "/api/v0/users/current?api_key=anything";
    assert_eq!(raw_with(&world, "GET", by_query, Value::Null, None).await.status(), 200);
}

// --- listing and destroying -----------------------------------------------

#[tokio::test(start_paused = true)]
async fn sixty_machines_come_in_three_pages_and_go_in_one_call() {
    let (world, vast) = hosts(60);
    for n in 1..=60 {
        rent(&vast, n * 10).await;
    }
    let listed = vast.list().await.unwrap();
    assert_eq!(listed.len(), 60);
    assert_eq!(world.count(ApiCall::List), 3);

    let machines: Vec<_> = listed.iter().map(|one| one.machine.clone()).collect();
    vast.destroy(&machines[..59]).await.unwrap();
    assert_eq!(world.alive().len(), 1);
    assert_eq!(world.count(ApiCall::DestroyMany), 1);
    assert_eq!(vast.list().await.unwrap().len(), 60, "they still stand in lists");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(vast.list().await.unwrap().len(), 1);
    vast.destroy(&machines[59..]).await.unwrap();
    assert_eq!(world.count(ApiCall::Destroy), 1);
    assert!(world.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn destroying_what_is_gone_is_no_error() {
    let (world, vast) = hosts(3);
    let machines = [rent(&vast, 10).await, rent(&vast, 20).await];
    let never = MachineId::new("999");
    vast.destroy(std::slice::from_ref(&never)).await.unwrap();
    vast.destroy(&[machines[0].clone(), never.clone()]).await.unwrap();
    assert_eq!(world.alive().len(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    vast.destroy(&[never, machines[0].clone()]).await.unwrap();
    vast.destroy(&machines).await.unwrap();
    assert!(world.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_destroy_is_told() {
    for (fault, kind, alive) in [
        (Fault::ResetAfter, CloudErrorKind::Unreachable, 0),
        (Fault::ResetBefore, CloudErrorKind::Unreachable, 2),
        (Fault::Timeout, CloudErrorKind::Unreachable, 2),
        (Fault::Status { status: 500, body: String::new() }, CloudErrorKind::Unreachable, 2),
        (
            Fault::Status { status: 200, body: r#"{"success":false,"msg":"no"}"#.into() },
            CloudErrorKind::Refused,
            2,
        ),
    ] {
        let script = Script::of(vec![HostSpec::new(1), HostSpec::new(2)]);
        let world = world(script.fault(ApiCall::DestroyMany, When::Nth(1), fault.clone()));
        let vast = vast(&world);
        let machines = [rent(&vast, 10).await, rent(&vast, 20).await];
        assert_eq!(vast.destroy(&machines).await.unwrap_err().kind, kind, "{fault:?}");
        assert_eq!(world.alive().len(), alive, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn list_faults_never_look_like_an_empty_account() {
    for (nth, fault, kind) in [
        (1, Fault::Status { status: 500, body: String::new() }, CloudErrorKind::Unreachable),
        (
            2,
            Fault::TooMany { shape: TooMany::Text, retry_after: None },
            CloudErrorKind::Throttled { retry_after: None },
        ),
        (2, Fault::EmptyList, CloudErrorKind::NotUnderstood),
        (2, Fault::Truncated, CloudErrorKind::NotUnderstood),
        (1, Fault::Garbage, CloudErrorKind::NotUnderstood),
        (2, Fault::Timeout, CloudErrorKind::Unreachable),
    ] {
        let script = Script::of((1..=30).map(HostSpec::new).collect());
        let world = world(script.fault(ApiCall::List, When::Nth(nth), fault.clone()));
        let vast = vast(&world);
        for n in 1..=30 {
            rent(&vast, n * 10).await;
        }
        assert_eq!(vast.list().await.unwrap_err().kind, kind, "{fault:?}");
        assert_eq!(vast.list().await.unwrap().len(), 30);
    }
    // One that lies whole cannot be told from the truth: hence two lists (M2).
    let (world, vast) = hosts(1);
    world.add_fault(ApiCall::List, When::Nth(1), Fault::EmptyList);
    rent(&vast, 10).await;
    assert_eq!(vast.list().await.unwrap().len(), 0);
    assert_eq!(vast.list().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_old_list_is_gone_with_410() {
    let (world, _) = hosts(1);
    let response = raw(&world, "GET", "/api/v0/instances/", Value::Null).await;
    assert_eq!(response.status(), StatusCode::GONE);
    assert_eq!(json_of(&response)["error"], "deprecated_endpoint");
}

#[tokio::test(start_paused = true)]
async fn a_boot_is_seen_state_by_state() {
    let world = world(Script::of(vec![HostSpec::new(1).boots(9_000, 500).visible_after(1_000)]));
    let vast = vast(&world);
    let machine = rent(&vast, 10).await;
    let id = machine.as_str().parse().unwrap();
    let at = |ms| At::after_ms(START, ms);
    assert_eq!(state_of(&vast, &machine).await, None, "not visible yet");
    for (ms, state) in [
        (1_000, MachineState::Created),
        (4_000, MachineState::Loading),
        (9_000, MachineState::Running),
    ] {
        world.wait_until(at(ms)).await;
        assert_eq!(state_of(&vast, &machine).await, Some(state), "{ms}");
    }
    assert_eq!(world.instance(id).unwrap().ssh_at(), Some(at(9_500)));
}

#[tokio::test(start_paused = true)]
async fn addresses_show_as_the_machine_boots() {
    let (world, vast) = hosts(1);
    let machine = rent(&vast, 10).await;
    let id = machine.as_str().parse().unwrap();
    assert!(vast.list().await.unwrap()[0].addresses.is_empty());
    world.set_addresses(id, Some(("127.0.0.1".into(), 40_022)), Some(("127.0.0.1".into(), 10_022)));
    let early = &vast.list().await.unwrap()[0].addresses;
    assert_eq!(early.direct, None);
    assert_eq!(early.proxy.as_ref().unwrap().to_string(), "root@127.0.0.1:10022");
    world.wait_until(START.after_ms(3_000)).await;
    let up = &vast.list().await.unwrap()[0].addresses;
    assert_eq!(up.direct.as_ref().unwrap().to_string(), "root@127.0.0.1:40022");
    assert!(up.proxy.is_some());
}

#[tokio::test(start_paused = true)]
async fn every_fate_reaches_the_client_as_it_should() {
    let oci = "OCI runtime create failed: runc";
    let rows = [
        (Fate::NeverBoots, MachineState::Loading, false),
        (Fate::DeadMessage { text: oci.into() }, MachineState::Created, true),
        (Fate::NeverStarts, MachineState::Stopped, false),
        (Fate::Exits { after_ms: 1_000 }, MachineState::Exited, false),
        (Fate::Stops { after_ms: 1_000 }, MachineState::Stopped, false),
        (Fate::GoesOffline { after_ms: 1_000 }, MachineState::Offline, false),
        (Fate::HeartbeatLost { after_ms: 0, for_ms: 60_000 }, MachineState::Unknown, false),
        (Fate::SshNever, MachineState::Running, false),
    ];
    for (fate, state, dead) in rows {
        let world = world(Script::of(vec![HostSpec::new(1).fate(fate.clone())]));
        let vast = vast(&world);
        rent(&vast, 10).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let listed = &vast.list().await.unwrap()[0];
        assert_eq!((listed.status.state, listed.status.dead), (state, dead), "{fate:?}");
    }
    let world = world(Script::of(vec![HostSpec::new(1).fate(Fate::Vanishes { after_ms: 5_000 })]));
    let vast = vast(&world);
    rent(&vast, 10).await;
    assert_eq!(vast.list().await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((vast.list().await.unwrap().len(), world.alive().len()), (0, 0));
}

// --- the rest of the API --------------------------------------------------

#[tokio::test(start_paused = true)]
async fn charges_agree_with_the_worlds_bill() {
    let (world, vast) = hosts(1);
    let machine = rent(&vast, 10).await;
    let id: u64 = machine.as_str().parse().unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    world.add_traffic(id, 3_000_000_000, 1_000_000);
    vast.destroy(&[machine]).await.unwrap();

    let filters = r#"{"day":{"gte":1795392000,"lte":1795478400}}"#;
    let filters: String = url::form_urlencoded::byte_serialize(filters.as_bytes()).collect();
    let path = format!(
        "/api/v0/charges?select_filters={filters}&latest_first=false&limit=20&format=table"
    );
    let json = json_of(&raw(&world, "GET", &path, Value::Null).await);
    let bill = world.bill(id).unwrap();
    assert_eq!(json["results"][0]["source"], format!("instance-{id}"));
    assert_eq!(json["results"][0]["amount"], bill.total().usd());
    assert_eq!(json["results"][0]["items"][0]["amount"], bill.gpu.usd());
    assert_eq!(bill.gpu, Rate::from_usd_per_hour(0.4).cost(60_000));
    assert_eq!(bill.down, Money::from_micros(7_800));
    assert_eq!(world.spent(), bill.total());
    assert_eq!(world.credit(), Money::from_micros(25_000_000) - bill.total());
    assert_eq!(raw(&world, "GET", "/api/v0/charges/", Value::Null).await.status(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_labelled_stopped_started_and_rebooted() {
    let (world, vast) = hosts(1);
    let machine = rent(&vast, 10).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let path = format!("/api/v0/instances/{machine}");
    let put = async |path: &str, body: Value| raw(&world, "PUT", path, body).await;
    assert_eq!(put(&path, json!({ "label": "new" })).await.status(), 200);
    assert_eq!(vast.list().await.unwrap()[0].label, "new");
    let long = put(&path, json!({ "label": "x".repeat(1_025) })).await;
    assert_eq!(json_of(&long)["error"], "label_too_long");

    assert_eq!(put(&path, json!({ "state": "stopped" })).await.status(), 200);
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Exited));
    assert_eq!(put(&path, json!({ "state": "running" })).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Running));
    let reboot = format!("/api/v0/instances/reboot/{machine}/");
    assert_eq!(put(&reboot, json!({})).await.status(), 200);
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Rebooting));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Running));
}

#[tokio::test(start_paused = true)]
async fn a_machine_the_cloud_stopped_does_not_come_back() {
    let world = world(Script::of(vec![HostSpec::new(1).fate(Fate::Stops { after_ms: 0 })]));
    let vast = vast(&world);
    let machine = rent(&vast, 10).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let path = format!("/api/v0/instances/{machine}/");
    let response = raw(&world, "PUT", &path, json!({ "state": "running" })).await;
    assert_eq!(response.status(), 200);
    assert_eq!(json_of(&response)["error"], "resources_unavailable");
    assert_eq!(state_of(&vast, &machine).await, Some(MachineState::Stopped));
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_by_stored_columns_only() {
    let (world, vast) = hosts(3);
    for n in 1..=3 {
        rent(&vast, n * 10).await;
    }
    let list = async |filters: &str, more: &str| {
        let filters: String = url::form_urlencoded::byte_serialize(filters.as_bytes()).collect();
        let path = format!("/api/v1/instances/?select_filters={filters}{more}");
        raw(&world, "GET", &path, Value::Null).await
    };
    let label = r#"{"label":{"in":["dumont/k3j5w2ab-q7m2x4n6pa/20"]}}"#;
    let found = json_of(&list(label, "").await);
    assert_eq!(
        (&found["total_instances"], found["instances"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    assert_eq!(found["label_counts"]["dumont/k3j5w2ab-q7m2x4n6pa/20"], 1);
    let refused = list(r#"{"dph_total":{"lt":1}}"#, "").await;
    assert_eq!(
        (refused.status().as_u16(), json_of(&refused)["error"].as_str()),
        (400, Some("invalid_request"))
    );
    let small = json_of(&list("{}", "&limit=-1").await);
    assert_eq!(small["instances"].as_array().unwrap().len(), 3, "at most five");
    let columns = json_of(&list("{}", "&limit=1&select_cols=%5B%22id%22%5D").await);
    assert_eq!(columns["instances"][0].as_object().unwrap().len(), 1);
    assert!(columns["next_token"].is_string());
}

#[tokio::test(start_paused = true)]
async fn every_observed_route_answers_with_and_without_a_slash() {
    let (world, vast) = hosts(4);
    let machine = rent(&vast, 10).await;
    let one = format!("instances/{machine}");
    let routes: Vec<(&str, String, Value)> = vec![
        ("GET", "gpu_names/unique".into(), Value::Null),
        ("GET", "users/current".into(), Value::Null),
        ("POST", "bundles".into(), json!({})),
        ("GET", "instances/filters".into(), Value::Null),
        ("GET", format!("{one}?owner=me"), Value::Null),
        ("PUT", one.clone(), json!({ "label": "x" })),
        ("PUT", "instances".into(), json!({ "state": "running", "ids": [machine.as_str()] })),
        ("POST", format!("{one}/ssh"), json!({ "ssh_key": "ssh-ed25519 AAAA me" })),
        ("GET", format!("{one}/ssh"), Value::Null),
        ("DELETE", format!("{one}/ssh/12"), json!({})),
        ("POST", "ssh".into(), json!({ "ssh_key": "ssh-ed25519 AAAA me" })),
        ("GET", "ssh".into(), Value::Null),
        ("PUT", format!("instances/recycle/{machine}"), json!({})),
        (
            "PUT",
            format!("instances/bid_price/{machine}"),
            json!({ "client_id": "me", "price": 0.3 }),
        ),
        ("PUT", format!("instances/request_logs/{machine}"), json!({ "tail": "5" })),
        ("PUT", format!("instances/command/{machine}"), json!({ "command": "ls /" })),
        ("POST", "volumes/search".into(), json!({})),
        ("GET", "volumes?owner=me&type=all_volume".into(), Value::Null),
        ("GET", "machines?owner=me".into(), Value::Null),
        ("GET", "machines/1/reports".into(), json!({ "machine_id": 1 })),
        ("PUT", "machines/1/report".into(), json!({ "problem": "x" })),
        ("GET", "metrics/gpu/current?verified=all".into(), Value::Null),
        ("GET", "metrics/gpu/locations".into(), Value::Null),
        ("GET", "benchmarks?select_cols=%5B%22*%22%5D&select_filters=%7B%7D".into(), Value::Null),
        ("GET", "secrets".into(), Value::Null),
        ("GET", "users/cloud_integrations".into(), Value::Null),
        ("GET", "invoices".into(), Value::Null),
        ("DELETE", one, json!({})),
        ("DELETE", "instances".into(), json!({ "instance_ids": [machine.as_str()] })),
    ];
    for (method, path, body) in routes {
        let (path, query) = path
            .split_once('?')
            .map_or((path.as_str(), String::new()), |(path, query)| (path, format!("?{query}")));
        for slash in ["", "/"] {
            let full = format!("/api/v0/{path}{slash}{query}");
            let response = raw(&world, method, &full, body.clone()).await;
            assert_eq!(response.status(), 200, "{method} {full}: {:?}", response.body());
        }
    }
    let nothing = raw(&world, "GET", "/api/v0/nothing/", Value::Null).await;
    assert_eq!(
        (nothing.status().as_u16(), json_of(&nothing)["error"].as_str()),
        (404, Some("not_found"))
    );
    let odd = raw(&world, "PUT", "/api/v0/asks/x/", json!({})).await;
    assert_eq!(odd.status(), 404);
}

#[tokio::test(start_paused = true)]
async fn logs_come_from_an_address_of_their_own() {
    let (world, vast) = hosts(1);
    let machine = rent(&vast, 10).await;
    let path = format!("/api/v0/instances/request_logs/{machine}/");
    let json = json_of(&raw(&world, "PUT", &path, json!({})).await);
    let url = url::Url::parse(json["result_url"].as_str().unwrap()).unwrap();
    assert_eq!(url.host_str(), Some("127.0.0.1"));
    let text = raw_with(&world, "GET", url.path(), Value::Null, None).await;
    assert!(text.body().starts_with(b"practice instance"));
}

#[tokio::test(start_paused = true)]
async fn launch_and_bulk_rent_too() {
    let (world, _) = hosts(4);
    let body = json!({ "image": "x", "disk": 20.0, "q": { "gpu_name": { "eq": "RTX 4090" }, "order": [["id", "asc"]] } });
    let launched = json_of(&raw(&world, "PUT", "/api/v0/launch_instance/", body).await);
    assert_eq!(launched["success"], true);
    assert_eq!(world.alive()[0].ask, 10);
    let body = json!({ "image": "x", "disk": 20.0, "ids": [10, 20, 30] });
    let bulk = json_of(&raw(&world, "POST", "/api/v0/asks/bulk/", body).await);
    assert_eq!((&bulk["success"], &bulk["failed"]), (&json!(false), &json!([10])));
    assert_eq!(world.alive().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn account_keys_are_baked_in_at_creation() {
    let (world, vast) = hosts(2);
    let before = rent(&vast, 10).await;
    let body = json!({ "ssh_key": "ssh-ed25519 AAAA account" });
    let added = json_of(&raw(&world, "POST", "/api/v0/ssh/", body).await);
    let after = rent(&vast, 20).await;
    let keys =
        |machine: &MachineId| world.instance(machine.as_str().parse().unwrap()).unwrap().keys;
    assert!(keys(&before).is_empty());
    assert_eq!(keys(&after)[0].text, "ssh-ed25519 AAAA account");
    let path = format!("/api/v0/ssh/{}/", added["key"]["id"]);
    assert_eq!(raw(&world, "DELETE", &path, json!({})).await.status(), 200);
    assert_eq!(raw(&world, "DELETE", &path, json!({})).await.status(), 404);
}

// --- the world as a whole -------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_saved_world_goes_on_and_time_has_passed_and_cost() {
    let (world, vast) = hosts(2);
    let machine = rent(&vast, 10).await;
    let id: u64 = machine.as_str().parse().unwrap();
    world.set_addresses(id, Some(("127.0.0.1".into(), 4_000)), None);
    world.wait_until(START.after_ms(1_500)).await;
    let saved = world.save().unwrap();
    let text = saved.to_string();
    drop(world);

    let hour = 3_600_000;
    let later =
        World::load(serde_json::from_str(&text).unwrap(), Pace::real(), START.after_ms(hour))
            .unwrap();
    let again = self::vast(&later);
    assert_eq!(state_of(&again, &machine).await, Some(MachineState::Running));
    assert_eq!(later.instance(id).unwrap().direct, None, "its listener died with the process");
    assert_eq!(later.bill(id).unwrap().gpu, Rate::from_usd_per_hour(0.4).cost(3_600_000));
    assert_eq!(ids(&again, &OfferFilter::default()).await, [20]);
    assert_eq!(class(&again.create(&order(10)).await), Class::NextOffer);
    assert!(World::load(json!({}), Pace::real(), START).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_seeded_world_works_from_search_to_destroy() {
    let world = World::new(Script::seeded(1), Pace::new(10.0), START);
    let vast = vast(&world);
    let began = world.now();
    let filter =
        OfferFilter { gpu: Some("RTX 4090".into()), disk_gb: Some(40), ..OfferFilter::default() };
    let found = vast.search(&filter).await.unwrap();
    assert!(found.offers.len() >= 15, "{}", found.offers.len());
    assert_eq!(found.unreadable, 0);
    assert!(world.now().unix_ms() - began.unix_ms() >= 400, "a search takes its time");
    let mut rented = Vec::new();
    for offer in &found.offers {
        if let CreateAnswer::Rented { machine } =
            vast.create(&order(offer.id.as_str().parse().unwrap())).await
        {
            rented.push(machine);
        }
    }
    assert!(rented.len() >= 10);
    world.pace().sleep(20_000).await;
    let listed = vast.list().await.unwrap();
    let running = listed.iter().filter(|one| one.status.state == MachineState::Running).count();
    assert!(running >= 5, "{running}");
    vast.destroy(&rented).await.unwrap();
    world.pace().sleep(1_000).await;
    assert_eq!(vast.list().await.unwrap(), []);
    assert!(world.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn chances_come_from_the_seed() {
    let run = async |seed: u64| {
        let mut script = Script::of(vec![HostSpec::new(1)]);
        script.seed = seed;
        let fault = Fault::Status { status: 503, body: String::new() };
        let world = world(script.fault(ApiCall::User, When::Chance(0.5), fault));
        let vast = vast(&world);
        let mut answers = Vec::new();
        for _ in 0..40 {
            answers.push(vast.account().await.is_ok());
        }
        answers
    };
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
    let good = first.iter().filter(|good| **good).count();
    assert!((8..=32).contains(&good), "{good}");
}

// --- over a socket --------------------------------------------------------

#[tokio::test]
async fn the_same_client_works_over_a_socket() {
    let world = world(Script::of(vec![HostSpec::new(1), HostSpec::new(2), HostSpec::new(3)]));
    let served = serve(router(world.clone())).await.unwrap();
    let wire = Arc::new(Wire::new(Duration::from_secs(10)).unwrap());
    let vast = Vast::new(&served.base_url(), "k".into(), wire, SearchOptions::default()).unwrap();
    assert_eq!(ids(&vast, &OfferFilter::default()).await, [10, 20, 30]);
    let machine = rent(&vast, 10).await;
    assert_eq!(vast.list().await.unwrap()[0].machine, machine);
    vast.destroy(&[machine]).await.unwrap();

    // A connection that is closed without an answer.
    world.add_fault(ApiCall::Create, When::Nth(2), Fault::ResetAfter);
    assert_eq!(class(&vast.create(&order(20)).await), Class::Unknown);
    world.add_fault(ApiCall::Create, When::Nth(3), Fault::ResetBefore);
    assert_eq!(class(&vast.create(&order(30)).await), Class::Unknown);
    assert_eq!(world.alive().len(), 1);
    assert_eq!(world.count(ApiCall::Create), 3, "nothing was asked twice");

    // Nobody listens any more.
    drop(served);
    let gone = async || class(&vast.create(&order(30)).await);
    let mut last = gone().await;
    for _ in 0..20 {
        if last != Class::Unknown {
            break;
        }
        // The first may still meet the connection that was just closed.
        last = gone().await;
    }
    assert_eq!(last, Class::RunEnds(Code::CloudUnreachable));
}

#[tokio::test]
async fn a_key_leaves_this_computer_under_tls_alone() {
    let wire = Arc::new(Wire::new(Duration::from_secs(1)).unwrap());
    for base in ["http://console.vast.ai", "http://192.0.2.1:80"] {
        let http: Arc<dyn Http> = Arc::<Wire>::clone(&wire);
        let refused = Vast::new(base, "k".into(), http, SearchOptions::default()).unwrap_err();
        assert_eq!(refused.kind, CloudErrorKind::BadAddress);
        assert_eq!(refused.code(), Code::Usage);
    }
}
