//! `dumont-agent TARGET`: carries out the plan of the ticket that comes on
//! standard input, and tells on standard output how far it is. What follows
//! the ticket on standard input are controls; their end is not the restore's.

use std::ffi::OsString;
use std::io::{BufRead, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use agent::event::{Cause, Control, Event, Summary};
use agent::{Options, restore};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

#[cfg(target_env = "musl")]
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: dumont-agent [--check-hashes] [--connections FIRST[,MOST]] \
                     [--memory MIB] [--threads N] [--report MS] [--patience S] [--trust FILE] \
                     TARGET < TICKET";
/// No line of the input is longer, in bytes.
const MAX_LINE: u64 = 256 << 20;
/// Events that may wait for whoever reads them.
const EVENTS: usize = 256;

fn main() -> ExitCode {
    let (target, options) = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(Cause::Ticket.exit_code());
        }
    };
    hide();
    // A few threads move bytes; those that open blobs are others.
    let threads = (options.threads / 2).clamp(1, 4);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let (events, told) = mpsc::channel(EVENTS);
    let telling = std::thread::spawn(move || tell(told));
    let code = match (read_ticket(), runtime) {
        (Err(details), _) => refuse(&events, details),
        (_, Err(error)) => refuse(&events, error.to_string()),
        (Ok(Control::Ticket(ticket)), Ok(runtime)) => {
            let (sender, controls) = mpsc::channel(16);
            // Ends with the process, in the middle of a line if need be.
            std::thread::spawn(move || listen(&sender));
            let outcome =
                runtime.block_on(restore(*ticket, &target, options, events.clone(), controls));
            match outcome {
                Ok(summary) => u8::from(!summary.is_whole()),
                Err((cause, _)) => cause.exit_code(),
            }
        }
        (Ok(_), Ok(_)) => refuse(&events, "the first line is no ticket".into()),
    };
    drop(events);
    let _ = telling.join();
    ExitCode::from(code)
}

fn refuse(events: &mpsc::Sender<Event>, details: String) -> u8 {
    let (cause, summary) = (Cause::Ticket, Summary::default());
    let _ = events.blocking_send(Event::Aborted { cause, details, summary });
    cause.exit_code()
}

/// Keeps other processes of the same user, and core dumps, from seeing the
/// keys.
fn hide() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

fn arguments() -> Result<(PathBuf, Options), String> {
    let mut options = Options::default();
    let mut target = None;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = |name: &str| arguments.next().ok_or(format!("{name} lacks its value"));
        match argument.to_str() {
            Some("--version") => {
                println!("dumont-agent {}", env!("CARGO_PKG_VERSION"));
                std::process::exit(0);
            }
            Some("--check-hashes") => options.check_hashes = true,
            Some(name @ "--connections") => {
                let text = value(name)?;
                let (first, most) = pair(&text).ok_or(format!("{name} wants numbers"))?;
                options.connections = (first, most.unwrap_or(first.max(options.connections.1)));
            }
            Some(name @ "--memory") => {
                options.memory = number(name, &value(name)?)?.clamp(1, 1 << 14) << 20;
            }
            Some(name @ "--threads") => options.threads = number(name, &value(name)?)?,
            Some(name @ "--report") => {
                let ms = number(name, &value(name)?)?.clamp(10, 1_000);
                options.report = Duration::from_millis(ms as u64);
            }
            Some(name @ "--patience") => {
                options.patience = Duration::from_secs(number(name, &value(name)?)? as u64);
            }
            Some(name @ "--trust") => {
                let certificates = CertificateDer::pem_file_iter(value(name)?)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>);
                options.trust = certificates.map_err(|error| format!("{name}: {error}"))?;
            }
            Some(unknown) if unknown.starts_with("--") => {
                return Err(format!("{unknown} is unknown"));
            }
            _ if target.is_none() => target = Some(PathBuf::from(argument)),
            _ => return Err("there is one target only".into()),
        }
    }
    Ok((target.ok_or("where to is missing")?, options))
}

fn number(name: &str, text: &OsString) -> Result<usize, String> {
    text.to_str().and_then(|text| text.parse().ok()).ok_or(format!("{name} wants a number"))
}

fn pair(text: &OsString) -> Option<(usize, Option<usize>)> {
    let text = text.to_str()?;
    match text.split_once(',') {
        Some((first, most)) => Some((first.parse().ok()?, Some(most.parse().ok()?))),
        None => Some((text.parse().ok()?, None)),
    }
}

fn read_ticket() -> Result<Control, String> {
    let line = read_line().ok_or("no ticket came")?;
    Control::parse(&line).map_err(|column| format!("the ticket makes no sense (column {column})"))
}

/// A line of standard input; `None` at its end.
fn read_line() -> Option<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let count = std::io::stdin().lock().take(MAX_LINE).read_line(&mut line).ok()?;
    (count > 0).then_some(line)
}

fn listen(controls: &mpsc::Sender<Control>) {
    while let Some(line) = read_line() {
        // What makes no sense may make sense to a newer agent.
        if let Ok(control) = Control::parse(&line)
            && controls.blocking_send(control).is_err()
        {
            return;
        }
    }
}

/// Prints every event as a line. Nobody need listen.
fn tell(mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.blocking_recv() {
        let Ok(mut line) = serde_json::to_vec(&event) else { continue };
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}
