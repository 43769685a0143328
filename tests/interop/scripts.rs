//! Every script over a real connection, under every shell.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use model::{Addresses, Route};
use remote::{Connection, Content, Params, RemoteError, Script, parse_preflight};

use crate::machine::{LONG, Machine, Shell, Spec, reached};
use crate::workspace::restic;

const PATH: &str = "/root/.dumont/tool";

async fn upload(
    connection: &Connection,
    path: &str,
    content: &[u8],
) -> Result<String, RemoteError> {
    let content = Content::Plain(content.to_vec().into());
    connection.upload(path, "0755", content, LONG, |_| ControlFlow::Continue(())).await
}

/// Every byte there is, in no order that repeats soon.
fn bytes(length: usize) -> Vec<u8> {
    let mut state = 7u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(length).collect()
}

#[tokio::test]
async fn preflight_measures_the_disk_of_the_restore() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        machine.run("mkdir /small && mount -t tmpfs -o size=4m small /small");
        let connection = machine.connect().await;
        let size = async |target: &str| {
            let params = Params::new().with("target", target);
            let output = connection.run_ok(Script::Preflight, &params, LONG).await.unwrap();
            parse_preflight(&output.text()).unwrap().preflight.disk_free_bytes
        };
        // Folders that are not there yet, and one whose name says nothing.
        for target in ["/small", "/small/not/there yet", "/small/a\nb/'c'"] {
            assert_eq!(size(target).await, 4 << 20, "{shell:?} {target:?}");
        }
        assert!(size("/").await > 4 << 20, "{shell:?}");
    }
}

#[tokio::test]
async fn preflight_tells_what_a_bare_machine_has() {
    for shell in Shell::ALL {
        let without = &["curl", "wget", "python3", "getconf", "ldd", "nvidia-smi", "zstd"];
        let Some(machine) = Machine::running(&Spec { without, ..Spec::of(shell) }) else { return };
        let addresses = Addresses { direct: Some(machine.direct()), proxy: None };
        let preflight = reached(&machine.dial(), addresses).await.unwrap().report.preflight;
        assert_eq!((preflight.gpus.len(), preflight.cuda, preflight.libc), (0, None, None));
        assert!(preflight.tools.contains(&"tar".into()), "{:?}", preflight.tools);
        assert!(!preflight.tools.contains(&"curl".into()), "{:?}", preflight.tools);
    }
}

#[tokio::test]
async fn put_writes_any_content_to_any_path() {
    let large = bytes(5 << 20);
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let connection = machine.connect().await;
        for content in [&b""[..], b"\0", b".\n\nname value\n.\n", &large] {
            upload(&connection, PATH, content).await.unwrap();
            assert_eq!(machine.read(PATH), content, "{shell:?}");
        }
        let mode = fs::metadata(machine.path(PATH)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{shell:?}");
        for (path, inside) in [
            ("~/.dumont/home", "/root/.dumont/home"),
            ("/opt/a b/it's \"it\"/$(id)/`id`", "/opt/a b/it's \"it\"/$(id)/`id`"),
            ("/opt/*/?[x]/\\n", "/opt/*/?[x]/\\n"),
            ("/opt/line\n/line\nline\n", "/opt/line\n/line\nline\n"),
            ("/opt/-n/-e", "/opt/-n/-e"),
            ("/opt/ü/日本", "/opt/ü/日本"),
        ] {
            upload(&connection, path, b"content").await.unwrap();
            assert_eq!(machine.read(inside), b"content", "{shell:?} {path:?}");
        }
    }
}

#[tokio::test]
async fn put_says_when_it_cannot_write() {
    let large = bytes(5 << 20);
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        machine.run(
            "mkdir /fixed /small
             mount -t tmpfs -o ro fixed /fixed
             mount -t tmpfs -o size=1m small /small",
        );
        let connection = machine.connect().await;
        for path in ["/fixed/tool", "/fixed/folder/tool", "/proc/tool", "/small/tool"] {
            let error = upload(&connection, path, &large).await.unwrap_err();
            let RemoteError::Script { code, stderr, .. } = error else { panic!("{error}") };
            assert_eq!(code, 73, "{shell:?} {path}");
            assert!(!stderr.is_empty(), "{shell:?} {path}");
        }
        assert!(fs::read_dir(machine.path("/small")).unwrap().next().is_none(), "{shell:?}");
        // A file that was there stays as it was.
        upload(&connection, "/small/tool", b"old").await.unwrap();
        upload(&connection, "/small/tool", &large).await.unwrap_err();
        assert_eq!(machine.read("/small/tool"), b"old", "{shell:?}");
    }
}

#[tokio::test]
async fn checksums_are_computed_by_whatever_is_there() {
    for without in [&["sha256sum"][..], &["sha256sum", "openssl"]] {
        let spec = Spec { without, restic: restic(), ..Spec::default() };
        let Some(machine) = Machine::running(&spec) else { return };
        // The proof is a checksum too.
        let connection = machine.connect().await;
        upload(&connection, PATH, b"content").await.unwrap();
        if let Some(restic) = restic() {
            let output = connection.run_ok(Script::ResticFind, &Params::new(), LONG).await.unwrap();
            let sum = Command::new("sha256sum").arg(restic).output().unwrap().stdout;
            let sum = String::from_utf8(sum).unwrap();
            assert!(output.text().contains(&sum[..64]), "{without:?}: {}", output.text());
        }
    }
    let without = &["sha256sum", "openssl", "python3"];
    let Some(machine) = Machine::running(&Spec { without, ..Spec::default() }) else { return };
    let pinned = remote::Dial {
        expect: remote::Expect::FirstUse(remote::LaneSecret::fresh()),
        ..machine.dial()
    };
    let addresses = Addresses { direct: Some(machine.direct()), proxy: None };
    let connection = reached(&pinned, addresses).await.unwrap().connection;
    let error = upload(&connection, PATH, b"content").await.unwrap_err();
    assert!(matches!(error, RemoteError::ChecksumDiffers { .. }), "{error}");
}

#[tokio::test]
async fn restic_is_found_where_it_stands() {
    let Some(restic) = restic() else { return };
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let connection = machine.connect().await;
        let find = async || connection.run(Script::ResticFind, &Params::new(), LONG).await.unwrap();
        let nothing = find().await;
        assert_eq!((nothing.code, nothing.text().trim()), (0, ""), "{shell:?}");

        // One that we brought, then one of the image, which goes before it.
        for (at, path) in ["/root/.dumont/restic", "/usr/local/bin/restic"].iter().enumerate() {
            fs::copy(&restic, machine.path(path)).unwrap();
            let output = find().await;
            let text = output.text();
            let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!(output.code, 0, "{shell:?}");
            assert_eq!(lines[0], format!("path {path}"), "{shell:?}");
            assert!(lines[1].starts_with("version 0."), "{shell:?} {lines:?}");
            assert_eq!(lines[2].len(), "sha256 ".len() + 64, "{shell:?} {lines:?}");
            assert_eq!(lines.len(), 3 * (at + 1), "{shell:?} {lines:?}");
        }
    }
}

/// Many images greet in `.bashrc`, which bash reads for commands over SSH too.
#[tokio::test]
async fn a_noisy_login_disturbs_nothing() {
    let noise = "echo Welcome; echo 'sha256 none' >&2; echo; printf 'no end of line'";
    let spec = Spec {
        sshd: "Banner /etc/banner\nPrintLastLog yes",
        restic: restic(),
        ..Spec::of(Shell::Bash)
    };
    let Some(machine) = Machine::start(&spec) else { return };
    machine.write("/etc/banner", "SSH-2.0-not\r\nWelcome to the machine\r\n", 0o644);
    machine.write("/root/.bashrc", format!("{noise}\n"), 0o644);
    machine.write("/root/.bash_profile", format!("{noise}\n"), 0o644);
    machine.run_onstart();
    machine.start_sshd();
    let connection = machine.connect().await;
    upload(&connection, PATH, &bytes(100_000)).await.unwrap();
    machine.run("mkdir -p /root/.dumont/jobs/noise; cd /root/.dumont/jobs/noise; echo 3 >status");
    machine.write("/root/.dumont/jobs/noise/log", "one\ntwo\n", 0o600);
    let (log, ended) = crate::jobs::read(&connection, "noise", 0).await;
    assert_eq!(&log[..], b"one\ntwo\n");
    assert_eq!(ended.unwrap(), 3);
    if restic().is_some() {
        let output = connection.run_ok(Script::ResticFind, &Params::new(), LONG).await.unwrap();
        let text = output.text();
        assert!(text.starts_with("path /usr/local/bin/restic\n"), "{text}");
    }
}

/// What an image sets in its environment is not taken for a parameter of ours.
#[tokio::test]
async fn the_environment_is_no_parameter() {
    let spec = Spec {
        environment: "name=x raw=x value=x target=/nowhere path=/nowhere mode=000 job=x offset=9 \
                      dir=/nowhere status=1 size=1 n=99 home=/nowhere restic=/nowhere tool=x \
                      sum=x d=/nowhere s=1 CDPATH=/ IFS=abc",
        ..Spec::default()
    };
    let Some(machine) = Machine::running(&spec) else { return };
    let connection = machine.connect().await;
    let output = connection.run_ok(Script::Preflight, &Params::new(), LONG).await.unwrap();
    assert!(parse_preflight(&output.text()).unwrap().preflight.disk_free_bytes > 0);
    upload(&connection, PATH, b"content").await.unwrap();
    let found = connection.run(Script::ResticFind, &Params::new(), LONG).await.unwrap();
    assert_eq!((found.code, found.text().trim()), (0, ""));
}

/// One command at a time: whatever is over leaves its place to the next.
#[tokio::test]
async fn one_session_a_connection_is_enough() {
    let spec = Spec { sshd: "MaxSessions 1", ..Spec::default() };
    let Some(machine) = Machine::running(&spec) else { return };
    let connection = machine.connect().await;
    for _ in 0..20 {
        upload(&connection, PATH, b"content").await.unwrap();
    }
    // A script that is refused its input, and one that does not end in time.
    upload(&connection, "/proc/tool", &bytes(5 << 20)).await.unwrap_err();
    upload(&connection, PATH, b"content").await.unwrap();
    machine.run("mkdir -p /root/.dumont/jobs/endless; : >/root/.dumont/jobs/endless/log");
    let params = Params::new().with("job", "endless").with("offset", "0");
    let short = Duration::from_millis(500);
    let error = connection.run(Script::JobFollow, &params, short).await.unwrap_err();
    assert!(matches!(error, RemoteError::TimedOut { .. }), "{error}");
    machine.write("/root/.dumont/jobs/endless/status", "0\n", 0o600);
    crate::machine::until("a free place", || machine.run("ps ax").matches("sh /tmp").count() == 0)
        .await;
    upload(&connection, PATH, b"content").await.unwrap();
}

#[tokio::test]
async fn nothing_but_commands_is_needed() {
    // No subsystem, no terminal, no forwarding, no environment from us.
    let spec = Spec {
        sshd: "PermitTTY no\nDisableForwarding yes\nAllowTcpForwarding no\nPermitUserRC no",
        ..Spec::default()
    };
    let Some(machine) = Machine::running(&spec) else { return };
    assert!(
        !String::from_utf8(machine.read("/etc/ssh/sshd_config")).unwrap().contains("Subsystem")
    );
    let connection = machine.connect().await;
    assert_eq!(connection.route(), Route::Direct);
    upload(&connection, PATH, &bytes(100_000)).await.unwrap();
}

/// A script's answer has a limit; a machine that passes it is hostile.
#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let Some(machine) = Machine::start(&Spec::of(Shell::Bash)) else { return };
    machine.run_onstart();
    machine.start_sshd();
    let connection = machine.connect().await;
    machine.write("/root/.bashrc", "head -c 6000000 /dev/zero\n", 0o644);
    upload(&connection, PATH, b"content").await.unwrap();
    machine.write("/root/.bashrc", "cat /dev/zero\n", 0o644);
    let error = upload(&connection, PATH, b"content").await.unwrap_err();
    assert!(matches!(error, RemoteError::Ssh(_)), "{error}");
}

/// Nothing of a script stays behind.
#[tokio::test]
async fn scripts_leave_no_files_behind() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let connection = machine.connect().await;
        upload(&connection, PATH, b"content").await.unwrap();
        upload(&connection, "/proc/tool", b"content").await.unwrap_err();
        assert!(fs::read_dir(machine.path("/tmp")).unwrap().next().is_none(), "{shell:?}");
    }
}
