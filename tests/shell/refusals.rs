//! What is refused before anything is rented: by code and exit code.

use practice::cloud::{ApiCall, HostSpec, Script};

use crate::binary::{program, run};
use crate::world::World;

#[tokio::test]
async fn without_a_key_it_is_never_practice_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(program(folder.path(), &["launch", "--json"])).await;
    assert_eq!((ended.code, ended.error()), (5, "cloud-key-missing"));
}

#[tokio::test]
async fn a_key_is_never_sent_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path(), &["launch", "--json"]);
    // An address of documentation: nothing may be sent there.
    command.env("VAST_API_KEY", "a-key").env("VAST_URL", "http://192.0.2.1");
    let ended = run(command).await;
    assert_eq!((ended.code, ended.error()), (2, "usage"));
}

#[tokio::test]
async fn what_makes_no_sense_is_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["launch", "--snapshot", "LATEST"].as_slice(),
        &["launch", "--max-price", "0"],
        &["launch", "--policy", "gentle"],
        &["launch", "--num-gpus", "many"],
        &["race"],
        &["destroy"],
    ] {
        let mut command = program(folder.path(), arguments);
        command.arg("--json");
        let child = command.spawn().unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_code_and_rents_nothing() {
    let hosts = (1..=5).map(HostSpec::new).collect();
    let world = World::start(Script::of(hosts)).await;
    let cases: [(&[&str], &str); 5] = [
        (&["launch"], "repository-missing"),
        (&["launch", "--recipe", "unknown"], "recipe-missing"),
        (&["launch", "--snapshot", "none", "--gpu", "RTX 9999"], "no-offers"),
        (&["launch", "--snapshot", "none", "--max-price", "0.01"], "price-cap"),
        (&["launch", "--target", "workspace"], "usage"),
    ];
    for (arguments, code) in cases {
        let ended = run(world.program(arguments)).await;
        let told = match ended.facts("run_failed").first() {
            Some(fact) => fact["code"].as_str().unwrap().to_owned(),
            None => ended.error().to_owned(),
        };
        assert_eq!(told, code, "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.code, if code == "usage" { 2 } else { 5 }, "{arguments:?}");
    }
    assert_eq!(world.cloud.count(ApiCall::Create), 0);
    let unknown = run(world.program(&["destroy", "12345"])).await;
    assert_eq!((unknown.code, unknown.error()), (5, "machine-missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_copies_do_not_share_a_practice_world() {
    if practice::workspace::find_restic().await.is_none() {
        println!("SKIPPED: no restic here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("practice").join("1");
    std::fs::create_dir_all(&first).unwrap();
    let lock = std::fs::File::create(first.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let ended = run(program(folder.path(), &["machines", "--practice=1", "--json"])).await;
    assert_eq!((ended.code, ended.error()), (5, "already-running"));
}
