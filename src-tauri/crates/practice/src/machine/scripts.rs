//! Our remote scripts, carried out in Rust: each as its file in `remote`
//! describes it, on a disk nothing can leave.

use std::sync::Arc;

use bytes::Bytes;
use model::At;
use remote::{Decoded, Params, Script};
use russh::ChannelWriteHalf;
use russh::server::Msg;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::deadman::Then;
use super::{Machine, ms};
use crate::cloud::{Fate, Instance};

/// The size of a whole input; no parameters or files of ours are larger.
const INPUT_LIMIT: u64 = 512 << 20;
/// Where our agent is sent to.
const AGENT: &[u8] = b"/root/.dumont/agent";
const READY_SCRIPT: &str = "/root/.dumont/jobs/ready/script";
const CANNOT_CREATE: u32 = 73;
const READ_ONLY: u32 = 77;
const NO_INPUT: u32 = 66;
const UNAVAILABLE: u32 = 69;

/// Carries the script out and returns its exit code.
pub(super) async fn run(
    machine: &Arc<Machine>,
    script: Script,
    input: &mut (impl AsyncRead + Unpin),
    output: &ChannelWriteHalf<Msg>,
) -> u32 {
    let mut whole = Vec::new();
    if input.take(INPUT_LIMIT).read_to_end(&mut whole).await.is_err() {
        return NO_INPUT;
    }
    let Ok(params) = Params::decode(&whole) else { return NO_INPUT };
    let body = &whole[params.length..];
    let (code, answer) = match script {
        Script::Preflight => preflight(machine),
        Script::Metrics => metrics(machine),
        Script::Put => put(machine, &params, body),
        Script::ResticFind => restic_find(machine).await,
        // Nothing is ever installed here.
        Script::ResticPackage => (UNAVAILABLE, String::new()),
        Script::ResticRestore => restic_restore(machine, &params),
        Script::JobFollow => return follow(machine, &params, output).await,
        Script::AgentFind => agent_find(machine, &params),
        Script::AgentStart => agent_start(machine, &params, body),
        Script::JobTell => job_tell(machine, &params, body).await,
        Script::Lease => lease(machine, &params),
        // It is kept, and never run (rules.md T5).
        Script::ReadyStart => {
            let kept = machine.disk.write(READY_SCRIPT.as_bytes(), body);
            kept.map_or((CANNOT_CREATE, String::new()), |()| (0, "started\n".to_owned()))
        }
        Script::JobStop => {
            machine.jobs.stop(&text(&params, "job"));
            (0, "stopped\n".to_owned())
        }
    };
    if !answer.is_empty() {
        let _ = output.data_bytes(answer).await;
    }
    code
}

fn value<'a>(params: &'a Decoded, name: &str) -> &'a [u8] {
    params
        .values
        .iter()
        .find(|(known, _)| known == name)
        .map_or(&[][..], |(_, value)| value.as_slice())
}

pub(super) fn text(params: &Decoded, name: &str) -> String {
    String::from_utf8_lossy(value(params, name)).into_owned()
}

fn preflight(machine: &Machine) -> (u32, String) {
    use std::fmt::Write as _;
    let Some(instance) = machine.instance() else { return (UNAVAILABLE, String::new()) };
    let fate = &instance.host.script.fate;
    let mut out = String::from("dumont-preflight begin\n");
    for line in machine.proof().unwrap_or_default().lines() {
        let _ = writeln!(out, "proof {line}");
    }
    let _ = writeln!(out, "disk_free_kb {}", free_kb(&instance));
    let missing = usize::from(*fate == Fate::TooFewGpus);
    for _ in instance.gpus.iter().skip(missing) {
        let gpu = &instance.host.gpu;
        let _ = writeln!(out, "gpu NVIDIA {}, {}, {}", gpu.name, gpu.ram_mb, instance.host.driver);
    }
    let _ = writeln!(out, "gpu cuda {}", instance.host.cuda_max);
    let foreign = *fate == Fate::ForeignArchitecture;
    let _ = writeln!(out, "arch {}", if foreign { "ppc64le" } else { "x86_64" });
    let off = match fate {
        Fate::ClockOff { ms } => *ms,
        _ => 0,
    };
    let clock = machine.world.now().after_ms(off).unix_ms();
    let _ = writeln!(out, "clock {}.{:03}000000", clock / 1_000, clock % 1_000);
    out.push_str("libc glibc 2.36\n");
    for tool in ["curl", "wget", "python3", "setsid", "tar", "gunzip"] {
        let _ = writeln!(out, "tool {tool}");
    }
    if let Some(version) = machine.jobs.restorer().version() {
        let _ = writeln!(out, "restic {version}");
    }
    if machine.lease.borrow().is_some() {
        out.push_str("deadman armed\n");
    }
    out.push_str("dumont-preflight end\n");
    (0, out)
}

/// A machine that works in waves of a minute.
fn metrics(machine: &Machine) -> (u32, String) {
    use std::fmt::Write as _;
    let Some(instance) = machine.instance() else { return (UNAVAILABLE, String::new()) };
    let ms = machine.world.now().unix_ms() - instance.rented.unix_ms();
    let seconds = ms.max(0) as f64 / 1e3;
    let load = 0.5 - 0.5 * (seconds * std::f64::consts::TAU / 60.0).cos();
    let gpu = &instance.host.gpu;
    let mut out = String::new();
    for _ in &instance.gpus {
        let used = (0.1 + 0.5 * load) * gpu.ram_mb as f64;
        let watts = f64::from(gpu.watts) * (0.2 + 0.7 * load);
        let _ = writeln!(
            out,
            "gpu NVIDIA {}, {:.0}, {used:.0}, {}, {:.0}, {:.0}, {watts:.2}, {}.00",
            gpu.name,
            load * 100.0,
            gpu.ram_mb,
            38.0 + 25.0 * load,
            30.0 + 25.0 * load,
            gpu.watts,
        );
    }
    let memory_kb = instance.host.cpu_ram_mb * 1_024;
    let free_memory = (memory_kb as f64 * (0.9 - 0.3 * load)) as u64;
    let _ = writeln!(out, "memory_kb {memory_kb}\navailable_kb {free_memory}");
    // A third of the cores' time is worked.
    let ticks = (seconds * 100.0) as u64;
    let _ = writeln!(out, "cpu {} 0 0 {} 0 0 0 0", ticks / 3, ticks - ticks / 3);
    let disk_kb = (instance.disk_gb * 1e9 / 1_024.0) as u64;
    let _ = writeln!(out, "disk_kb {disk_kb} {}", disk_kb.saturating_sub(free_kb(&instance)));
    let _ = writeln!(out, "net {} {}", instance.down_bytes, instance.up_bytes);
    (0, out)
}

fn free_kb(instance: &Instance) -> u64 {
    let gb = match instance.host.script.fate {
        Fate::DiskTooSmall => 0.5,
        _ => instance.disk_gb * 0.97,
    };
    (gb * 1e9 / 1_024.0) as u64
}

fn put(machine: &Machine, params: &Decoded, body: &[u8]) -> (u32, String) {
    let unpacked;
    let body = if text(params, "packed") == "gzip" {
        let mut content = Vec::new();
        let packed = flate2::read::GzDecoder::new(body);
        let mut packed = std::io::Read::take(packed, INPUT_LIMIT);
        if let Err(error) = std::io::Read::read_to_end(&mut packed, &mut content) {
            return (CANNOT_CREATE, format!("{error}\n"));
        }
        unpacked = content;
        &unpacked
    } else {
        body
    };
    match machine.disk.write(value(params, "path"), body) {
        Ok(()) => {}
        Err(error) => return (CANNOT_CREATE, format!("{error}\n")),
    }
    match machine.disk.read(value(params, "path")) {
        Ok(content) => {
            let hash = Bytes::copy_from_slice(&Sha256::digest(content));
            (0, format!("sha256 {hash:x}\n"))
        }
        Err(error) => (CANNOT_CREATE, format!("{error}\n")),
    }
}

async fn restic_find(machine: &Machine) -> (u32, String) {
    match machine.jobs.restorer().identity().await {
        Some((version, sha256)) => {
            (0, format!("path /usr/bin/restic\nversion {version}\nsha256 {sha256}\n"))
        }
        None => (0, String::new()),
    }
}

fn restic_restore(machine: &Arc<Machine>, params: &Decoded) -> (u32, String) {
    let (target, stalls_at) = match restore_target(machine, params) {
        Ok(target) => target,
        Err(refused) => return refused,
    };
    match machine.jobs.restore(machine, params, target, stalls_at) {
        Ok(()) => (0, "started\n".into()),
        Err(why) => (64, format!("{why}\n")),
    }
}

/// The folder a restore goes to, and when it will stall, if it is to.
fn restore_target(
    machine: &Machine,
    params: &Decoded,
) -> Result<(std::path::PathBuf, Option<At>), (u32, String)> {
    let Some(instance) = machine.instance() else { return Err((UNAVAILABLE, String::new())) };
    let fate = &instance.host.script.fate;
    if *fate == Fate::TargetReadOnly {
        return Err((READ_ONLY, "target is read-only\n".into()));
    }
    let target = machine.disk.folder_for_program(value(params, "target"));
    let target = target.map_err(|error| (READ_ONLY, format!("{error}\n")))?;
    let stalls_at = match fate {
        Fate::RestoreStalls { after_ms } => Some(machine.world.now().after_ms(ms(*after_ms))),
        _ => None,
    };
    Ok((target, stalls_at))
}

/// Fetched by onstart, or sent over SSH; only its hash is looked at.
fn agent_find(machine: &Machine, params: &Decoded) -> (u32, String) {
    let wanted = text(params, "sha256");
    let fetched = machine
        .onstart
        .as_ref()
        .and_then(|onstart| onstart.fetch.as_ref())
        .is_some_and(|fetch| fetch.sha256 == wanted);
    let sent = machine.disk.read(AGENT).is_ok_and(|content| {
        format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(content))) == wanted
    });
    (0, if fetched || sent { "present\n" } else { "absent\n" }.to_owned())
}

fn agent_start(machine: &Arc<Machine>, params: &Decoded, ticket: &[u8]) -> (u32, String) {
    let (target, stalls_at) = match restore_target(machine, params) {
        Ok(target) => target,
        Err(refused) => return refused,
    };
    match machine.jobs.carry_out_plan(machine, ticket, target, stalls_at) {
        Ok(()) => (0, "started\n".into()),
        Err(why) => (UNAVAILABLE, format!("{why}\n")),
    }
}

async fn job_tell(machine: &Machine, params: &Decoded, said: &[u8]) -> (u32, String) {
    match machine.jobs.find(&text(params, "job")) {
        Some(job) if job.tell(said).await => (0, "told\n".into()),
        Some(_) | None => (NO_INPUT, "the job takes no input\n".into()),
    }
}

fn lease(machine: &Machine, params: &Decoded) -> (u32, String) {
    let then = match text(params, "then").as_str() {
        "destroy" => Then::Destroy,
        "stop" => Then::Stop,
        _ => Then::Never,
    };
    let seconds: u64 = text(params, "seconds").parse().unwrap_or(0);
    let until = machine.world.now().after_ms(ms(seconds.saturating_mul(1_000)));
    let armed = machine.lease.send_if_modified(|lease| {
        let armed = lease.is_some();
        if armed {
            *lease = Some((until, then));
        }
        armed
    });
    (0, if armed { "renewed\n" } else { "no switch\n" }.to_owned())
}

async fn follow(machine: &Machine, params: &Decoded, output: &ChannelWriteHalf<Msg>) -> u32 {
    let Some(job) = machine.jobs.find(&text(params, "job")) else {
        let _ = output.data_bytes("missing\n").await;
        return NO_INPUT;
    };
    let mut offset: usize = text(params, "offset").parse().unwrap_or(0);
    let mut log = job.log();
    loop {
        let (fresh, status) = {
            let log = log.borrow_and_update();
            (log.bytes.get(offset..).unwrap_or_default().to_vec(), log.status)
        };
        if !fresh.is_empty() {
            offset += fresh.len();
            let mut frame = format!("data {}\n", fresh.len()).into_bytes();
            frame.extend_from_slice(&fresh);
            if output.data_bytes(frame).await.is_err() {
                return 1;
            }
        } else if let Some(status) = status {
            let _ = output.data_bytes(format!("status {status}\n")).await;
            return 0;
        } else if log.changed().await.is_err() {
            return 1;
        }
    }
}
