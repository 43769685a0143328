//! From an address to a machine that has proved itself.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{Addresses, Gpu, Route};
use remote::{Expect, Identity, Params, RemoteError, Script, attempt, reach};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::machine::{Machine, Shell, Spec, dial, reached, until, within};
use crate::relay::{Early, Relay};

fn direct(machine: &Machine) -> Addresses {
    Addresses { direct: Some(machine.direct()), proxy: None }
}

fn through(relay: &Relay) -> Addresses {
    Addresses { direct: None, proxy: Some(relay.endpoint()) }
}

#[tokio::test]
async fn a_machine_proves_itself_and_tells_what_it_is() {
    let Some(machine) = Machine::start(&Spec::default()) else { return };
    let told = Arc::new(Mutex::new(Vec::new()));
    let (greetings, dial) = (Arc::clone(&told), machine.dial());
    let on_banner = Arc::new(move |route| greetings.lock().unwrap().push(route));
    // The address is known first: the machine starts while it is dialled.
    let (addresses, known) = watch::channel(Addresses::default());
    let reaching = reach(&dial, known, on_banner);
    let booting = async {
        addresses.send_replace(direct(&machine));
        machine.run_onstart();
        machine.start_sshd();
    };
    let (reached, ()) = within(async { tokio::join!(reaching, booting) }).await;
    let reached = reached.unwrap();
    assert_eq!(reached.connection.route(), Route::Direct);
    assert_eq!(told.lock().unwrap().first(), Some(&Route::Direct));

    let report = reached.report;
    assert!(report.proof.is_some());
    let skew_ms = engine::Clock::real().wall().unix_ms() - report.clock_unix_ms.unwrap();
    assert!((0..60_000).contains(&skew_ms), "{skew_ms}");
    let preflight = report.preflight;
    assert_eq!(preflight.arch, std::env::consts::ARCH);
    assert!(preflight.disk_free_bytes > 1 << 20);
    assert_eq!(preflight.gpus, [Gpu { name: "NVIDIA GeForce RTX 4090".into(), memory_mb: 24_564 }]);
    assert_eq!(preflight.driver.as_deref(), Some("570.86.15"));
    assert!(preflight.libc.unwrap().starts_with("glibc 2."));
    assert!(preflight.tools.contains(&"setsid".into()), "{:?}", preflight.tools);
    assert_eq!(preflight.restic, None);
    assert!(!preflight.deadman_armed);
}

/// The relay accepts long before the machine answers, in each way relays
/// treat such connections.
#[tokio::test]
async fn a_machine_is_reached_through_a_relay_that_accepts_too_early() {
    for early in [Early::Held, Early::Mute, Early::Closed] {
        let Some(machine) = Machine::start(&Spec::default()) else { return };
        let relay = Relay::before(machine.port, early).await;
        let mut dial = machine.dial();
        dial.retry.every = Duration::from_millis(50);
        let reaching = reached(&dial, through(&relay));
        let booting = async {
            // More than can be held open at a time.
            until("a dozen connections", || relay.accepted() >= 12).await;
            machine.run_onstart();
            machine.start_sshd();
        };
        let (reached, ()) = tokio::join!(reaching, booting);
        assert_eq!(reached.unwrap().connection.route(), Route::Proxy, "{early:?}");
    }
}

#[tokio::test]
async fn the_route_that_works_wins() {
    let Some(machine) = Machine::running(&Spec::default()) else { return };
    let dead_end = Relay::before(machine.port, Early::Held).await;
    dead_end.stall(usize::MAX);
    let addresses = Addresses { direct: Some(dead_end.endpoint()), proxy: Some(machine.direct()) };
    let reached = reached(&machine.dial(), addresses).await.unwrap();
    assert_eq!(reached.connection.route(), Route::Proxy);
}

/// Nothing after the greeting: another attempt is made beside it, and in the
/// end it is given up.
#[tokio::test]
async fn a_handshake_that_stalls_holds_nothing_up() {
    let Some(machine) = Machine::running(&Spec::default()) else { return };
    let relay = Relay::before(machine.port, Early::Held).await;
    relay.stall(1);
    let mut dial = machine.dial();
    reached(&dial, through(&relay)).await.unwrap();

    relay.stall(1);
    dial.retry.attempt = Duration::from_millis(500);
    let error = within(attempt(&dial, Route::Proxy, &relay.endpoint(), || {})).await.unwrap_err();
    assert!(!error.is_about_trust(), "{error}");
}

#[tokio::test]
async fn host_keys_of_every_kind_are_proved() {
    for host_keys in [&["rsa"][..], &["ecdsa"], &["rsa", "ecdsa", "ed25519"]] {
        let spec = Spec { host_keys, ..Spec::default() };
        let Some(machine) = Machine::running(&spec) else { return };
        let connection = machine.connect().await;
        // The same machine again, by the key that was seen.
        let pinned = dial(&machine.identity, Expect::Pinned(connection.host_key().clone()));
        let again = reached(&pinned, direct(&machine)).await.unwrap().connection;
        assert_eq!(again.fingerprint(), connection.fingerprint(), "{host_keys:?}");
    }
}

/// Some images make their host keys when the SSH server starts.
#[tokio::test]
async fn host_keys_made_after_onstart_are_proved() {
    for shell in Shell::ALL {
        let spec = Spec { late_host_keys: true, ..Spec::of(shell) };
        let Some(machine) = Machine::start(&spec) else { return };
        machine.run_onstart();
        assert!(!machine.path("/root/.dumont/proof").exists());
        machine.start_sshd();
        machine.connect().await;
    }
}

/// Without a proof the connection is kept, and asked again.
#[tokio::test]
async fn a_proof_that_comes_late_is_waited_for() {
    let Some(machine) = Machine::start(&Spec::default()) else { return };
    machine.run_onstart();
    until("a proof", || machine.path("/root/.dumont/proof").exists()).await;
    fs::rename(machine.path("/root/.dumont/proof"), machine.path("/root/kept")).unwrap();
    machine.start_sshd();
    let dial = machine.dial();
    let arriving = async {
        until("a login", || machine.sshd_log().contains("Accepted publickey")).await;
        fs::rename(machine.path("/root/kept"), machine.path("/root/.dumont/proof")).unwrap();
    };
    let (reached, ()) = tokio::join!(reached(&dial, direct(&machine)), arriving);
    assert!(reached.unwrap().report.proof.is_some());
    assert_eq!(machine.sshd_log().matches("Accepted publickey").count(), 1);
}

/// A login shell that writes down every byte it is given.
const RECORDER: &str = "#!/usr/bin/dash
printf '%s\\n' \"$2\" >>/root/heard
tee -a /root/heard | /usr/bin/dash -c \"$2\"
";

/// A machine that takes anybody in and listens.
fn impostor(victim: &Machine) -> Option<Machine> {
    let machine = Machine::start(&Spec::default())?;
    machine.write("/usr/local/bin/recorder", RECORDER, 0o755);
    machine.run("sed -i 's#^\\(root:.*:\\)[^:]*$#\\1/usr/local/bin/recorder#' /etc/passwd");
    machine.run_onstart_of(&remote::LaneSecret::fresh(), &victim.identity.public());
    Some(machine)
}

/// What an impostor has heard, when it was asked one pre-flight and no more.
pub fn one_preflight_of(target: &str) -> Vec<u8> {
    let script = Script::Preflight;
    let mut heard = format!("{}\n{}", script.command(), script.text()).into_bytes();
    heard.extend(Params::new().with("target", target).encode());
    heard
}

fn one_preflight() -> Vec<u8> {
    one_preflight_of("/workspace")
}

/// rules.md T2: the folder of the restore is all that an impostor learns.
#[tokio::test]
async fn a_man_in_the_middle_is_not_believed_and_learns_nothing() {
    let Some(machine) = Machine::running(&Spec::default()) else { return };
    let Some(impostor) = impostor(&machine) else { return };
    impostor.start_sshd();
    let relay = Relay::before(impostor.port, Early::Held).await;
    until("its own proof", || impostor.path("/root/.dumont/proof").exists()).await;

    // It shows a proof of its own.
    let error = reached(&machine.dial(), through(&relay)).await.unwrap_err();
    assert!(matches!(error, RemoteError::NotProved(_)), "{error}");
    assert!(error.is_about_trust());
    assert_eq!(impostor.read("/root/heard"), one_preflight());

    // It shows the proof of the machine itself.
    fs::remove_file(impostor.path("/root/heard")).unwrap();
    until("the real proof", || machine.path("/root/.dumont/proof").exists()).await;
    impostor.write("/root/.dumont/proof", machine.read("/root/.dumont/proof"), 0o600);
    let error = reached(&machine.dial(), through(&relay)).await.unwrap_err();
    assert!(matches!(error, RemoteError::NotProved(_)), "{error}");
    assert_eq!(impostor.read("/root/heard"), one_preflight());

    // It adds its host key to the machine's.
    fs::remove_file(impostor.path("/root/heard")).unwrap();
    let own = fs::read_to_string(impostor.path("/etc/ssh/ssh_host_ed25519_key.pub")).unwrap();
    let own = own.rsplit_once(' ').unwrap().0;
    let real = String::from_utf8(machine.read("/root/.dumont/proof")).unwrap();
    impostor.write("/root/.dumont/proof", format!("{own}\n{real}"), 0o600);
    let error = reached(&machine.dial(), through(&relay)).await.unwrap_err();
    assert!(matches!(error, RemoteError::NotProved(_)), "{error}");
    assert_eq!(impostor.read("/root/heard"), one_preflight());

    // The relay leads to the machine again.
    relay.lead_to(machine.port);
    reached(&machine.dial(), through(&relay)).await.unwrap();
}

#[tokio::test]
async fn another_host_key_than_the_pinned_one_is_told() {
    let Some(machine) = Machine::running(&Spec::default()) else { return };
    let Some(other) = Machine::start(&Spec::default()) else { return };
    let relay = Relay::before(machine.port, Early::Closed).await;
    let connection = reached(&machine.dial(), through(&relay)).await.unwrap().connection;
    other.run_onstart_of(&machine.secret, &machine.identity.public());
    other.start_sshd();
    relay.lead_to(other.port);
    let pinned = dial(&machine.identity, Expect::Pinned(connection.host_key().clone()));
    let error = reached(&pinned, through(&relay)).await.unwrap_err();
    assert!(error.is_about_trust());
    let RemoteError::HostKeyChanged { pinned, seen } = error else { panic!("{error}") };
    assert_eq!(pinned, connection.fingerprint());
    assert!(seen.starts_with("SHA256:") && seen != pinned);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_yet_is_tried_again() {
    let Some(machine) = Machine::start(&Spec::default()) else { return };
    let somebody = Identity::fresh().unwrap();
    machine.run_onstart_of(&machine.secret, &somebody.public());
    machine.start_sshd();
    let dial = machine.dial();
    let began = Instant::now();
    let installing = async {
        let refused = || machine.sshd_log().matches("authenticating user root").count();
        until("three refusals and two seconds", || {
            refused() >= 3 && began.elapsed() >= Duration::from_secs(2)
        })
        .await;
        let keys = format!("{}\n{}\n", somebody.public(), machine.identity.public());
        machine.write("/root/.ssh/authorized_keys", keys, 0o600);
    };
    let (reached, ()) = tokio::join!(reached(&dial, direct(&machine)), installing);
    reached.unwrap();
}

/// What vast's own set-up is known to leave behind, and worse.
#[tokio::test]
async fn onstart_repairs_what_would_keep_its_key_out() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::start(&Spec::of(shell)) else { return };
        let before = Identity::fresh().unwrap().public();
        machine.run("mkdir -m 777 /root/.ssh; chown -R nobody:nogroup /root; chmod 777 /root");
        // Without an end of line.
        machine.write("/root/.ssh/authorized_keys", &before, 0o666);
        machine.run("chown nobody:nogroup /root/.ssh/authorized_keys");
        machine.run_onstart();
        machine.run_onstart();
        machine.start_sshd();
        machine.connect().await;
        let keys = String::from_utf8(machine.read("/root/.ssh/authorized_keys")).unwrap();
        assert_eq!(keys, format!("{before}\n{}\n", machine.identity.public()), "{shell:?}");
        for (path, mode) in [("/root/.ssh", 0o700), ("/root/.ssh/authorized_keys", 0o600)] {
            let metadata = fs::metadata(machine.path(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{shell:?} {path}");
            assert_eq!((metadata.uid(), metadata.gid()), (0, 0), "{shell:?} {path}");
        }
        assert!(machine.path("/root/.no_auto_tmux").exists());
    }
}
