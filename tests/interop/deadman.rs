//! The dead-man's switch on real shells (rules.md T3): machines that end
//! themselves when nobody is left to do it.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clouds::{Cloud as _, CreateAnswer, CreateOrder};
use engine::{Context, Handle};
use model::{FactBody, MachineId, MachineState, OfferId, RaceRules};
use practice::cloud::{ApiCall, Fault, Instance, When};
use remote::{Deadman, Identity, LaneSecret, Onstart, Params, Script, parse_preflight};
use secrecy::ExposeSecret as _;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::fleet::{Berth, Fleet, begin, plain, start_container};
use crate::machine::{LONG, Machine, Shell, Spec, until};

/// What may be late (T3).
const GRACE_S: i64 = 30;
/// Programs that can call the cloud.
const TOOLS: [&str; 3] = ["curl", "wget", "python3"];

/// A machine on which this program and no other can call the cloud.
fn only(tool: &str, shell: Shell) -> Spec {
    let without = match tool {
        "curl" => &["wget", "python3"],
        "wget" => &["curl", "python3"],
        _ => &["curl", "wget"],
    };
    Spec { without, ..Spec::of(shell) }
}

/// BusyBox's images keep nothing in the usual folders.
fn furnish(machine: &Machine, tool: &str, shell: Shell) {
    if shell == Shell::Busybox {
        machine.run(&format!("ln -s /usr/bin/{tool} /usr/local/bin/{tool}"));
    }
}

/// Every pair of a shell and a program that works together: BusyBox's own wget
/// stands before any other and cannot delete.
fn pairs() -> Vec<(Shell, &'static str)> {
    let pairs = Shell::ALL.into_iter().flat_map(|shell| TOOLS.map(|tool| (shell, tool)));
    pairs.filter(|pair| *pair != (Shell::Busybox, "wget")).collect()
}

/// A fleet with one machine for each of them, numbered from 1.
async fn fleet(pairs: &[(Shell, &'static str)], ssh_ms: u64) -> Option<Fleet> {
    let berth = |(number, (shell, tool)): (u64, &(Shell, &str))| {
        let mut berth = Berth::new(number, only(tool, *shell));
        berth.host = berth.host.boots(100, ssh_ms);
        berth
    };
    let fleet = Fleet::of((1..).zip(pairs).map(berth).collect()).await?;
    for (number, (shell, tool)) in (1..).zip(pairs) {
        furnish(&fleet.ships[&number].machine, tool, *shell);
    }
    Some(fleet)
}

/// Rents the machine of a berth as an engine does.
async fn rent(fleet: &Fleet, number: u64, lease_s: u32, late: bool) -> MachineId {
    let cloud = fleet.cloud();
    let machine = &fleet.ships[&number].machine;
    let ahead = if late { -1_000 } else { 3_600_000 };
    let onstart = Onstart {
        deadman: Some(Deadman {
            api: cloud.deadman_api().unwrap(),
            not_after: fleet.world.now().after_ms(ahead),
            lease_s,
        }),
        ..Onstart::new(machine.secret.clone(), machine.identity.public())
    };
    let order = CreateOrder {
        offer: OfferId::new((number * 10).to_string()),
        image: "ubuntu".into(),
        disk_gb: 20,
        label: format!("dumont/aaaaaaaa-bbbbbbbbbb/{number}"),
        onstart: onstart.render(),
        env: Vec::new(),
        ports: Vec::new(),
        template: None,
        registry_login: None,
    };
    match cloud.create(&order).await {
        CreateAnswer::Rented { machine } => machine,
        other => panic!("{other:?}"),
    }
}

fn instance(fleet: &Fleet, number: u64) -> Instance {
    let instances = fleet.world.instances();
    instances.into_iter().find(|one| one.host.machine == number).unwrap()
}

/// How long after its container's start a machine was destroyed.
fn lived_ms(instance: &Instance) -> i64 {
    let ended = instance.destroyed.expect("it was destroyed").unix_ms();
    ended - instance.running_at().expect("it started").unix_ms()
}

async fn gone(fleet: &Fleet, number: u64) {
    until("its end", || instance(fleet, number).destroyed.is_some()).await;
}

/// What the arguments of a machine's processes ever were.
struct Watch {
    stop: Arc<AtomicBool>,
    task: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    fn over(machine: &Machine) -> Self {
        let (proc, stop) = (machine.path("/proc"), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&stop);
        let watching = move || {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::SeqCst) {
                for process in fs::read_dir(&proc).into_iter().flatten().flatten() {
                    let text = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&text).replace('\0', " "));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            seen
        };
        Self { stop, task: std::thread::spawn(watching) }
    }

    fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.join().unwrap()
    }
}

/// The whole desktop, killed in mid-race: it is a runtime of its own, and
/// nothing of it goes on. One machine starts only after its lease, counted
/// from the order, is over.
#[test]
fn racers_end_themselves_when_the_desktop_is_gone() {
    const LEASE_S: u32 = 4;
    let (world, desktop) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let pairs = [
        (Shell::Dash, "curl"),
        (Shell::Bash, "wget"),
        (Shell::Busybox, "python3"),
        (Shell::Dash, "curl"),
    ];
    let late = 4;
    let berth = |(number, (shell, tool)): (u64, &(Shell, &str))| {
        let mut berth = Berth::new(number, only(tool, *shell));
        let running_ms = if number == late { 7_000 } else { 300 };
        berth.host = berth.host.boots(running_ms, 3_600_000);
        berth
    };
    let berths = (1..).zip(&pairs).map(berth).collect();
    let Some(fleet) = world.block_on(Fleet::of(berths)) else { return };
    for (number, (shell, tool)) in (1..).zip(&pairs) {
        furnish(&fleet.ships[&number].machine, tool, *shell);
    }
    let rules = RaceRules { racer_lease_ms: u64::from(LEASE_S) * 1_000, ..RaceRules::default() };
    let context = Context { rules, ..fleet.context(None) };
    desktop.block_on(async {
        let engine = Handle::start(context).await.unwrap();
        let run = begin(&engine, plain()).await;
        let mut facts = engine.follow(&run, 0).await.unwrap();
        let mut rented = 0;
        while rented < pairs.len() {
            let fact = facts.next().await.expect("the race goes on");
            rented += usize::from(matches!(fact.body, FactBody::MachineRented { .. }));
        }
    });
    world.block_on(async {
        for number in 1..late {
            let machine = &fleet.ships[&number].machine;
            until("a switch", || machine.path("/root/.dumont/deadman").exists()).await;
        }
    });
    desktop.shutdown_background();
    assert_eq!(fleet.world.alive().len(), pairs.len());
    let begun = fleet.world.calls().len();

    world.block_on(async {
        for number in 1..=late {
            gone(&fleet, number).await;
        }
    });
    for (number, (shell, tool)) in (1..).zip(&pairs) {
        let instance = instance(&fleet, number);
        let lived = lived_ms(&instance);
        println!("{shell:?} with {tool}: ended itself {lived} ms after its start");
        let whole = i64::from(LEASE_S) * 1_000;
        // The clock it counts on has whole seconds.
        let least = if number == late { 0 } else { whole - 1_000 };
        let most = if number == late { whole - 1_000 } else { whole + GRACE_S * 1_000 };
        assert!((least..=most).contains(&lived), "{shell:?} {tool}: {lived}");
        let order = Onstart::parse(&instance.onstart).unwrap().deadman.unwrap();
        assert_eq!(order.lease_s, LEASE_S);
        let ahead = order.not_after.unix_ms() - instance.requested.unix_ms();
        assert!((whole - 1_500..=whole + 1_500).contains(&ahead), "{ahead}");
        // By itself, not by a desktop that is not dead.
        let path = format!("/api/v0/instances/{}/", instance.id);
        let calls = fleet.world.calls();
        let ends = calls[begun..].iter().filter(|call| call.method == "DELETE");
        assert!(ends.clone().any(|call| call.path == path), "{shell:?} {tool}");
        assert!(ends.clone().all(|call| call.call == ApiCall::Destroy));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_starts_too_late_ends_itself_under_every_shell_with_every_tool() {
    let pairs = pairs();
    let Some(fleet) = fleet(&pairs, 3_600_000).await else { return };
    for number in (1..).take(pairs.len()) {
        // Its lease alone would let it live for an hour.
        rent(&fleet, number, 3_600, true).await;
    }
    for (number, pair) in (1..).zip(&pairs) {
        gone(&fleet, number).await;
        let lived = lived_ms(&instance(&fleet, number));
        println!("{pair:?}: ended itself {lived} ms after its start");
        assert!(lived <= GRACE_S * 1_000, "{pair:?}: {lived}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_own_key_is_in_no_argument() {
    let pairs = [(Shell::Dash, "curl"), (Shell::Bash, "wget"), (Shell::Busybox, "python3")];
    let Some(fleet) = fleet(&pairs, 3_600_000).await else { return };
    // Long enough to be looked at.
    for call in [ApiCall::Show, ApiCall::Destroy] {
        fleet.world.add_fault(call, When::From(1), Fault::Delay { ms: 700 });
    }
    let watches: Vec<Watch> = fleet.ships.values().map(|ship| Watch::over(&ship.machine)).collect();
    for number in (1..).take(pairs.len()) {
        rent(&fleet, number, 3_600, true).await;
    }
    for number in (1..).take(pairs.len()) {
        gone(&fleet, number).await;
    }
    for (watch, (number, (shell, tool))) in watches.into_iter().zip((1..).zip(&pairs)) {
        let (instance, seen) = (instance(&fleet, number), watch.end());
        assert!(instance.api_key.len() > 8);
        let address = format!("/api/v0/instances/{}/", instance.id);
        for verb in ["GET", "DELETE"] {
            let calls = |text: &&String| {
                text.contains(tool) && text.contains(&address) && text.contains(verb)
            };
            assert!(seen.iter().any(|text| calls(&text)), "{shell:?} {tool} {verb}: {seen:#?}");
        }
        assert!(!seen.iter().any(|text| text.contains(&instance.api_key)), "{shell:?} {tool}");
    }
}

/// The lease as the machine keeps it, over a connection.
async fn renew(machine: &Machine, seconds: u32, then: &str) -> String {
    let params = Params::new().with("seconds", seconds.to_string()).with("then", then);
    let connection = machine.connect().await;
    let output = connection.run_ok(Script::Lease, &params, LONG).await.unwrap();
    output.text().trim().to_owned()
}

async fn status(fleet: &Fleet, id: &MachineId) -> MachineState {
    fleet.cloud().show(id).await.unwrap().unwrap().status.state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_lease_moves_the_end_and_says_which() {
    let pairs = [(Shell::Dash, "curl"), (Shell::Bash, "wget"), (Shell::Busybox, "python3")];
    let Some(fleet) = fleet(&pairs, 100).await else { return };
    let lasting = pairs.iter().zip(1..).map(|(pair, number)| lasts(&fleet, number, *pair));
    futures::future::join_all(lasting).await;
}

async fn lasts(fleet: &Fleet, number: u64, pair: (Shell, &str)) {
    const LEASE_S: u32 = 6;
    const BEYOND: Duration = Duration::from_secs(LEASE_S as u64 + 6);
    let machine = &fleet.ships[&number].machine;
    let id = rent(fleet, number, LEASE_S, false).await;
    let connection = machine.connect().await;
    let params = Params::new().with("target", "/workspace");
    let output = connection.run_ok(Script::Preflight, &params, LONG).await.unwrap();
    assert!(parse_preflight(&output.text()).unwrap().preflight.deadman_armed, "{pair:?}");
    assert_eq!(renew(machine, 3_600, "destroy").await, "renewed", "{pair:?}");

    // The container starts again: a winner's lease is not a racer's any more.
    machine.run("kill -9 $(cat /root/.dumont/deadman)");
    start_container(machine, &instance(fleet, number));
    sleep(BEYOND).await;
    assert_eq!(status(fleet, &id).await, MachineState::Running, "{pair:?}");

    assert_eq!(renew(machine, 0, "never").await, "renewed", "{pair:?}");
    sleep(Duration::from_secs(6)).await;
    assert_eq!(status(fleet, &id).await, MachineState::Running, "{pair:?}");

    assert_eq!(renew(machine, 1, "stop").await, "renewed", "{pair:?}");
    let stopped = async {
        while status(fleet, &id).await == MachineState::Running {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), stopped).await.expect("it stops itself");
    assert!(instance(fleet, number).destroyed.is_none(), "{pair:?}");

    assert_eq!(renew(machine, 1, "destroy").await, "renewed", "{pair:?}");
    gone(fleet, number).await;
}

/// What cannot call is no switch, and is not taken for one.
#[tokio::test]
async fn a_machine_that_cannot_call_claims_no_switch() {
    for shell in Shell::ALL {
        let without = &["curl", "wget", "python3"];
        let Some(machine) = Machine::start(&Spec { without, ..Spec::of(shell) }) else { return };
        let deadman = Deadman {
            api: "http://127.0.0.1:1".into(),
            not_after: engine::Clock::real().wall().after_ms(3_600_000),
            lease_s: 300,
        };
        let onstart = Onstart {
            deadman: Some(deadman),
            ..Onstart::new(machine.secret.clone(), machine.identity.public())
        };
        let variables = [("CONTAINER_ID", "7"), ("CONTAINER_API_KEY", "a-key-of-its-own")];
        machine.run_onstart_in(onstart.render().expose_secret(), &variables);
        machine.start_sshd();
        let connection = machine.connect().await;
        let params = Params::new().with("target", "/workspace");
        let output = connection.run_ok(Script::Preflight, &params, LONG).await.unwrap();
        assert!(!parse_preflight(&output.text()).unwrap().preflight.deadman_armed, "{shell:?}");
        assert_eq!(renew(&machine, 60, "destroy").await, "no switch", "{shell:?}");
    }
}

/// An image without the variables that a cloud sets has no switch.
#[tokio::test]
async fn a_machine_without_a_key_of_its_own_claims_no_switch() {
    let Some(machine) = Machine::start(&Spec::default()) else { return };
    let onstart = Onstart {
        deadman: Some(Deadman {
            api: "http://127.0.0.1:1".into(),
            not_after: engine::Clock::real().wall().after_ms(3_600_000),
            lease_s: 300,
        }),
        ..Onstart::new(LaneSecret::fresh(), Identity::fresh().unwrap().public())
    };
    machine.run_onstart_text(onstart.render().expose_secret());
    assert!(!machine.path("/root/.dumont/deadman").exists());
    assert!(machine.path("/root/.ssh/authorized_keys").exists());
}
