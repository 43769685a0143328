//! What SSH servers and images are like out there, where no other test of
//! these has met it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use model::{Addresses, Code, FactBody, LostReason, Recipe, RunView, Tool};
use practice::store::Gate;
use practice::workspace::{Size, Workspace, compare};
use remote::{Connection, Content, Params, RemoteError, Script, parse_preflight};

use crate::common::noise;
use crate::fleet::{Berth, Fleet, begin, finish};
use crate::machine::{LONG, Machine, Shell, Spec, reached, until, within};
use crate::relay::{Early, Relay};
use crate::restores::tools;
use crate::workspace::{Shelf, restic};

/// Brings bytes there and reads them back.
async fn exchange(machine: &Machine, connection: &Connection, length: usize) {
    let bytes = noise(length, 9);
    let content = Content::Plain(bytes.clone().into());
    let path = "/root/.dumont/jobs/exchange/log";
    connection.upload(path, "0600", content, LONG, |_| ControlFlow::Continue(())).await.unwrap();
    machine.write("/root/.dumont/jobs/exchange/status", "0\n", 0o600);
    let (log, ended) = crate::jobs::read(connection, "exchange", 0).await;
    assert_eq!(ended.unwrap(), 0);
    assert!(log == bytes);
}

/// Each line leaves a server one algorithm of a kind; strict images, old ones
/// and those for offices are like that.
#[tokio::test]
async fn servers_of_unusual_but_valid_algorithms_are_reached() {
    let rows: [(&[&str], &str); 9] = [
        (&["ed25519"], "KexAlgorithms ecdh-sha2-nistp256\nCiphers aes128-ctr\nMACs hmac-sha2-512"),
        (&["ecdsa"], "KexAlgorithms ecdh-sha2-nistp384\nCiphers aes128-gcm@openssh.com"),
        (&["ecdsa"], "KexAlgorithms ecdh-sha2-nistp521\nCiphers aes192-ctr\nMACs hmac-sha2-256"),
        (
            &["rsa"],
            "KexAlgorithms diffie-hellman-group14-sha256\nHostKeyAlgorithms rsa-sha2-256\n\
             Ciphers aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com",
        ),
        (
            &["rsa"],
            "KexAlgorithms diffie-hellman-group16-sha512\nHostKeyAlgorithms rsa-sha2-512\n\
             Ciphers aes256-gcm@openssh.com",
        ),
        (
            &["ed25519"],
            "KexAlgorithms diffie-hellman-group-exchange-sha256\n\
             Ciphers chacha20-poly1305@openssh.com\nPubkeyAcceptedAlgorithms ssh-ed25519",
        ),
        (
            &["ed25519"],
            "KexAlgorithms curve25519-sha256@libssh.org\nCiphers aes256-ctr\n\
             MACs hmac-sha2-512-etm@openssh.com",
        ),
        (&["ed25519"], "Compression yes\nTCPKeepAlive no\nClientAliveInterval 1"),
        (&["ed25519"], "RekeyLimit 300K 1s"),
    ];
    for (host_keys, sshd) in rows {
        let began = Instant::now();
        let spec = Spec { host_keys, sshd, ..Spec::default() };
        let Some(machine) = Machine::running(&spec) else { return };
        let connection = machine.connect().await;
        exchange(&machine, &connection, 2 << 20).await;
        println!("{:?} {sshd:?}", began.elapsed());
    }
}

#[tokio::test]
async fn host_keys_of_every_length_are_proved() {
    for (kind, bits) in [("ecdsa", 384), ("ecdsa", 521), ("rsa", 4_096)] {
        let host_keys = if kind == "rsa" { &["rsa"] } else { &["ecdsa"] };
        let Some(machine) = Machine::start(&Spec { host_keys, ..Spec::default() }) else { return };
        machine.run(&format!(
            "rm /etc/ssh/ssh_host_*
             ssh-keygen -q -t {kind} -b {bits} -N '' -f /etc/ssh/ssh_host_{kind}_key"
        ));
        machine.run_onstart();
        machine.start_sshd();
        exchange(&machine, &machine.connect().await, 10_000).await;
    }
}

/// As vast's images do until they find a certain file.
const INTO_TMUX: &str = "if [ ! -e ~/.no_auto_tmux ]; then tmux new-session; exit; fi\n";
const TMUX: &str = "#!/bin/dash
echo started >>/tmux
echo 'open terminal failed: not a terminal' >&2
exit 1
";

#[tokio::test]
async fn a_login_into_tmux_is_waited_out() {
    let Some(machine) = Machine::start(&Spec::of(Shell::Bash)) else { return };
    machine.write("/root/.bashrc", INTO_TMUX, 0o644);
    machine.write("/usr/local/bin/tmux", TMUX, 0o755);
    // The cloud has installed our key; onstart comes later.
    machine.run("mkdir -m 700 /root/.ssh");
    machine.write("/root/.ssh/authorized_keys", machine.identity.public(), 0o600);
    machine.start_sshd();
    let dial = machine.dial();
    let addresses = Addresses { direct: Some(machine.direct()), proxy: None };
    let starting = async {
        until("a login into tmux", || machine.path("/tmux").exists()).await;
        machine.run_onstart();
    };
    let (reached, ()) = tokio::join!(reached(&dial, addresses), starting);
    exchange(&machine, &reached.unwrap().connection, 10_000).await;
}

#[tokio::test]
async fn a_quiet_connection_is_not_forgotten_on_its_way() {
    let Some(machine) = Machine::running(&Spec::default()) else { return };
    let relay = Relay::before(machine.port, Early::Closed).await;
    relay.forget_after(Duration::from_millis(1_500));
    let way = Addresses { direct: Some(relay.endpoint()), proxy: None };
    let mut dial = machine.dial();
    dial.retry.keep_alive = Duration::from_millis(400);
    let kept = reached(&dial, way.clone()).await.unwrap().connection;
    dial.retry.keep_alive = Duration::from_secs(3);
    let forgotten = reached(&dial, way).await.unwrap().connection;
    tokio::time::sleep(Duration::from_millis(2_500)).await;

    exchange(&machine, &kept, 10_000).await;
    let params = Params::new().with("target", "/");
    let short = Duration::from_secs(2);
    forgotten.run(Script::Preflight, &params, short).await.unwrap_err();
}

/// `without` programs that a restore can do without, and with one session at a
/// time.
fn bare(tool: Tool) -> Spec {
    Spec {
        without: &["curl", "wget", "python3", "openssl", "zstd", "tar", "getconf"],
        sshd: "MaxSessions 1\nPermitTTY no\nDisableForwarding yes",
        restic: (tool == Tool::Restic).then(restic).flatten(),
        ..Spec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_machine_with_one_session_a_connection_is_enough_for_a_launch() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    for tool in tools() {
        let Some(fleet) = Fleet::of(vec![Berth::new(1, bare(tool))]).await else { return };
        let engine = fleet.engine(Some(shelf.storage())).await;
        let recipe = Recipe { tool, critical: Workspace::critical(), ..Recipe::default() };
        let run = begin(&engine, recipe).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(0), "{tool:?}: {:?} {}", view.failure, view.details);
        assert_eq!(view.restore.unwrap().fallback, None, "{tool:?}");
        let restored = fleet.ships[&1].machine.path("/workspace");
        let differences = compare(&shelf.source(), &restored).unwrap();
        assert!(differences.is_empty(), "{tool:?}: {differences}");
    }
}

/// In mid-restore another host key answers at the winner's address.
#[tokio::test(flavor = "multi_thread")]
async fn a_winner_with_another_host_key_is_told_nothing_more() {
    let Some(shelf) = Shelf::of(Size::Full).await else { return };
    let tool = tools()[0];
    let mut berth = Berth::new(1, Spec { restic: restic(), ..Spec::default() });
    berth.host.script.direct = false;
    let Some(fleet) = Fleet::of(vec![berth]).await else { return };
    shelf.store.set_gate(Gate { line_bytes_per_s: Some(4_000_000), ..Gate::default() });
    let engine = fleet.engine(Some(shelf.storage())).await;
    let run = begin(&engine, Recipe { tool, ..Recipe::default() }).await;
    let mut facts = engine.follow(&run, 0).await.unwrap();
    let ship = &fleet.ships[&1];
    while let Some(fact) = within(facts.next()).await {
        if let FactBody::RestoreAdvanced { .. } = fact.body {
            break;
        }
    }
    ship.relay.lead_to(ship.machine.start_middleman());
    until("the other server", || {
        std::net::TcpStream::connect(("127.0.0.1", ship.relay.endpoint().port)).is_ok()
    })
    .await;
    ship.relay.cut();
    let facts = finish(&engine, &run).await;
    let view = RunView::replay(run, &facts);
    // No other machine is there to be tried.
    assert_eq!(view.failure, Some(Code::HostKeyChanged), "{}", view.details);
    assert_eq!(view.exit_code(), Some(4));
    assert_eq!(view.lanes[0].reason, Some(LostReason::HostKeyChanged));
    assert!(fleet.world.alive().is_empty());
    assert_eq!(ship.machine.overheard(), Vec::<String>::new());
}

/// A machine whose home folder belongs to somebody else, as images leave it.
#[tokio::test]
async fn a_preflight_needs_no_home_of_its_own() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let connection = machine.connect().await;
        machine.run("chown -R nobody /root/.dumont");
        let params = Params::new().with("target", "/");
        let output = connection.run_ok(Script::Preflight, &params, LONG).await.unwrap();
        let report = parse_preflight(&output.text()).unwrap();
        assert!(report.proof.is_some(), "{shell:?}");
    }
}

/// Output that is no text, more of it than anybody wants, and on the wrong way.
#[tokio::test]
async fn a_flood_on_standard_error_is_cut_and_cleaned() {
    let Some(machine) = Machine::running(&Spec::of(Shell::Bash)) else { return };
    let connection = machine.connect().await;
    machine.write(
        "/root/.bashrc",
        "head -c 3000000 /dev/urandom >&2; printf '\\033[31m' >&2\n",
        0o644,
    );
    let content = Content::Plain(noise(1_000, 1).into());
    let wrong = connection
        .upload("/proc/nowhere/x", "0600", content, LONG, |_| ControlFlow::Continue(()))
        .await
        .unwrap_err();
    let RemoteError::Script { stderr, .. } = wrong else { panic!("{wrong}") };
    assert!(stderr.len() < 100_000, "{}", stderr.len());
    assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{stderr:?}");
    machine.run("rm /root/.bashrc");
    exchange(&machine, &connection, 1_000).await;
}
