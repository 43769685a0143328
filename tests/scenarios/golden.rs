//! Golden fact streams: the same journey tells the same facts at the same
//! milliseconds, for ever. The window's tests fold the same files.
//!
//! `UPDATE_FIXTURES=1` writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{Fact, RacePolicy, Recipe, RunId, RunView};
use practice::cloud::{ApiCall, Fate, Fault, HostSpec, RetryAfter, Script, TooMany, When};
use practice::machine::{Restorer, ScriptedRestore};

use crate::repository;
use crate::stage::{Stage, plain, recipe, restorer};

/// A host whose times meet nobody else's: what happens in the same
/// millisecond may be told in any order.
fn host(number: u64) -> HostSpec {
    odd(number, 3_000, 500)
}

fn odd(number: u64, running_ms: u64, ssh_ms: u64) -> HostSpec {
    crate::stage::host(number)
        .create_takes(300 + 7 * number)
        .boots(running_ms + 13 * number + 1, ssh_ms + 3 * number)
}

fn good(count: u64) -> Vec<HostSpec> {
    (1..=count).map(host).collect()
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures")
}

/// Names made of chance get fixed ones.
fn fixed(facts: &[Fact]) -> Vec<String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let run = facts[0].run.to_string();
    names.insert(run, "q7m2x4n6pa".into());
    facts
        .iter()
        .map(|fact| {
            let mut value = serde_json::to_value(fact).unwrap();
            fix(&mut value, &mut names);
            value.to_string()
        })
        .collect()
}

fn fix(value: &mut serde_json::Value, names: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), &field) {
                    ("host_key", serde_json::Value::String(_)) => {
                        *field = "SHA256:q4Xn0000000000000000000000000000000000000000".into();
                    }
                    ("label", serde_json::Value::String(text)) => {
                        let lane = text.rsplit('/').next().unwrap_or_default().to_owned();
                        *field = format!("dumont/k3j5w2ab-q7m2x4n6pa/{lane}").into();
                    }
                    _ => fix(field, names),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| fix(item, names)),
        serde_json::Value::String(text) => {
            if let Some(name) = names.get(text) {
                *text = name.clone();
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn compare(name: &str, facts: &[Fact]) {
    let lines = fixed(facts);
    let parsed: Vec<Fact> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let view = RunView::replay(RunId::new("q7m2x4n6pa"), &parsed);
    let stream = lines.join("\n") + "\n";
    let folded = serde_json::to_string_pretty(&view).unwrap() + "\n";
    let paths =
        [fixtures().join(format!("{name}.jsonl")), fixtures().join(format!("{name}.view.json"))];
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(fixtures()).unwrap();
        std::fs::write(&paths[0], stream).unwrap();
        std::fs::write(&paths[1], folded).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&paths[0]).unwrap_or_default();
    for (number, (expected, told)) in golden.lines().zip(stream.lines()).enumerate() {
        assert_eq!(told, expected, "{name}: fact {} differs", number + 1);
    }
    assert_eq!(stream.lines().count(), golden.lines().count(), "{name}: another number of facts");
    let golden = std::fs::read_to_string(&paths[1]).unwrap_or_default();
    for (number, (expected, told)) in golden.lines().zip(folded.lines()).enumerate() {
        assert_eq!(told, expected, "{name}: line {} of the view differs", number + 1);
    }
    assert_eq!(folded.lines().count(), golden.lines().count(), "{name}: the view's length");
}

#[tokio::test(start_paused = true)]
async fn wave_one_wins() {
    let stage = Stage::of(Script::of(good(20)), restorer(8_000)).await;
    compare("wave-one-wins", &stage.launch(recipe()).await.facts);
}

#[tokio::test(start_paused = true)]
async fn wave_two_wins_after_losses_of_many_kinds() {
    let hosts = vec![
        host(1).fate(Fate::NeverBoots),
        host(2)
            .fate(Fate::DeadMessage { text: "OCI runtime create failed: no such device".into() }),
        host(3).fate(Fate::OfferGone { status: 410 }),
        host(4).fate(Fate::SshNever),
        host(5).fate(Fate::Unproved),
        host(6).fate(Fate::Exits { after_ms: 200 }),
        host(7).fate(Fate::DiskTooSmall),
        odd(8, 9_000, 3_000),
        odd(9, 8_000, 900),
        odd(10, 9_500, 9_000),
        host(11).fate(Fate::GoesOffline { after_ms: 500 }),
    ];
    let stage = Stage::of(Script::of(hosts), restorer(12_000)).await;
    compare("wave-two-wins", &stage.launch(recipe()).await.facts);
}

#[tokio::test(start_paused = true)]
async fn nobody_wins() {
    let hosts = (1..=20).map(|number| host(number).fate(Fate::NeverBoots)).collect();
    let stage = Stage::new(hosts).await;
    compare("nobody-wins", &stage.launch(recipe()).await.facts);
}

#[tokio::test(start_paused = true)]
async fn a_second_heat_wins() {
    let mut hosts = good(20);
    hosts[0] = odd(1, 1_000, 100).fate(Fate::RestoreStalls { after_ms: 1_000 });
    let restore = ScriptedRestore {
        files: repository::FILES,
        bytes: repository::BYTES,
        critical_bytes: 0,
        ms: 10_000,
    };
    let stage = Stage::of(Script::of(hosts), Restorer::Scripted(restore)).await;
    let story = stage.launch(Recipe { critical: Vec::new(), ..recipe() }).await;
    compare("second-heat-wins", &story.facts);
}

#[tokio::test(start_paused = true)]
async fn throttled_and_unknown() {
    let script = Script::of(good(12))
        .fault(
            ApiCall::Create,
            When::Nth(2),
            Fault::TooMany { shape: TooMany::Detail, retry_after: Some(RetryAfter::Seconds(4)) },
        )
        .fault(ApiCall::Create, When::Nth(3), Fault::TimeoutButDone);
    let stage = Stage::of(script, restorer(3_000)).await;
    let story = stage.launch(Recipe { policy: RacePolicy::KeepRacing, ..recipe() }).await;
    compare("throttled-and-unknown", &story.facts);
}

#[tokio::test(start_paused = true)]
async fn cancelled() {
    let stage = Stage::new((1..=20).map(|n| odd(n, 30_000, 500)).collect()).await;
    let run = stage.begin(plain()).await;
    stage.clock.sleep(13_000).await;
    stage.engine.cancel(&run).await.unwrap();
    compare("cancelled", &stage.finish(&run).await.facts);
}

#[tokio::test(start_paused = true)]
async fn leftovers() {
    let stage = Stage::new((1..=20).map(|n| odd(n, 30_000, 500)).collect()).await;
    let run = stage.begin(plain()).await;
    stage.clock.sleep(4_000).await;
    let down = Fault::Status { status: 502, body: String::new() };
    stage.world.add_fault(ApiCall::List, When::From(1), down);
    stage.engine.cancel(&run).await.unwrap();
    compare("leftovers", &stage.finish(&run).await.facts);
}
