//! The program itself, as it runs on a machine: what it prints, what others
//! see of it, how much memory it takes, and that it survives being killed.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agent::event::{Cause, Event};
use practice::store::Gate;

use crate::common::{Restic, fill_odd, noise, restics};
use crate::compare::assert_equal;
use crate::stage::Stage;

fn spawn(target: &Path, arguments: &[&str]) -> Child {
    spawn_as(Command::new(env!("CARGO_BIN_EXE_dumont-agent")), target, arguments)
}

fn spawn_as(mut program: Command, target: &Path, arguments: &[&str]) -> Child {
    program
        .args(arguments)
        .arg(target)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn ticket_line(stage: &Stage) -> String {
    let plan = stage.plan(&[]).await;
    let ticket = stage.ticket(&plan).await;
    format!("{{\"ticket\":{}}}\n", ticket.to_json().unwrap().as_str())
}

/// What only the ticket may hold.
fn secrets(line: &str) -> Vec<String> {
    let ticket: serde_json::Value = serde_json::from_str(line).unwrap();
    let ticket = &ticket["ticket"];
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut secrets = vec![text(&ticket["data_key"]), text(&ticket["plan_key"])];
    secrets.push(text(&ticket["source"]["signed"]["signatures"])[..40].to_owned());
    secrets.push("X-Amz".to_owned());
    secrets
}

async fn small() -> Option<Stage> {
    let binary = restics().pop()?;
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_odd(&source);
    for n in 0..10u64 {
        fs::write(source.join(format!("large {n}")), noise(2 << 20, n + 50)).unwrap();
    }
    let args = ["backup", "--pack-size", "4"].map(OsStr::new);
    restic.run(args.into_iter().chain([source.as_os_str()]));
    Some(Stage::open(restic).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_a_secret_and_the_end_of_input_is_no_end() {
    let Some(stage) = small().await else { return };
    stage.store.set_gate(Gate { line_bytes_per_s: Some(20_000_000), ..Gate::default() });
    let line = ticket_line(&stage).await;
    let secrets = secrets(&line);
    let target = stage.restic.beside("target");
    let told = tokio::task::spawn_blocking(move || {
        let mut child = spawn(&target, &["--report", "50"]);
        let mut input = child.stdin.take().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"{\"something\":\"newer\"}\n").unwrap();
        drop(input);
        let process = format!("/proc/{}", child.id());
        let mut told = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.contains("\"planned\"") {
                for name in ["cmdline", "environ"] {
                    let seen = fs::read(format!("{process}/{name}")).unwrap_or_default();
                    told.push_str(&String::from_utf8_lossy(&seen));
                }
            }
            told.push_str(&line);
            told.push('\n');
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        told
    });
    let told = told.await.unwrap();
    for secret in secrets {
        assert!(!told.contains(&secret), "{secret}");
    }
    let last = told.lines().last().unwrap();
    assert!(matches!(serde_json::from_str(last), Ok(Event::Complete(_))), "{last}");
    assert_equal(&stage.restic.beside("target"), &stage.restore_with_restic("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_carries_restores_on_its_kind_of_machine() {
    let Some(stage) = small().await else { return };
    let line = ticket_line(&stage).await;
    let carried = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agents");
    for arch in ["x86_64", "aarch64"] {
        let agent = carried.join(format!("dumont-agent-{arch}"));
        let emulator = format!("qemu-{arch}");
        let program = if !agent.is_file() {
            println!("SKIPPED: the agent for {arch} was not built; `cargo agent` does it");
            continue;
        } else if arch == std::env::consts::ARCH {
            Command::new(agent)
        } else if Command::new(&emulator).arg("--version").output().is_err() {
            println!("SKIPPED: the agent for {arch} was built, and there is no {emulator}");
            continue;
        } else {
            let mut program = Command::new(emulator);
            program.arg(agent);
            program
        };
        let target = stage.restic.beside(arch);
        let mut child = spawn_as(program, &target, &[]);
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        let output = tokio::task::spawn_blocking(move || child.wait_with_output());
        let output = output.await.unwrap().unwrap();
        assert!(output.status.success(), "{arch}: {}", String::from_utf8_lossy(&output.stdout));
        // Comparing reads, which changes what is compared.
        assert_equal(&target, &stage.restore_with_restic(&format!("theirs for {arch}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_when_it_runs_again() {
    let Some(stage) = small().await else { return };
    stage.store.set_gate(Gate { line_bytes_per_s: Some(30_000_000), ..Gate::default() });
    let line = ticket_line(&stage).await;
    let target = stage.restic.beside("target");
    for round in 0..6u64 {
        let (line, target) = (line.clone(), target.clone());
        let killed = tokio::task::spawn_blocking(move || {
            let mut child = spawn(&target, &[]);
            let _ = child.stdin.as_mut().unwrap().write_all(line.as_bytes());
            std::thread::sleep(Duration::from_millis(60 + round * 110));
            let _ = child.kill();
            child.wait().unwrap()
        });
        killed.await.unwrap();
    }
    let done = tokio::task::spawn_blocking({
        let target = target.clone();
        move || {
            let mut child = spawn(&target, &[]);
            child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        }
    });
    let output = done.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_equal(&target, &stage.restore_with_restic("theirs"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let target = tempfile::tempdir().unwrap();
    for input in ["", "{}\n", "\"stop\"\n", "{\"ticket\":{\"data_key\":\"SECRET\"}}\n"] {
        let mut child = spawn(&target.path().join("target"), &[]);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(Cause::Ticket.exit_code().into()), "{input}");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("\"aborted\"") && !told.contains("SECRET"), "{told}");
        assert!(!target.path().join("target").exists());
    }
    let output = Command::new(env!("CARGO_BIN_EXE_dumont-agent")).arg("--nonsense").output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}

/// Who is not root restores what restic would, and goes on into folders that
/// are read-only by now.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_root_gets_what_restic_would_get() {
    const NOBODY: [&str; 5] =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"];
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: another user, this is not root");
        return;
    }
    let Some(binary) = restics().pop() else { return };
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    fill_odd(&source);
    // restic, too, cannot set what only root may.
    for owned in ["set user id", "set group id"] {
        fs::remove_file(source.join(owned)).unwrap();
    }
    fs::create_dir_all(source.join("locked/below")).unwrap();
    fs::write(source.join("locked/below/file"), noise(50_000, 1)).unwrap();
    let read_only = |mode| {
        use std::os::unix::fs::PermissionsExt;
        for name in ["locked/below", "locked"] {
            fs::set_permissions(source.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    read_only(0o555);
    restic.run(["backup", "source"]);
    read_only(0o755);
    let open = Command::new("chmod").args(["-R", "a+rwX"]).arg(restic.beside("")).status();
    assert!(open.unwrap().success());

    let stage = Stage::open(restic).await;
    let line = ticket_line(&stage).await;
    let (ours, theirs) = (stage.restic.beside("ours"), stage.restic.beside("theirs"));
    for _ in 0..2 {
        let (line, ours) = (line.clone(), ours.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut child = Command::new("setpriv")
                .args(NOBODY)
                .arg(env!("CARGO_BIN_EXE_dumont-agent"))
                .arg("--check-hashes")
                .arg(&ours)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        });
        let output = done.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let output = Command::new("setpriv")
        .args(NOBODY)
        .arg(&binary)
        .args(["--no-lock", "--no-cache", "restore", "latest", "--target"])
        .arg(&theirs)
        .env("RESTIC_REPOSITORY", stage.restic.repository())
        .env("RESTIC_PASSWORD", &stage.restic.password)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_equal(&ours, &theirs);
}

/// Files of a size that all become one blob, none like another.
async fn of_files(count: u32) -> Option<Stage> {
    let binary = restics().pop()?;
    let restic = Restic::init_cheap(&binary, "2");
    let source = restic.beside("source");
    let mut bytes = noise(40_000, 3);
    for n in 0..count {
        let folder = source.join(format!("{}", n / 100));
        if n % 100 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        fs::write(folder.join(format!("{n}")), &bytes).unwrap();
    }
    let args = ["backup"].map(OsStr::new);
    restic.run(args.into_iter().chain([source.as_os_str()]));
    fs::remove_dir_all(source).unwrap();
    Some(Stage::open(restic).await)
}

/// Peak memory of a whole restore, in kilobytes.
async fn peak(stage: &Stage) -> u64 {
    let line = ticket_line(stage).await;
    let target = stage.restic.beside("target");
    let measured = tokio::task::spawn_blocking(move || {
        let mut child = spawn(&target, &["--memory", "4", "--report", "1000"]);
        child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        loop {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(now.unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success());
                return peak;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    measured.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_as_the_snapshot_grows() {
    let Some(small) = of_files(400).await else { return };
    let Some(large) = of_files(4_000).await else { return };
    let (of_small, of_large) = (peak(&small).await, peak(&large).await);
    println!("peak of 16 MB: {of_small} kB, of 160 MB: {of_large} kB");
    // A tenth of what is usual, and a little for the plan's part at work.
    assert!(of_large <= of_small * 11 / 10 + (2 << 10), "{of_small} kB, {of_large} kB");
}
