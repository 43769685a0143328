//! Repositories of every kind that restic makes, restored by both.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use agent::Options;
use rustix::fs::FileType;

use crate::common::{Restic, fill_odd, noise, restics};
use crate::compare::{assert_equal, differences};
use crate::stage::Stage;

/// All binaries to test with: those of every test, and the current one.
pub fn binaries() -> Vec<PathBuf> {
    let mut binaries = restics();
    match std::env::var_os("DUMONT_RESTIC_CURRENT") {
        Some(path) if Path::new(&path).is_file() => {
            let path = PathBuf::from(path);
            if !binaries.contains(&path) {
                binaries.push(path);
            }
        }
        _ => println!("SKIPPED: a current restic, DUMONT_RESTIC_CURRENT names none"),
    }
    binaries
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn version(binary: &Path) -> (u32, u32) {
    let output = Command::new(binary).arg("version").output().unwrap().stdout;
    let text = String::from_utf8(output).unwrap();
    let mut numbers = text.split([' ', '.']).skip(1).map(|part| part.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// More of everything odd than what all crates share.
fn fill(folder: &Path) {
    fill_odd(folder);
    fs::write(folder.join("holes"), [noise(100, 1), vec![0; 9 << 20], noise(100, 2)].concat())
        .unwrap();
    fs::write(folder.join("nothing but zeros"), vec![0; 5 << 20]).unwrap();
    fs::write(folder.join("one"), b"1").unwrap();
    let locked = folder.join("read-only");
    fs::create_dir_all(locked.join("below")).unwrap();
    fs::write(locked.join("inside"), b"inside").unwrap();
    fs::write(locked.join("below/deeper"), b"deeper").unwrap();
    rustix::fs::symlinkat("inside", rustix::fs::CWD, locked.join("link")).unwrap();
    fs::hard_link(folder.join("hard/one"), locked.join("four")).unwrap();
    fs::create_dir(folder.join("many")).unwrap();
    for n in 0..700u64 {
        fs::write(folder.join("many").join(format!("{n:03}")), noise(n as usize * 7, n)).unwrap();
    }
    // More folders than one thread finishes, and nothing in them but others.
    for n in 0..100 {
        for below in ["one", "two"] {
            fs::create_dir_all(folder.join(format!("empty/{n:02}/{below}"))).unwrap();
        }
    }
    for name in ["user.on folder", "user.\u{e9}"] {
        let flags = rustix::fs::XattrFlags::empty();
        let _ = rustix::fs::setxattr(folder.join("many"), name, b"\x01\xff", flags);
    }
    if is_root() {
        chown(folder.join("one"), Some(1234), Some(4321)).unwrap();
        chown(folder.join("many"), Some(1234), Some(4321)).unwrap();
        let owned = folder.join("set id of another");
        fs::write(&owned, b"x").unwrap();
        chown(&owned, Some(1000), Some(1000)).unwrap();
        fs::set_permissions(&owned, fs::Permissions::from_mode(0o6755)).unwrap();
        rustix::fs::chownat(
            rustix::fs::CWD,
            folder.join("dangling link"),
            Some(rustix::fs::Uid::from_raw(77)),
            Some(rustix::fs::Gid::from_raw(88)),
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )
        .unwrap();
        let device = |name: &str, kind, number| {
            let path = folder.join(name);
            let made = rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o640.into(), number);
            if made.is_err() {
                println!("SKIPPED: devices, not allowed here");
            }
        };
        device("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3));
        device("loop", FileType::BlockDevice, rustix::fs::makedev(7, 99));
    } else {
        println!("SKIPPED: other owners and devices, this is not root");
    }
    let time = |path: &Path, at: i64, nanoseconds: i64| {
        let at = rustix::fs::Timespec { tv_sec: at, tv_nsec: nanoseconds };
        let times = rustix::fs::Timestamps { last_access: at, last_modification: at };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
    };
    time(&folder.join("one"), 1_700_000_000, 123_456_789);
    time(&folder.join("absolute link"), 1_600_000_000, 999_999_999);
    time(&folder.join("pipe"), 1_500_000_000, 1);
    time(&locked.join("below"), 1_400_000_000, 2);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    time(&locked, 1_300_000_000, 3);
}

/// Read-only folders must not outlive the test.
struct Unlock(Vec<PathBuf>);

impl Drop for Unlock {
    fn drop(&mut self) {
        for path in &self.0 {
            let mode = fs::Permissions::from_mode(0o755);
            let _ = fs::set_permissions(path.join("read-only"), mode);
        }
    }
}

fn backup(restic: &Restic, options: &[&str]) {
    let source = restic.beside("source");
    let args = [OsStr::new("backup"), source.as_os_str()];
    restic.run(args.into_iter().chain(options.iter().map(OsStr::new)));
}

async fn both_agree(stage: &Stage, what: &str) {
    let (ours, run) = stage.restore("ours", Options::default()).await;
    run.expect_whole();
    let theirs = stage.restore_with_restic("theirs");
    let source = stage.restic.beside("source");
    let below = source.strip_prefix("/").unwrap();
    let _unlock = Unlock(vec![ours.join(below), theirs.join(below), source.clone()]);
    let differences = differences(&ours, &theirs);
    assert!(differences.is_empty(), "{what}: {}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_equals_that_of_restic() {
    for binary in binaries() {
        for (format, compression, pack_size) in
            [("1", "off", "4"), ("2", "off", "16"), ("2", "auto", "4"), ("2", "max", "128")]
        {
            let what = format!("{} {format} {compression} {pack_size}", binary.display());
            let restic = Restic::init_cheap(&binary, format);
            fill(&restic.beside("source"));
            let mut options = vec!["--pack-size", pack_size, "--compression", compression];
            if format == "1" {
                options.truncate(2);
            }
            backup(&restic, &options);
            let stage = Stage::open(restic).await;
            both_agree(&stage, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_a_history_is_no_different() {
    for binary in binaries() {
        let restic = Restic::init(&binary, "2");
        restic.add_key("another");
        let source = restic.beside("source");
        fill(&source);
        backup(&restic, &["--pack-size", "4"]);
        for n in 0..6u64 {
            fs::write(source.join("text"), noise(300_000, n)).unwrap();
            fs::write(source.join(format!("many/new {n}")), noise(50_000, n + 50)).unwrap();
            backup(&restic, &["--pack-size", "4"]);
        }
        restic.without_index(|| backup(&restic, &["--force"]));
        let mut stage = Stage::open(restic).await;
        both_agree(&stage, "with duplicates").await;
        let unlock = |stage: &Stage| {
            for name in ["ours", "theirs"] {
                fs::remove_dir_all(stage.restic.beside(name)).unwrap();
            }
        };
        unlock(&stage);

        let restic = stage.restic;
        drop((stage.store, stage.repository));
        restic.run(["forget", "--keep-last", "2", "--prune", "--max-unused", "0"]);
        stage = Stage::open(restic).await;
        both_agree(&stage, "pruned").await;
        unlock(&stage);

        // Another key opens it as well.
        let mut restic = stage.restic;
        drop((stage.store, stage.repository));
        restic.password = "another".into();
        stage = Stage::open(restic).await;
        both_agree(&stage, "with another key").await;
    }
}

/// restic restores what another restic saved; the agent must not mind who did.
/// The differences that restic's versions have between themselves: 0.14 lost
/// the bytes of link targets that are no UTF-8, so what it saved differs, but
/// all restore it alike.
#[tokio::test(flavor = "multi_thread")]
async fn versions_agree_with_each_other() {
    let binaries = binaries();
    let [old, .., new] = &binaries[..] else {
        println!("SKIPPED: there is one restic only");
        return;
    };
    assert!(version(old) <= version(new));
    let restic = Restic::init_cheap(old, "2");
    fill(&restic.beside("source"));
    backup(&restic, &[]);
    let stage = Stage::open(restic).await;
    both_agree(&stage, "by the older").await;
    let (ours, run) = stage.restore("ours again", Options::default()).await;
    run.expect_whole();
    let theirs = stage.restic.beside("newer");
    let status = Command::new(new)
        .args(["restore", "latest", "--target"])
        .arg(&theirs)
        .env("RESTIC_REPOSITORY", stage.restic.repository())
        .env("RESTIC_PASSWORD", &stage.restic.password)
        .env("RESTIC_CACHE_DIR", stage.restic.beside("newer cache"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    assert_equal(&ours, &theirs);
}
