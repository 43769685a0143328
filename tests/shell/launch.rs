//! A newcomer's first launch, on the embedded practice cloud.

use practice::Practice;
use practice::workspace::{compare, find_restic};

use crate::binary::{program, run};

#[tokio::test]
async fn a_practice_launch_restores_every_byte_and_leaves_one_machine() {
    if find_restic().await.is_none() {
        println!("SKIPPED: no restic here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = run(program(folder.path(), &["launch", "--practice=1", "--json"])).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.facts("run_ready").len(), 1);

    let rented = ended.facts("machine_rented");
    let winner = &ended.facts("winner_chosen")[0]["machine"];
    let destroyed = ended.facts("machine_destroyed");
    assert!(destroyed.iter().all(|fact| fact["confirmed"] == true));
    for machine in rented.iter().map(|fact| &fact["machine"]) {
        let gone = destroyed.iter().any(|fact| fact["machine"] == *machine);
        assert_eq!(gone, machine != winner, "machine {machine}");
    }

    let practice = folder.path().join("practice").join("1");
    let restored =
        practice.join("machines").join(winner.as_str().unwrap()).join("root").join("workspace");
    let differences = compare(&practice.join("source").join("workspace"), &restored).unwrap();
    assert!(differences.is_empty(), "{differences:?}");
    assert_eq!(Practice::RECIPE, "practice");

    // The winner goes on without the program, and ends when it is told to.
    let listed = run(program(folder.path(), &["machines", "--practice=1", "--json"])).await;
    assert_eq!(listed.lines.len(), 1);
    assert_eq!(listed.lines[0]["kept"], true);
    let machine = listed.lines[0]["machine"].as_str().unwrap().to_owned();
    let destroyed =
        run(program(folder.path(), &["destroy", &machine, "--practice=1", "--json"])).await;
    assert_eq!((destroyed.code, &destroyed.lines[0]["confirmed"]), (0, &true.into()));
    let listed = run(program(folder.path(), &["machines", "--practice=1", "--json"])).await;
    assert!(listed.lines.is_empty());
}
