//! What is wanted first comes first.

use std::ffi::OsStr;
use std::fs;

use agent::event::{Control, Event};
use practice::store::Gate;
use repository::{PlanRequest, Repository};

use crate::common::{Restic, noise, restics};
use crate::compare::assert_equal;
use crate::stage::{Stage, hasty, run_steered};

async fn stage() -> Option<Stage> {
    let binary = restics().pop()?;
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    for folder in ["a", "b", "c", "code"] {
        fs::create_dir_all(source.join(folder)).unwrap();
        let (count, size) = if folder == "code" { (40, 10_000) } else { (12, 2 << 20) };
        for n in 0..count {
            let bytes = noise(size, n * 7919 + size as u64 + u64::from(folder.as_bytes()[0]));
            fs::write(source.join(folder).join(format!("{n}")), bytes).unwrap();
        }
    }
    let args = ["backup", "--pack-size", "4"].map(OsStr::new);
    restic.run(args.into_iter().chain([source.as_os_str()]));
    Some(Stage::open(restic).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn critical_files_are_there_long_before_the_rest() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&["source/code"]).await;
    assert_eq!((plan.counts.critical_files, plan.counts.critical_bytes), (40, 400_000));
    stage.store.set_gate(Gate { line_bytes_per_s: Some(40_000_000), ..Gate::default() });
    let ticket = stage.ticket(&plan).await;
    let target = stage.restic.beside("target");
    let code = target.join(stage.restic.beside("source").strip_prefix("/").unwrap()).join("code");
    let mut critical = None;
    let run = run_steered(ticket, &target, hasty(), async |event, _| {
        if let Event::Critical { elapsed_ms, files, bytes, failed } = event {
            assert_eq!((*files, *bytes, *failed), (40, 400_000, 0));
            // The mark is kept to: they are really there.
            assert_eq!(fs::read_dir(&code).unwrap().count(), 40);
            critical = Some(*elapsed_ms);
        }
    })
    .await;
    let summary = run.expect_whole();
    let critical = critical.unwrap();
    assert!(critical * 4 < summary.elapsed_ms, "{critical} of {} ms", summary.elapsed_ms);
    assert_equal(&target, &stage.restore_with_restic("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_can_be_moved_to_the_front() {
    let Some(stage) = stage().await else { return };
    let plan = stage.plan(&[]).await;
    stage.store.set_gate(Gate { line_bytes_per_s: Some(20_000_000), ..Gate::default() });
    let ticket = stage.ticket(&plan).await;
    let target = stage.restic.beside("target");
    let source = stage.restic.beside("source");
    let wanted = source.strip_prefix("/").unwrap().join("c");
    let mut groups = Vec::new();
    let mut finished = Vec::new();
    let mut options = hasty();
    options.connections = (2, 2);
    let mut is_asked = false;
    let run = run_steered(ticket, &target, options, async |event, steer| match event {
        Event::Planned(planned) => groups.clone_from(&planned.groups),
        Event::Progress(progress) => {
            if !is_asked && progress.bytes > 0 {
                is_asked = true;
                let path = format!("/{}/", wanted.display());
                let _ = steer.send(Control::Front(path.as_str().into())).await;
            }
            for (group, (files, _)) in groups.iter().zip(&progress.groups) {
                let name = group.path.to_string();
                if *files > 0 && *files == group.files && !finished.contains(&name) {
                    finished.push(name);
                }
            }
        }
        _ => {}
    })
    .await;
    run.expect_whole();
    assert!(run.has(|event| matches!(event, Event::Fronted { is_pending: true, .. })));
    let place = |name: &str| finished.iter().position(|group| group.ends_with(name)).unwrap();
    assert!(place("/c") < place("/b"), "{finished:?}");
    assert_eq!(groups.iter().map(|group| group.files).sum::<u64>(), plan.counts.files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_brings_what_was_selected() {
    let Some(stage) = stage().await else { return };
    let request = PlanRequest {
        root: stage.root().await,
        include: vec!["source/code".into(), "source/b/3".into()],
        critical: vec!["source/code/7".into()],
    };
    let plan = stage.repository.plan(&request).await.unwrap();
    stage.repository.store_plan(&plan).await.unwrap();
    assert_eq!((plan.counts.files, plan.counts.critical_files), (41, 1));
    let target = stage.restic.beside("target");
    let ticket = stage.ticket(&plan).await;
    crate::stage::run(ticket, &target, hasty()).await.expect_whole();
    let theirs = stage.restic.beside("theirs");
    let source = stage.restic.beside("source");
    let include = |name: &str| source.join(name).to_str().unwrap().to_owned();
    let (code, one) = (include("code"), include("b/3"));
    let mut args = vec!["restore", "latest", "--include", &code, "--include", &one, "--target"];
    args.push(theirs.to_str().unwrap());
    stage.restic.run(args);
    assert_equal(&target, &theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_this_computer_is_read_without_a_store() {
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    crate::common::fill_odd(&restic.beside("source"));
    restic.run(["backup", "source"]);
    let location = restic.repository().to_str().unwrap().parse().unwrap();
    let password = restic.password.clone().into();
    let options = repository::OpenOptions::default();
    let repository = Repository::open(&location, None, &password, &options).await.unwrap();
    let latest = "latest".parse().unwrap();
    let root = repository.resolve(&latest, "none", &[]).await.unwrap().root;
    let request = PlanRequest { root, include: Vec::new(), critical: Vec::new() };
    let plan = repository.plan(&request).await.unwrap();
    repository.store_plan(&plan).await.unwrap();
    let ticket = repository.ticket(&plan, crate::stage::VALID).await.unwrap();
    let target = restic.beside("target");
    crate::stage::run(ticket, &target, hasty()).await.expect_whole();
    let theirs = restic.beside("theirs");
    restic.run(["restore", "latest", "--target", theirs.to_str().unwrap()]);
    assert_equal(&target, &theirs);
    // restic does not mind the plan beside its folders.
    restic.run(["check", "--read-data"]);
    let day = 24 * 3600 * 1000;
    let now = model::At::from_unix_ms(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis()
            .try_into()
            .unwrap(),
    );
    assert_eq!(repository.delete_old_plans(now).await.unwrap(), 0);
    let later = model::At::from_unix_ms(now.unix_ms() + 8 * day);
    assert_eq!(repository.delete_old_plans(later).await.unwrap(), 1);
    assert_eq!(fs::read_dir(restic.repository().join("plans")).unwrap().count(), 0);
}
