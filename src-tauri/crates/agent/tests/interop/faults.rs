//! Everything that can go wrong on the way: the restore is complete, or every
//! file that is not restored is listed; never a wrong byte, never a silence.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::Options;
use agent::event::{Cause, Control, Event, TicketReason};
use http::StatusCode;
use practice::store::{Gate, KeyMatch, RequestMatch, StoreFault, What, When};

use crate::common::{Restic, fill_odd, noise, restics};
use crate::compare::{differences_when_read, tree};
use crate::stage::{Run, Stage, hasty, run, run_steered};

/// Nothing may be quiet for longer (product's rule).
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// A stage with some packs, or none where there is no restic.
async fn stage() -> Option<Stage> {
    Some(Stage::open(repository()?).await)
}

fn repository() -> Option<Restic> {
    let binary = restics().pop()?;
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_odd(&source);
    fs::create_dir_all(source.join("data")).unwrap();
    for n in 0..12u64 {
        fs::write(source.join(format!("data/large {n}")), noise(3 << 20, n + 1)).unwrap();
    }
    for n in 0..300u64 {
        fs::write(source.join(format!("data/small {n:03}")), noise(n as usize * 40, n + 99))
            .unwrap();
    }
    backup(&restic);
    Some(restic)
}

fn backup(restic: &Restic) {
    let source = restic.beside("source");
    let args = ["backup", "--force", "--pack-size", "4"].map(OsStr::new);
    restic.run(args.into_iter().chain([source.as_os_str()]));
}

fn packs(when: When, what: What) -> StoreFault {
    StoreFault { matches: RequestMatch::get(KeyMatch::StartsWith("data/".into())), when, what }
}

/// The reference, restored by restic without any fault.
fn reference(stage: &Stage) -> PathBuf {
    let theirs = stage.restic.beside("theirs");
    if theirs.exists() { theirs } else { stage.restore_with_restic("theirs") }
}

/// Every file is there and right, or is listed as failed and not there.
fn assert_honest(stage: &Stage, target: &Path, run: &Run) -> usize {
    let theirs = reference(stage);
    let failed: BTreeSet<PathBuf> = run.failed().into_iter().map(PathBuf::from).collect();
    assert!(run.longest_silence < LONGEST_SILENCE, "{:?}", run.longest_silence);
    let summary = run.outcome.unwrap_or_else(|(_, summary)| summary);
    assert_eq!(summary.failed as usize, failed.len());
    assert_eq!(summary.unlisted, 0);
    let ours = tree(target);
    for path in &failed {
        assert!(!ours.contains_key(path), "{} failed and is there", path.display());
        let _ = fs::remove_file(theirs.join(path));
    }
    let differences = differences_when_read(target, &theirs);
    // Removing from the reference changed a folder's time.
    let differences: Vec<_> = differences
        .into_iter()
        .filter(|line| failed.is_empty() || !line.contains("kind: \"folder\""))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    if !failed.is_empty() {
        fs::remove_dir_all(theirs).unwrap();
    }
    failed.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_faults_are_not_noticed() {
    let Some(stage) = stage().await else { return };
    reference(&stage);
    let plan = stage.plan(&[]).await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    for (name, what, when) in [
        ("500", What::Status(StatusCode::INTERNAL_SERVER_ERROR), When::First(40)),
        ("503", What::Status(busy), When::First(60)),
        ("429", What::Status(StatusCode::TOO_MANY_REQUESTS), When::First(60)),
        ("now and then 503", What::Status(busy), When::Chance { of: 0.4, seed: 1 }),
        ("reset before", What::Reset, When::First(40)),
        ("reset in mid-body", What::ResetAfter(300_000), When::Chance { of: 0.5, seed: 2 }),
        ("reset early", What::ResetAfter(10), When::First(30)),
        ("cut off", What::Truncate(500_000), When::Chance { of: 0.5, seed: 3 }),
        ("missing for a moment", What::Missing, When::First(2)),
        ("stalled", What::Stall(100_000), When::First(3)),
        ("silent", What::Silence, When::First(3)),
        ("a flipped bit, once", What::FlipByte(200_000), When::First(2)),
    ] {
        stage.store.set_faults(vec![packs(when, what)]);
        let target = stage.restic.beside(name);
        let patient = Options { patience: Duration::from_secs(10), ..hasty() };
        let run = run(stage.ticket(&plan).await, &target, patient).await;
        assert!(stage.store.faults_struck()[0] > 0, "{name}");
        run.expect_whole();
        assert_eq!(assert_honest(&stage, &target, &run), 0, "{name}");
        fs::remove_dir_all(target).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_comes_hard_comes_all_the_same() {
    let Some(stage) = stage().await else { return };
    let plans = RequestMatch::get(KeyMatch::StartsWith("plans/".into()));
    for what in [
        What::Status(StatusCode::SERVICE_UNAVAILABLE),
        What::Reset,
        What::ResetAfter(5_000),
        What::Truncate(2_000),
        What::Missing,
    ] {
        let fault = StoreFault { matches: plans.clone(), when: When::First(2), what };
        stage.store.set_faults(vec![fault]);
        let (target, run) = stage.restore("target", hasty()).await;
        run.expect_whole();
        fs::remove_dir_all(target).unwrap();
    }
    for (what, cause) in [
        (What::Missing, Cause::Plan),
        (What::FlipByte(40), Cause::Plan),
        (What::Status(StatusCode::INTERNAL_SERVER_ERROR), Cause::StoreUnreachable),
    ] {
        let fault = StoreFault { matches: plans.clone(), when: When::Always, what };
        stage.store.set_faults(vec![fault]);
        let (_, run) = stage.restore("target", hasty()).await;
        assert_eq!(run.outcome.unwrap_err().0, cause);
        assert!(matches!(run.events.last(), Some(Event::Aborted { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bad_pack_held_is_listed_and_all_else_is_restored() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    let pack = plan.packs()[plan.packs().len() / 2].to_string();
    let key = KeyMatch::Contains(pack.clone());
    for what in [
        What::Missing,
        What::FlipByte(1_000_000),
        What::Status(StatusCode::INTERNAL_SERVER_ERROR),
        What::Truncate(50_000),
        What::Stall(50_000),
    ] {
        let fault =
            StoreFault { matches: RequestMatch::get(key.clone()), when: When::Always, what };
        stage.store.set_faults(vec![fault]);
        let target = stage.restic.beside("target");
        let run = run(stage.ticket(&plan).await, &target, hasty()).await;
        run.outcome.unwrap();
        assert!(assert_honest(&stage, &target, &run) > 0, "{what:?}");
        assert!(
            run.has(|event| matches!(event, Event::PackFailed { pack: id, .. } if *id == pack))
        );
        fs::remove_dir_all(target).unwrap();
    }

    // And when the pack is back, only what is missing is fetched.
    let fault =
        StoreFault { matches: RequestMatch::get(key), when: When::Always, what: What::Missing };
    stage.store.set_faults(vec![fault]);
    let target = stage.restic.beside("target");
    run(stage.ticket(&plan).await, &target, hasty()).await.outcome.unwrap();
    stage.store.set_faults(Vec::new());
    let again = run(stage.ticket(&plan).await, &target, hasty()).await;
    let summary = again.expect_whole();
    assert_eq!(assert_honest(&stage, &target, &again), 0);
    assert!(summary.kept_bytes > summary.bytes / 2, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_two_packs_survives_the_loss_of_one() {
    let Some(restic) = repository() else { return };
    restic.without_index(|| backup(&restic));
    let stage = Stage::open(restic).await;
    let plan = stage.plan(&[]).await;
    let first = KeyMatch::Contains(plan.packs()[0].to_string());
    let second = KeyMatch::Contains(plan.packs()[1].to_string());
    for what in [What::Missing, What::FlipByte(1_000_000), What::Truncate(50_000)] {
        let bad = [&first, &second].map(|key| StoreFault {
            matches: RequestMatch::get(key.clone()),
            when: When::Always,
            what,
        });
        stage.store.set_faults(bad.into());
        let target = stage.restic.beside("target");
        let run = run(stage.ticket(&plan).await, &target, hasty()).await;
        run.expect_whole();
        assert_eq!(assert_honest(&stage, &target, &run), 0, "{what:?}");
        let is_named = |event: &Event| matches!(event, Event::PackFailed { .. });
        assert!(run.has(is_named), "{what:?}");
        fs::remove_dir_all(target).unwrap();
    }

    // Where the second is no better, what both held is listed.
    let all = StoreFault {
        matches: RequestMatch::get(KeyMatch::StartsWith("data/".into())),
        when: When::Always,
        what: What::Missing,
    };
    stage.store.set_faults(vec![all]);
    let target = stage.restic.beside("target");
    let run = run(stage.ticket(&plan).await, &target, hasty()).await;
    let summary = run.outcome.unwrap();
    assert_eq!(summary.failed as usize, run.failed().len());
    assert!(summary.failed > 300 && summary.unlisted == 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_names_what_is_gone_is_no_surprise() {
    let Some(stage) = stage().await else { return };
    reference(&stage);
    let plan = stage.plan(&[]).await;
    let pack = plan.packs()[1].to_string();
    let path = stage.restic.repository().join("data").join(&pack[..2]).join(&pack);
    fs::remove_file(path).unwrap();
    let target = stage.restic.beside("target");
    let run = run(stage.ticket(&plan).await, &target, hasty()).await;
    run.outcome.unwrap();
    assert!(assert_honest(&stage, &target, &run) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_expire_are_renewed() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    let target = stage.restic.beside("target");
    stage.store.set_gate(Gate { line_bytes_per_s: Some(6_000_000), ..Gate::default() });
    let seconds = Duration::from_secs(4);
    let ticket = stage.repository.ticket(&plan, seconds).await.unwrap();
    let (mut wanted, mut refused) = (0, 0);
    let run = run_steered(ticket, &target, hasty(), async |event, steer| {
        if let Event::TicketWanted { reason } = event {
            wanted += 1;
            refused += usize::from(*reason == TicketReason::Refused);
            let renewed = stage.repository.ticket(&plan, seconds).await.unwrap();
            let _ = steer.send(Control::Ticket(Box::new(renewed))).await;
        }
    })
    .await;
    assert!(wanted > 0);
    run.expect_whole();
    assert_eq!(assert_honest(&stage, &target, &run), 0);
    assert_eq!(refused, 0, "it asked in time");
    fs::remove_dir_all(&target).unwrap();

    // The store takes them for expired at once: its clock decides.
    stage.store.set_gate(Gate::default());
    let ticket = stage.repository.ticket(&plan, seconds).await.unwrap();
    stage.store.set_clock_offset(60);
    let run = run_steered(ticket, &target, hasty(), async |event, steer| {
        if matches!(event, Event::TicketWanted { reason: TicketReason::Refused }) {
            stage.store.set_clock_offset(0);
            let renewed = stage.ticket(&plan).await;
            let _ = steer.send(Control::Ticket(Box::new(renewed))).await;
        }
    })
    .await;
    run.expect_whole();
    fs::remove_dir_all(&target).unwrap();

    // Nobody renews: it says so and counts what it cannot list.
    let ticket = stage.repository.ticket(&plan, seconds).await.unwrap();
    stage.store.set_clock_offset(60);
    let run = crate::stage::run(ticket, &target, hasty()).await;
    assert_eq!(run.outcome.unwrap_err().0, Cause::TicketExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_gone_is_not_waited_for_for_ever() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    let target = stage.restic.beside("target");
    stage.store.set_faults(vec![packs(When::Always, What::Silence)]);
    let run = run(stage.ticket(&plan).await, &target, hasty()).await;
    // Its files are listed one by one, for the plan can be read.
    let (cause, summary) = match run.outcome {
        Err(ended) => ended,
        Ok(summary) => (Cause::StoreUnreachable, summary),
    };
    assert_eq!(cause, Cause::StoreUnreachable);
    assert!(summary.failed > 300, "{summary:?}");
    assert!(run.longest_silence < LONGEST_SILENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_was_stopped() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    let target = stage.restic.beside("target");
    let line = Gate { line_bytes_per_s: Some(12_000_000), ..Gate::default() };
    let mut fetched = 0;
    for round in 0..4 {
        stage.store.set_gate(line);
        let ticket = stage.ticket(&plan).await;
        let stopped = run_steered(ticket, &target, hasty(), async |event, steer| {
            if let Event::Progress(progress) = event
                && progress.bytes > 8_000_000 * (round + 1)
            {
                let _ = steer.send(Control::Stop).await;
            }
        })
        .await;
        fetched += stopped.outcome.unwrap_or_else(|(_, summary)| summary).fetched_bytes;
    }
    stage.store.set_gate(Gate::default());
    let last = run(stage.ticket(&plan).await, &target, hasty()).await;
    let summary = last.expect_whole();
    assert_eq!(assert_honest(&stage, &target, &last), 0);
    assert!(summary.kept_bytes > 0);
    fetched += summary.fetched_bytes;
    assert!(fetched < plan.totals.fetched_bytes * 3, "{fetched}");

    // All is there: nothing but the plan is fetched.
    let again = run(stage.ticket(&plan).await, &target, hasty()).await;
    let summary = again.expect_whole();
    assert_eq!(summary.kept_bytes, summary.bytes);
    assert!(summary.fetched_bytes < 200_000, "{summary:?}");
    assert_eq!(assert_honest(&stage, &target, &again), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_target_is_found_on_request() {
    let Some(stage) = stage().await else { return };
    let (target, run) = stage.restore("target", hasty()).await;
    run.expect_whole();
    let source = stage.restic.beside("source");
    let file = target.join(source.strip_prefix("/").unwrap()).join("data/large 3");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();

    let options = Options { check_hashes: true, ..hasty() };
    let (_, run) = stage.restore("target", options).await;
    let summary = run.expect_whole();
    assert_eq!(assert_honest(&stage, &target, &run), 0);
    assert!(summary.fetched_bytes < 12 << 20, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_of_its_own() {
    let Some(stage) = stage().await else { return };
    let target = stage.restic.beside("target");
    fs::create_dir_all(&target).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
        .arg(&target)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIPPED: a full disk, nothing can be mounted here");
        return;
    }
    let plan = stage.plan(&[]).await;
    let run = run(stage.ticket(&plan).await, &target, hasty()).await;
    let ours = tree(&target);
    let unmount = std::process::Command::new("umount").arg(&target).status();
    assert!(unmount.unwrap().success());
    let (cause, summary) = run.outcome.unwrap_err();
    assert_eq!(cause, Cause::DiskFull);
    // What is not there is listed, and what is there is whole.
    let failed = run.failed();
    assert!(summary.files > 0 && !failed.is_empty(), "{summary:?}");
    assert_eq!(summary.unlisted, 0);
    let theirs = tree(&reference(&stage));
    for (path, entry) in theirs {
        let name = path.to_string_lossy().into_owned();
        let is_file = format!("{entry:?}").contains("kind: \"file\"");
        if is_file && !failed.contains(&name) {
            assert!(ours.contains_key(&path), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_written_is_found_out_at_once() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    let file = stage.restic.beside("a file");
    fs::write(&file, "x").unwrap();
    let run = run(stage.ticket(&plan).await, &file, hasty()).await;
    assert_eq!(run.outcome.unwrap_err().0, Cause::Target);
    assert_eq!(fs::read(&file).unwrap(), b"x");

    // Even root cannot write into /proc.
    let run = crate::stage::run(stage.ticket(&plan).await, Path::new("/proc"), hasty()).await;
    let cause = run.outcome.unwrap_err().0;
    assert!(matches!(cause, Cause::TargetReadOnly | Cause::Target), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_link() {
    let Some(stage) = stage().await else { return };
    let source = stage.restic.beside("source");
    let target = stage.restic.beside("target");
    let below = target.join(source.strip_prefix("/").unwrap());
    let outside = stage.restic.beside("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(below.parent().unwrap()).unwrap();
    // Where the snapshot has a folder, a file, and a folder deep down.
    for round in 0..3 {
        let _ = fs::remove_dir_all(&below);
        let link = match round {
            0 => below.clone(),
            1 => {
                fs::create_dir_all(below.join("data")).unwrap();
                below.join("data/large 1")
            }
            _ => {
                fs::create_dir_all(&below).unwrap();
                below.join("deep")
            }
        };
        let to = if round == 1 { outside.join("file") } else { outside.clone() };
        std::os::unix::fs::symlink(to, link).unwrap();
        let (_, run) = stage.restore("target", hasty()).await;
        run.expect_whole();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(assert_honest(&stage, &target, &run), 0);
    }
}
