//! How long the window takes from its process's start to its first words, and
//! what it keeps of the memory, beside an empty Tauri window. Both are watched
//! from outside: the X server's picture lies in a file that is read until
//! there are words in it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::program;

const ROUNDS: usize = 9;
/// Nothing that works takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// After this long a window has settled.
const SETTLED: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_millis(5);
/// Every so many lines of the picture, and of the dots in one, are looked at:
/// looking must not keep a processor busy.
const STEP: usize = 4;
/// What a letter's dot has of each colour on a dark ground.
const BRIGHT: u8 = 0x80;
/// As many bright dots among them are words.
const WORDS: usize = 40;

/// Measures both programs in turns and prints medians and their ratio.
pub(crate) fn measure(ours: &Path, empty: &Path, work: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(work);
    let data = work.join("data");
    fs::create_dir_all(&data).map_err(|error| error.to_string())?;
    let dark = r#"{"preferences":{"theme":"dark","guided":true}}"#;
    fs::write(data.join("preferences.json"), dark).map_err(|error| error.to_string())?;
    let desktop = Desktop::start(work)?;
    let our_arguments = ["--practice=1".as_ref(), "--data-dir".as_ref(), data.as_os_str()];
    let ours = || desktop.open(program(ours).args(our_arguments));
    let empty = || desktop.open(&mut program(empty));
    // The first of each fills caches, and makes the practice repository.
    ours()?;
    empty()?;
    let (mut our, mut their) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our.push(ours()?);
        their.push(empty()?);
    }
    let times = |seen: &[Seen]| middle(seen.iter().map(|seen| seen.ms).collect());
    let memory = |seen: &[Seen]| middle(seen.iter().map(|seen| seen.kb / 1024.0).collect());
    println!(
        "cold start to the first words, medians of {ROUNDS}: {:.0} ms, an empty window {:.0} ms, \
         ratio {:.2} (target: 1.3 at most)",
        times(&our),
        times(&their),
        times(&our) / times(&their)
    );
    println!(
        "memory with every process, {} s later: {:.0} MB, an empty window {:.0} MB",
        SETTLED.as_secs(),
        memory(&our),
        memory(&their)
    );
    Ok(())
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What was seen of one start.
struct Seen {
    ms: f64,
    kb: f64,
}

/// A display and a session bus of our own.
struct Desktop {
    servers: Vec<Child>,
    home: PathBuf,
    display: String,
    address: String,
    picture: Picture,
}

impl Desktop {
    fn start(work: &Path) -> Result<Self, String> {
        let home = work.join("home");
        fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        let mut screen = program("Xvfb");
        screen.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]);
        screen.args(["-br", "-nocursor", "-fbdir"]).arg(work);
        let (screen, number) = first_line(&mut screen)?;
        let mut bus = program("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]);
        let (bus, address) = first_line(&mut bus)?;
        let picture = Picture::open(&work.join("Xvfb_screen0"))?;
        let display = format!(":{number}");
        Ok(Self { servers: vec![screen, bus], home, display, address, picture })
    }

    /// Starts it, waits for its words, lets it settle and ends it.
    fn open(&self, command: &mut Command) -> Result<Seen, String> {
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("HOME", &self.home)
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let seen = self.picture.wait(true, start).and_then(|ms| {
            sleep(SETTLED);
            Ok(Seen { ms, kb: memory_of(child.id())? })
        });
        let _ = child.kill();
        let _ = child.wait();
        self.picture.wait(false, Instant::now())?;
        // What it started ends by itself, and a little later.
        sleep(Duration::from_secs(1));
        seen
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn first_line(command: &mut Command) -> Result<(Child, String), String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
    }
    Ok((child, line.trim().to_owned()))
}

/// What the X server shows: an xwd picture whose dots are four bytes.
struct Picture {
    file: File,
    start: u64,
    line: u64,
    lines: u64,
}

impl Picture {
    fn open(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let mut head = [0; 100];
        file.read_exact(&mut head).map_err(|error| error.to_string())?;
        let number = |at: usize| {
            let bytes = head.get(at * 4..at * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, |bytes| u64::from(u32::from_be_bytes(bytes)))
        };
        let (size, lines, bits, line, colours) =
            (number(0), number(5), number(11), number(12), number(19));
        if bits != 32 {
            return Err(format!("the X server's dots have {bits} bits"));
        }
        Ok(Self { file, start: size + colours * 12, line, lines })
    }

    /// Waits until there are words on a dark ground, or none any more.
    fn wait(&self, words: bool, since: Instant) -> Result<f64, String> {
        while since.elapsed() < LIMIT {
            if self.has_words()? == words {
                return Ok(since.elapsed().as_secs_f64() * 1_000.0);
            }
            sleep(LOOK);
        }
        Err(format!("no change after {LIMIT:?}"))
    }

    fn has_words(&self) -> Result<bool, String> {
        let mut line = vec![0; usize::try_from(self.line).unwrap_or_default()];
        let (mut bright, mut dots) = (0, 0);
        for number in (0..self.lines).step_by(STEP) {
            let at = self.start + number * self.line;
            self.file.read_exact_at(&mut line, at).map_err(|error| error.to_string())?;
            for dot in line.chunks_exact(4).step_by(STEP) {
                dots += 1;
                if let [blue, green, red, _] = dot
                    && *blue > BRIGHT
                    && *green > BRIGHT
                    && *red > BRIGHT
                {
                    bright += 1;
                }
            }
        }
        // A bright window is not painted yet.
        Ok(bright > WORDS && bright < dots / 4)
    }
}

/// Kilobytes that a process and everything it started keep for themselves;
/// what they share is divided among those who do.
fn memory_of(process: u32) -> Result<f64, String> {
    let mut ours = vec![process];
    let mut at = 0;
    let parents = parents()?;
    while let Some(parent) = ours.get(at).copied() {
        ours.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        at += 1;
    }
    let kept = |process: &u32| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
    };
    Ok(ours.iter().filter_map(kept).sum())
}

/// Every process and who started it.
fn parents() -> Result<Vec<(u32, u32)>, String> {
    let entries = fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let read = |id: u32| {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name before it may hold anything.
        let parent = text.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(ids.filter_map(read).collect())
}
