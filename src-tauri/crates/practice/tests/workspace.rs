//! The practice workspace and its repository, on disk and with a real restic.
#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use practice::workspace::{
    Differs, Kind, RepositoryPlan, Size, Version, Workspace, WorkspaceError, compare, find_restic,
    make_repository,
};
use secrecy::{ExposeSecret, SecretString};

#[test]
fn the_same_seed_is_the_same_tree() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Workspace::generate(one.path(), 42, Size::Small).unwrap();
    let second = Workspace::generate(two.path(), 42, Size::Small).unwrap();
    let differences = compare(&first.folder(), &second.folder()).unwrap();
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(first.paths(), [one.path().join("workspace").to_str().unwrap()]);
    for path in Workspace::critical() {
        assert!(one.path().join(&path[1..]).is_dir(), "{path}");
    }

    // Changed in the same way it stays the same; made again it is as new.
    first.change(1).unwrap();
    assert!(!compare(&first.folder(), &second.folder()).unwrap().is_empty());
    second.change(1).unwrap();
    let differences = compare(&first.folder(), &second.folder()).unwrap();
    assert!(differences.is_empty(), "{differences}");
    let again = Workspace::generate(one.path(), 42, Size::Small).unwrap();
    let third = tempfile::tempdir().unwrap();
    let fresh = Workspace::generate(third.path(), 42, Size::Small).unwrap();
    let differences = compare(&again.folder(), &fresh.folder()).unwrap();
    assert!(differences.is_empty(), "{differences}");
    for workspace in [again, second, fresh] {
        let folder = workspace.folder();
        workspace.remove().unwrap();
        assert!(!folder.exists());
    }
}

#[test]
fn the_full_workspace_is_made_quickly_and_once() {
    let parent = tempfile::tempdir().unwrap();
    let workspace = Workspace::generate(parent.path(), 1, Size::Full).unwrap();
    let marked = workspace.folder().join("mark");
    fs::write(&marked, "").unwrap();
    let again = Workspace::generate(parent.path(), 1, Size::Full).unwrap();
    assert!(marked.exists(), "taken as it stands");
    again.remove().unwrap();
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let theirs = parent.path().join("workspace/precious");
    fs::create_dir_all(&theirs).unwrap();
    let refused = Workspace::generate(parent.path(), 1, Size::Small);
    assert!(matches!(refused, Err(WorkspaceError::NotOurs(_))), "{refused:?}");
    assert!(theirs.exists());
}

#[cfg(unix)]
#[test]
fn compare_sees_every_difference() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let left = Workspace::generate(one.path(), 9, Size::Small).unwrap().folder();
    let right = Workspace::generate(two.path(), 9, Size::Small).unwrap().folder();
    let found = |name: &str| {
        let differences = compare(&left, &right).unwrap().0;
        let of = differences.into_iter().filter(|difference| difference.path == Path::new(name));
        of.map(|difference| difference.what).collect::<Vec<_>>()
    };
    let set = |name: &str, mode| {
        fs::set_permissions(right.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let touch = |name: &str, seconds: u64, nanoseconds: u32| {
        let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        fs::File::open(right.join(name)).unwrap().set_modified(time).unwrap();
    };
    set("start.sh", 0o644);
    assert_eq!(found("start.sh"), [Differs::Mode(0o755, 0o644)]);
    set("odd/set-id", 0o755);
    assert_eq!(found("odd/set-id"), [Differs::Mode(0o6755, 0o755)]);

    let kept = fs::metadata(right.join("README.md")).unwrap().modified().unwrap();
    let mut text = fs::read(right.join("README.md")).unwrap();
    text[100] ^= 1;
    fs::write(right.join("README.md"), &text).unwrap();
    fs::File::open(right.join("README.md")).unwrap().set_modified(kept).unwrap();
    assert_eq!(found("README.md"), [Differs::Content { offset: 100 }]);

    let time = fs::metadata(left.join("requirements.txt")).unwrap().modified().unwrap();
    let time = time.duration_since(UNIX_EPOCH).unwrap();
    touch("requirements.txt", time.as_secs(), (time.subsec_nanos() + 1) % 1_000_000_000);
    assert!(
        matches!(found("requirements.txt")[..], [Differs::Modified(a, b)] if a == time && a != b)
    );

    fs::write(right.join("app/__init__.py"), "x").unwrap();
    assert!(found("app/__init__.py").contains(&Differs::Size(0, 1)));
    fs::remove_file(right.join(".gitignore")).unwrap();
    assert_eq!(found(".gitignore"), [Differs::Missing]);
    fs::create_dir(right.join("extra")).unwrap();
    assert_eq!(found("extra"), [Differs::Extra]);
    fs::remove_file(right.join("current")).unwrap();
    symlink("elsewhere", right.join("current")).unwrap();
    assert!(found("current").contains(&Differs::Target("app".into(), "elsewhere".into())));
    fs::remove_file(right.join("odd/to-itself")).unwrap();
    fs::create_dir(right.join("odd/to-itself")).unwrap();
    assert_eq!(found("odd/to-itself"), [Differs::Kind(Kind::Link, Kind::Folder)]);
    let text = fs::read(right.join("odd/one-byte")).unwrap();
    fs::remove_file(right.join("odd/one-byte-again")).unwrap();
    fs::write(right.join("odd/one-byte-again"), text).unwrap();
    let names = found("odd/one-byte");
    assert_eq!(names, [Differs::Names(vec!["odd/one-byte-again".into()], Vec::new())]);
    assert!(!found("").is_empty(), "the folder's own time");
}

#[cfg(target_os = "linux")]
#[test]
fn the_tree_holds_what_careless_tools_break() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let parent = tempfile::tempdir().unwrap();
    let folder = Workspace::generate(parent.path(), 2, Size::Small).unwrap().folder();
    let stat = |name: &str| fs::symlink_metadata(folder.join(name)).unwrap();
    for name in ["odd/new\nline.txt", "odd/back\\slash", "odd/-leading-dash", "odd/star*.txt"] {
        assert!(stat(name).is_file(), "{name:?}");
    }
    let names = fs::read_dir(folder.join("odd")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().any(|name| std::str::from_utf8(name.as_bytes()).is_err()));
    assert_eq!(stat("odd/empty folder/inside").nlink(), 2);
    assert_eq!(stat("app/__init__.py").len(), 0);
    assert_eq!(stat("models/default.safetensors").nlink(), 3);
    assert_eq!(stat("odd/read-only").permissions().mode() & 0o7777, 0o555);
    assert_eq!(stat("tmp").permissions().mode() & 0o7777, 0o1777);
    assert!(stat("models/newest.safetensors").is_symlink());
    assert!(!folder.join("models/newest.safetensors").exists(), "it dangles");
    assert!(["README.md", "app", "current"].iter().any(|name| stat(name).mtime_nsec() % 1000 != 0));
}

fn plan(folder: &Path, restic: &Path) -> RepositoryPlan {
    RepositoryPlan {
        restic: restic.to_owned(),
        source: folder.join("source"),
        location: folder.join("store/bucket/repository"),
        recipe: "practice".into(),
        password: SecretString::from("practice"),
        seed: 5,
        size: Size::Small,
    }
}

#[tokio::test]
async fn a_repository_has_a_history_and_restores_below_its_target() {
    let Some((restic, version)) = find_restic().await else {
        println!("SKIPPED: no restic on this computer");
        return;
    };
    println!("restic {version}");
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), &restic);
    let made = make_repository(&plan).await.unwrap();
    assert!(!made.reused);
    let [first, second, third] = &made.snapshots[..] else { panic!("{made:?}") };
    assert_ne!(first.tree, second.tree);
    assert_eq!(second.tree, third.tree);
    assert_eq!(third.id.as_str().len(), 64);
    assert_eq!(third.paths, made.workspace.paths());

    let target = folder.path().join("machine");
    let restored = std::process::Command::new(&restic)
        .env_clear()
        .env("HOME", folder.path())
        .env("RESTIC_PASSWORD", plan.password.expose_secret())
        .args(["--no-cache", "--repo"])
        .arg(&made.location)
        .args(["restore", third.id.as_str(), "--target"])
        .arg(&target)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let top: Vec<_> =
        fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(top, ["workspace"]);
    let differences = compare(&made.workspace.folder(), &target.join("workspace")).unwrap();
    assert!(differences.is_empty(), "{differences}");

    let again = make_repository(&plan).await.unwrap();
    assert!(again.reused);
    assert_eq!(again.snapshots, made.snapshots);
    let gone = RepositoryPlan { restic: "/no/such/restic".into(), ..plan.clone() };
    assert!(make_repository(&gone).await.unwrap().reused, "it needs no restic any more");
    let other = RepositoryPlan { password: SecretString::from("another"), ..plan };
    let other = make_repository(&other).await.unwrap();
    assert!(!other.reused);
    assert_ne!(other.snapshots, made.snapshots);
    other.workspace.remove().unwrap();
}

#[tokio::test]
async fn without_a_good_restic_there_is_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = make_repository(&plan(folder.path(), Path::new("/no/such/restic"))).await;
    assert!(matches!(missing, Err(WorkspaceError::ResticMissing(_))), "{missing:?}");
    assert!(!folder.path().join("store").exists());

    if cfg!(unix) {
        let old = fake(folder.path(), "old", "echo 'restic 0.12.1 compiled with go1.16'");
        let old = make_repository(&plan(folder.path(), &old)).await;
        let found = Version { major: 0, minor: 12, patch: 1 };
        assert!(matches!(old, Err(WorkspaceError::ResticTooOld { found: it }) if it == found));
        let strange = fake(folder.path(), "strange", "echo hello");
        let strange = make_repository(&plan(folder.path(), &strange)).await;
        assert!(matches!(strange, Err(WorkspaceError::ResticUnknown(_))), "{strange:?}");
        let script =
            "[ \"$1\" = version ] && echo 'restic 0.18.0' || { echo no luck >&2; exit 1; }";
        let failing = fake(folder.path(), "failing", script);
        let failing = make_repository(&plan(folder.path(), &failing)).await.unwrap_err();
        assert!(failing.to_string().starts_with("run restic init"), "{failing}");
        assert!(failing.to_string().contains("no luck"), "{failing}");
    }
}

#[tokio::test]
async fn a_foreign_repository_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    if !cfg!(unix) {
        return;
    }
    let restic = fake(folder.path(), "restic", "echo 'restic 0.18.0'");
    let plan = plan(folder.path(), &restic);
    fs::create_dir_all(&plan.location).unwrap();
    fs::write(plan.location.join("config"), "theirs").unwrap();
    let refused = make_repository(&plan).await;
    assert!(matches!(refused, Err(WorkspaceError::NotOurs(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(plan.location.join("config")).unwrap(), "theirs");
}

fn fake(folder: &Path, name: &str, script: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    path
}
