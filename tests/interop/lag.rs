//! How long a machine that answers is not known to: from its SSH server's
//! first greeting to the winner, beside the loop people write by hand.
//!
//! Not a test: `cargo bench-all lag` runs it and prints the figures.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use model::FactBody;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::Instant;

use crate::fleet::{Berth, Fleet, begin, plain};
use crate::machine::{Machine, Spec, within};
use crate::relay::Early;

const TRIALS: usize = 30;
/// What scripts do: OpenSSH's client again and again, a second between.
const LOOP: &str = "
    until ssh -q -F none -i \"$KEY\" -p \"$PORT\" -o BatchMode=yes -o ConnectTimeout=5 \
      -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1 true </dev/null
    do sleep 1; done";

/// What one trial found, in milliseconds.
struct Lag {
    ours: f64,
    theirs: f64,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo bench-all lag"]
async fn bench_lag() {
    let mut dice = StdRng::seed_from_u64(29);
    println!("| way in | trials | ours, median | p90 | ssh in a 1 s loop, median | ratio |");
    println!("|---|---|---|---|---|---|");
    for (name, direct, early) in [
        ("direct", true, Early::Closed),
        ("relay that closes early callers", false, Early::Closed),
        ("relay that keeps early callers", false, Early::Held),
    ] {
        let mut lags = Vec::new();
        for _ in 0..TRIALS {
            let Some(lag) = trial(direct, early, &mut dice).await else { return };
            lags.push(lag);
        }
        let (ours, theirs) =
            (quantile(&lags, 0.5, |lag| lag.ours), quantile(&lags, 0.5, |lag| lag.theirs));
        println!(
            "| {name} | {TRIALS} | {ours:.0} ms | {:.0} ms | {theirs:.0} ms | {:.1}x |",
            quantile(&lags, 0.9, |lag| lag.ours),
            theirs / ours,
        );
        assert!(ours <= 300.0, "{name}: the target is 300 ms");
    }
}

fn quantile(lags: &[Lag], share: f64, of: impl Fn(&Lag) -> f64) -> f64 {
    let mut values: Vec<f64> = lags.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * share).round() as usize]
}

async fn trial(direct: bool, early: Early, dice: &mut StdRng) -> Option<Lag> {
    // The SSH server starts at any moment of the dialling's rhythm.
    let ssh_ms = dice.random_range(1_000..3_000);
    let mut berth = Berth { early, ..Berth::new(1, Spec::default()) };
    berth.host = berth.host.create_takes(50).boots(200, ssh_ms);
    (berth.host.script.direct, berth.host.script.proxy) = (direct, !direct);
    let fleet = Fleet::of(vec![berth]).await?;
    let machine = &fleet.ships[&1].machine;
    let rival = Rival::prepare(machine).await;
    let engine = fleet.engine(None).await;
    let run = begin(&engine, plain()).await;
    let mut facts = engine.follow(&run, 0).await.unwrap();
    let winning = async {
        while let Some(fact) = facts.next().await {
            if let FactBody::WinnerChosen { .. } = fact.body {
                return Instant::now();
            }
        }
        panic!("nobody won");
    };
    let rival_port = if direct { machine.port } else { fleet.ships[&1].relay.endpoint().port };
    let ways = async { tokio::join!(answering(machine), winning, rival.run(rival_port)) };
    let (answered, won, looped) = within(ways).await;
    let after = |end: Instant| end.saturating_duration_since(answered).as_secs_f64() * 1e3;
    Some(Lag { ours: after(won), theirs: after(looped) })
}

/// When the SSH server greets for the first time.
async fn answering(machine: &Arc<Machine>) -> Instant {
    loop {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", machine.port)).await {
            let mut greeting = [0; 4];
            if stream.read_exact(&mut greeting).await.is_ok() && &greeting == b"SSH-" {
                return Instant::now();
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The same machine, waited for by hand.
struct Rival {
    folder: tempfile::TempDir,
}

impl Rival {
    async fn prepare(machine: &Arc<Machine>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status()
            .await
            .unwrap();
        assert!(made.success());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let public = std::fs::read(folder.path().join("key.pub")).unwrap();
        machine.run("mkdir -p -m 700 /root/.ssh");
        machine.write("/root/.ssh/authorized_keys", public, 0o600);
        Self { folder }
    }

    async fn run(&self, port: u16) -> Instant {
        let status = Command::new("sh")
            .args(["-c", LOOP])
            .env("KEY", self.folder.path().join("key"))
            .env("PORT", port.to_string())
            .status()
            .await
            .unwrap();
        assert!(status.success());
        Instant::now()
    }
}
