//! Jobs outlive the connection that started them, and are read on over
//! another.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::{Addresses, Endpoint};
use remote::{Connection, JobEvent, Params, RemoteError, Script, follow};
use tokio::sync::mpsc;

use crate::machine::{LONG, Machine, Shell, Spec, reached, until, within};
use crate::relay::{Early, Relay};

/// Reads a job's log to its end, or as far as the connection lasts.
pub async fn read(
    connection: &Connection,
    job: &str,
    offset: u64,
) -> (BytesMut, Result<u32, RemoteError>) {
    let (sender, mut receiver) = mpsc::channel(4);
    let following = async move { follow(connection, job, offset, &sender).await };
    let collecting = async {
        let mut log = BytesMut::new();
        while let Some(event) = receiver.recv().await {
            if let JobEvent::Data(bytes) = event {
                log.extend_from_slice(&bytes);
            }
        }
        log
    };
    let (ended, log) = within(async { tokio::join!(following, collecting) }).await;
    (log, ended)
}

pub fn only(endpoint: Endpoint) -> Addresses {
    Addresses { direct: Some(endpoint), proxy: None }
}

/// A job that logs until it is told to end.
const COUNTING: &str = "
    mkdir -p /root/.dumont/jobs/count; cd /root/.dumont/jobs/count; : >log
    ( n=0
      while [ ! -e /enough ]; do n=$((n + 1)); echo \"line $n\"; done >>log
      echo 5 >status.new; mv status.new status ) >/dev/null 2>&1 &";

#[tokio::test]
async fn a_log_is_read_on_after_the_connection_was_cut() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let relay = Relay::before(machine.port, Early::Closed).await;
        let mut dial = machine.dial();
        machine.run(COUNTING);
        let mut log = Vec::new();
        for _ in 0..3 {
            let connection = reached(&dial, only(relay.endpoint())).await.unwrap().connection;
            // From now on it is this machine and no other.
            dial.expect = remote::Expect::Pinned(connection.host_key().clone());
            let (sender, mut receiver) = mpsc::channel(4);
            let offset = log.len() as u64;
            let following = async move { follow(&connection, "count", offset, &sender).await };
            let reading = async {
                let begin = log.len();
                while let Some(event) = receiver.recv().await {
                    let JobEvent::Data(bytes) = event else { panic!("it ended") };
                    log.extend_from_slice(&bytes);
                    if log.len() > begin + 10_000 {
                        relay.cut();
                    }
                }
            };
            let (ended, ()) = within(async { tokio::join!(following, reading) }).await;
            let error = ended.unwrap_err();
            assert!(matches!(error, RemoteError::Unreachable(_)), "{shell:?}: {error}");
        }
        machine.write("/enough", "", 0o600);
        let connection = reached(&dial, only(relay.endpoint())).await.unwrap().connection;
        let (rest, ended) = read(&connection, "count", log.len() as u64).await;
        log.extend_from_slice(&rest);
        assert_eq!(ended.unwrap(), 5, "{shell:?}");
        assert!(log == machine.read("/root/.dumont/jobs/count/log"), "{shell:?}");
    }
}

/// Those who read a log that says nothing notice that nobody listens.
#[tokio::test]
async fn a_reader_ends_with_its_connection() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        machine.run("mkdir -p /root/.dumont/jobs/quiet; : >/root/.dumont/jobs/quiet/log");
        let connection = machine.connect().await;
        let (sender, _receiver) = mpsc::channel(4);
        let following = tokio::spawn({
            let connection = connection.clone();
            async move { follow(&connection, "quiet", 0, &sender).await }
        });
        let readers = || machine.run("ps ax").matches("/s\n").count();
        until("a reader", || readers() > 0).await;
        following.abort();
        connection.close().await;
        until("no reader", || readers() == 0).await;
    }
}

#[tokio::test]
async fn a_large_log_comes_whole() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        machine.run(
            "mkdir -p /root/.dumont/jobs/large; cd /root/.dumont/jobs/large
             head -c 40000000 /dev/urandom >log; echo 0 >status",
        );
        let connection = machine.connect().await;
        let (log, ended) = read(&connection, "large", 0).await;
        assert_eq!(ended.unwrap(), 0, "{shell:?}");
        assert!(log == machine.read("/root/.dumont/jobs/large/log"), "{shell:?}");
    }
}

#[tokio::test]
async fn an_unknown_job_is_told() {
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let (log, ended) = read(&machine.connect().await, "nothing", 0).await;
        assert!(log.is_empty());
        let error = ended.unwrap_err();
        assert!(matches!(error, RemoteError::NotUnderstood { .. }), "{shell:?}: {error}");
    }
}

/// In place of restic: says that it started, and waits to be let go.
const WAITING: &str = "#!/bin/dash
echo started >>/starts
[ -e /gate ] || mkfifo /gate 2>/dev/null
read -r code </gate
exit $code
";

fn restore_of(tool: &str) -> Params {
    Params::new()
        .with("restic", tool)
        .with("snapshot", "x")
        .with("target", "/workspace")
        .with("repository", "/nowhere")
        .with("password", "secret")
        .with("critical", "/workspace/code")
}

fn waiting_machine(shell: Shell) -> Option<Machine> {
    let machine = Machine::running(&Spec::of(shell))?;
    machine.write("/usr/local/bin/waiting", WAITING, 0o755);
    machine.run("mkfifo /gate");
    Some(machine)
}

/// How many times the tool was started.
fn starts(machine: &Machine) -> usize {
    std::fs::read_to_string(machine.path("/starts")).unwrap_or_default().lines().count()
}

/// Lets the tool that waits end with this code.
fn let_go(machine: &Machine, code: &str) {
    machine.run(&format!("echo {code} >/gate"));
}

#[tokio::test]
async fn a_restore_started_again_is_the_same_restore() {
    for shell in Shell::ALL {
        let Some(machine) = waiting_machine(shell) else { return };
        let (one, other) = (machine.connect().await, machine.connect().await);
        let params = restore_of("/usr/local/bin/waiting");
        let start = async |connection: &Connection| {
            connection.run_ok(Script::ResticRestore, &params, LONG).await.unwrap()
        };
        // At the same moment, as after a connection that was given up.
        for _ in 0..3 {
            tokio::join!(start(&one), start(&other), start(&other));
        }
        until("the critical paths' restore", || starts(&machine) == 1).await;
        start(&other).await;

        let_go(&machine, "0");
        // Between the two parts as well.
        for _ in 0..5 {
            tokio::join!(start(&one), start(&other));
        }
        until("the rest's restore", || starts(&machine) == 2).await;
        start(&other).await;
        let_go(&machine, "0");
        let (log, ended) = read(&one, "restore", 0).await;
        assert_eq!(ended.unwrap(), 0, "{shell:?}");
        assert_eq!(starts(&machine), 2, "{shell:?}");
        let log = String::from_utf8_lossy(&log).into_owned();
        assert_eq!(
            log, "@phase critical\n@done critical 0\n@phase rest\n@done rest 0\n",
            "{shell:?}"
        );

        // Over: whoever starts it now wants it once more.
        start(&one).await;
        until("another restore", || starts(&machine) == 3).await;
    }
}

#[tokio::test]
async fn the_tools_exit_code_is_the_jobs() {
    for shell in Shell::ALL {
        let Some(machine) = waiting_machine(shell) else { return };
        let connection = machine.connect().await;
        let params = restore_of("/usr/local/bin/waiting");
        connection.run_ok(Script::ResticRestore, &params, LONG).await.unwrap();
        let_go(&machine, "12");
        let (log, ended) = read(&connection, "restore", 0).await;
        assert_eq!(ended.unwrap(), 12, "{shell:?}");
        assert_eq!(&log[..], b"@phase critical\n@done critical 12\n", "{shell:?}");

        // A tool that is not there.
        let missing = restore_of("/usr/local/bin/missing");
        connection.run_ok(Script::ResticRestore, &missing, LONG).await.unwrap();
        let (log, ended) = read(&connection, "restore", 0).await;
        assert_eq!(ended.unwrap(), 127, "{shell:?}: {}", String::from_utf8_lossy(&log));
    }
}

fn agents_start() -> Params {
    Params::new().with("target", "/workspace")
}

fn machine_with_agent(shell: Shell, program: &str) -> Option<Machine> {
    let machine = Machine::running(&Spec::of(shell))?;
    machine.run("mkdir -p /root/.dumont");
    machine.write("/root/.dumont/agent", program, 0o755);
    Some(machine)
}

/// A ticket is for the agent alone, whether it is there to read it or not.
#[tokio::test]
async fn a_ticket_leaves_no_file_when_the_agent_ends_at_once() {
    // Larger than a pipe holds.
    let ticket = Bytes::from(format!("a secret {}\n", "x".repeat(200_000)));
    for shell in Shell::ALL {
        let Some(machine) = machine_with_agent(shell, "#!/bin/sh\nexit 3") else { return };
        let connection = machine.connect().await;
        for _ in 0..8 {
            let (start, ticket) = (agents_start(), ticket.clone());
            connection.run_fed(Script::AgentStart, &start, ticket.clone(), LONG).await.unwrap();
            let tell = Params::new().with("job", "restore");
            let _ = connection.run_fed(Script::JobTell, &tell, ticket, LONG).await;
            let (_, ended) = read(&connection, "restore", 0).await;
            assert_eq!(ended.unwrap(), 3, "{shell:?}");
            let found = machine.run("grep -rl 'a secret' /root /tmp || true");
            assert_eq!(found.trim(), "", "{shell:?}");
        }
    }
}

/// Half a ticket starts nothing, so that another try brings all of it.
#[tokio::test]
async fn half_a_ticket_starts_no_agent() {
    for shell in Shell::ALL {
        let Some(machine) = machine_with_agent(shell, "#!/bin/sh\ntouch /begun") else { return };
        let connection = machine.connect().await;
        let half = Bytes::from_static(b"half a tic");
        let started = connection.run_fed(Script::AgentStart, &agents_start(), half, LONG).await;
        let error = started.unwrap_err();
        assert!(matches!(error, RemoteError::Script { code: 74, .. }), "{shell:?}: {error}");
        assert!(!machine.path("/begun").exists());
        let whole = Bytes::from_static(b"a ticket\n");
        connection.run_fed(Script::AgentStart, &agents_start(), whole, LONG).await.unwrap();
        assert_eq!(read(&connection, "restore", 0).await.1.unwrap(), 0, "{shell:?}");
        assert!(machine.path("/begun").exists());
    }
}

/// Nor does half a recipe's script run, and the whole of it runs once.
#[tokio::test]
async fn a_script_runs_whole_and_once() {
    let script = Bytes::from_static(b"echo one >>/ran\necho two >>/ran\n");
    let length = Params::new().with("length", script.len().to_string());
    for shell in Shell::ALL {
        let Some(machine) = Machine::running(&Spec::of(shell)) else { return };
        let connection = machine.connect().await;
        let start = async |script: Bytes| {
            connection.run_fed(Script::ReadyStart, &length, script, LONG).await
        };
        let error = start(script.slice(..16)).await.unwrap_err();
        assert!(matches!(error, RemoteError::Script { code: 74, .. }), "{shell:?}: {error}");
        for _ in 0..2 {
            start(script.clone()).await.unwrap();
            assert_eq!(read(&connection, "ready", 0).await.1.unwrap(), 0, "{shell:?}");
        }
        assert_eq!(machine.read("/ran"), b"one\ntwo\n", "{shell:?}");
    }
}

#[tokio::test]
async fn a_job_is_stopped_whole() {
    for shell in Shell::ALL {
        let Some(machine) = waiting_machine(shell) else { return };
        let (connection, other) = (machine.connect().await, machine.connect().await);
        let stop = Params::new().with("job", "restore");
        // Without a job, after one, and twice.
        other.run_ok(Script::JobStop, &stop, LONG).await.unwrap();
        let params = restore_of("/usr/local/bin/waiting").with("verify", "yes");
        connection.run_ok(Script::ResticRestore, &params, LONG).await.unwrap();
        until("the tool", || starts(&machine) == 1).await;
        let following = read(&connection, "restore", 0);
        let stopping = async {
            for _ in 0..2 {
                let output = other.run_ok(Script::JobStop, &stop, LONG).await.unwrap();
                assert_eq!(output.text().trim(), "stopped");
                assert!(!machine.run("ps ax").contains("waiting"), "{shell:?}");
            }
        };
        let ((_, ended), ()) = tokio::join!(following, stopping);
        assert_eq!(ended.unwrap(), 143, "{shell:?}");
        assert_eq!(starts(&machine), 1, "{shell:?}: the rest was started all the same");
    }
}

/// A machine that kills what needs memory, or restarts its container.
#[tokio::test]
async fn a_job_that_was_killed_ends() {
    for shell in Shell::ALL {
        let Some(machine) = waiting_machine(shell) else { return };
        let connection = machine.connect().await;
        let params = restore_of("/usr/local/bin/waiting");
        connection.run_ok(Script::ResticRestore, &params, LONG).await.unwrap();
        until("the tool", || starts(&machine) == 1).await;
        machine.run("read -r pid _ </root/.dumont/jobs/restore/pid; kill -9 $pid");
        let (_, ended) = read(&connection, "restore", 0).await;
        assert_eq!(ended.unwrap(), 137, "{shell:?}");
    }
}

/// The job has nothing to do with the connection that started it.
#[tokio::test]
async fn a_job_survives_its_connection_and_its_server() {
    let Some(machine) = waiting_machine(Shell::Dash) else { return };
    let relay = Relay::before(machine.port, Early::Closed).await;
    let connection = reached(&machine.dial(), only(relay.endpoint())).await.unwrap().connection;
    let params = restore_of("/usr/local/bin/waiting");
    connection.run_ok(Script::ResticRestore, &params, LONG).await.unwrap();
    relay.cut();
    until("a closed connection", || connection.is_closed()).await;
    machine.run("kill -9 $(pidof sshd)");
    machine.start_sshd();
    let_go(&machine, "0");
    let_go(&machine, "0");
    let connection = machine.connect().await;
    let (_, ended) = read(&connection, "restore", 0).await;
    assert_eq!(ended.unwrap(), 0);
}

/// An idle connection is noticed to be dead.
#[tokio::test]
async fn a_link_that_dies_silently_is_noticed() {
    let Some(machine) = waiting_machine(Shell::Dash) else { return };
    machine.run("mkdir -p /root/.dumont/jobs/quiet; : >/root/.dumont/jobs/quiet/log");
    let mut dial = machine.dial();
    dial.retry.keep_alive = Duration::from_millis(200);
    let connection = reached(&dial, only(machine.direct())).await.unwrap().connection;
    let freezing = async {
        until("a reader", || machine.run("ps ax").contains("/s\n")).await;
        machine.run("kill -STOP $(pidof sshd)");
    };
    let ((_, ended), ()) = tokio::join!(read(&connection, "quiet", 0), freezing);
    assert!(matches!(ended.unwrap_err(), RemoteError::Unreachable(_)));
}
