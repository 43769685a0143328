//! Reads what `preflight.sh` answers. The text is hostile: it comes from a
//! stranger's machine.

use model::{Gpu, Preflight, clean};

use crate::{Proof, RemoteError, Script};

const NAME: &str = Script::Preflight.name();

/// A machine's first report, with what has to be judged before it is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineReport {
    /// What it has.
    pub preflight: Preflight,
    /// Its proof; absent while onstart has not written it.
    pub proof: Option<Proof>,
    /// Its clock, in milliseconds since 1970, when it told it.
    pub clock_unix_ms: Option<i64>,
}

/// Reads the answer. Noise before the first mark (a login message) is skipped.
///
/// # Errors
/// The marks are missing: the answer is not whole.
pub fn parse_preflight(text: &str) -> Result<MachineReport, RemoteError> {
    let missing =
        || RemoteError::NotUnderstood { script: NAME, details: "the answer is not whole".into() };
    let mut lines = text.lines().skip_while(|line| *line != "dumont-preflight begin");
    lines.next().ok_or_else(missing)?;
    let mut report = MachineReport::default();
    let mut proof = Proof::default();
    for line in lines {
        if line == "dumont-preflight end" {
            if !proof.hash.is_empty() {
                report.proof = Some(proof);
            }
            return Ok(report);
        }
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        take(&mut report, &mut proof, name, value.trim());
    }
    Err(missing())
}

/// The version in what `restic version` says: `0.14.0`, also out of
/// `0.18.0-dev (compiled manually)`.
#[must_use]
pub fn parse_restic_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

fn take(report: &mut MachineReport, proof: &mut Proof, name: &str, value: &str) {
    let preflight = &mut report.preflight;
    match name {
        "proof" => match value.strip_prefix("hash ") {
            Some(hash) => hash.clone_into(&mut proof.hash),
            None if proof.keys.len() < 16 => proof.keys.push(value.to_owned()),
            None => {}
        },
        "disk_free_kb" => {
            preflight.disk_free_bytes = value.parse::<u64>().unwrap_or(0).saturating_mul(1024);
        }
        "gpu" => gpu(preflight, value),
        "arch" => {
            preflight.arch = match value {
                "arm64" => "aarch64".to_owned(),
                "amd64" => "x86_64".to_owned(),
                other => clean(other, 40),
            };
        }
        "clock" => report.clock_unix_ms = clock(value),
        "libc" => preflight.libc = libc(value),
        "tool" if preflight.tools.len() < 32 => preflight.tools.push(clean(value, 40)),
        "restic" if !value.is_empty() => preflight.restic = Some(clean(value, 40)),
        "deadman" => preflight.deadman_armed = value == "armed",
        _ => {}
    }
}

/// `NVIDIA GeForce RTX 4090, 24564, 570.86.15`, or `cuda 12.8`.
fn gpu(preflight: &mut Preflight, value: &str) {
    if let Some(version) = value.strip_prefix("cuda ") {
        preflight.cuda = Some(clean(version, 20));
        return;
    }
    let mut fields = value.split(',').map(str::trim);
    let (Some(name), Some(memory)) = (fields.next(), fields.next()) else { return };
    let Ok(memory_mb) = memory.parse() else { return };
    if preflight.gpus.len() < 64 {
        preflight.gpus.push(Gpu { name: clean(name, 80), memory_mb });
    }
    if let Some(driver) = fields.next() {
        preflight.driver = Some(clean(driver, 40));
    }
}

/// `1795435200.123456789`; BusyBox prints the decimals as `.%N`.
fn clock(value: &str) -> Option<i64> {
    let (seconds, decimals) = value.split_once('.').unwrap_or((value, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let ms: i64 = decimals.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    seconds.checked_mul(1000)?.checked_add(ms)
}

/// `glibc 2.36`, `ldd (Debian GLIBC 2.36-9+deb12u10) 2.36`, `musl libc (x86_64)`.
fn libc(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    if lower.contains("musl") {
        return Some("musl".into());
    }
    let version =
        value.rsplit(' ').next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(format!("glibc {}", clean(version, 20)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "\
Welcome to the machine
dumont-preflight begin
proof ssh-ed25519 AAAA
proof ssh-rsa BBBB
proof hash 00ff
disk_free_kb 412000000
gpu NVIDIA GeForce RTX 4090, 24564, 570.86.15
gpu cuda 12.8
arch x86_64
clock 1795435200.123456789
libc glibc 2.36
tool curl
tool setsid
restic 0.14.0
dumont-preflight end
";

    #[test]
    fn a_whole_answer_is_read() {
        let report = parse_preflight(ANSWER).unwrap();
        let preflight = &report.preflight;
        assert_eq!(preflight.disk_free_bytes, 412_000_000 * 1024);
        assert_eq!(
            preflight.gpus,
            [Gpu { name: "NVIDIA GeForce RTX 4090".into(), memory_mb: 24564 }]
        );
        assert_eq!(preflight.driver.as_deref(), Some("570.86.15"));
        assert_eq!(preflight.cuda.as_deref(), Some("12.8"));
        assert_eq!(preflight.libc.as_deref(), Some("glibc 2.36"));
        assert_eq!(preflight.restic.as_deref(), Some("0.14.0"));
        assert_eq!(preflight.tools, ["curl", "setsid"]);
        assert_eq!(report.clock_unix_ms, Some(1_795_435_200_123));
        let proof = report.proof.unwrap();
        assert_eq!(proof.keys, ["ssh-ed25519 AAAA", "ssh-rsa BBBB"]);
        assert_eq!(proof.hash, "00ff");
    }

    #[test]
    fn a_cut_answer_is_none() {
        let cut = &ANSWER[..ANSWER.len() - 5];
        assert!(parse_preflight(cut).is_err());
        assert!(parse_preflight("").is_err());
    }

    #[test]
    fn odd_machines_are_read_too() {
        assert_eq!(clock("1795435200.%N"), Some(1_795_435_200_000));
        assert_eq!(libc("ldd (Debian GLIBC 2.36-9+deb12u10) 2.36").as_deref(), Some("glibc 2.36"));
        assert_eq!(libc("musl libc (x86_64)").as_deref(), Some("musl"));
        assert_eq!(libc("ldd: not found"), None);
        assert_eq!(parse_restic_version("0.14.0"), Some((0, 14)));
        assert_eq!(parse_restic_version("0.18.0-dev (compiled manually)"), Some((0, 18)));
        assert_eq!(parse_restic_version("nonsense"), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in any::<String>()) {
            let _ = parse_preflight(&text);
            let _ = parse_preflight(&format!("dumont-preflight begin\ngpu {text}\nclock {text}\nlibc {text}\ndumont-preflight end"));
            let _ = parse_restic_version(&text);
        }
    }
}
