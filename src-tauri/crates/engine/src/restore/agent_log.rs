//! Reads what our agent tells: one JSON object a line. Lines that are none are
//! last words of something that failed before it could speak.

use agent::event::{Cause, Event, Part, TicketReason};
use model::{Code, LostReason, clean, path_text};
use race::{Input, Progress, RestoreEnd};

use super::{Trouble, machine_fault, run_fault};

/// Longest line that is kept.
const LINE_LIMIT: usize = 4 << 20;
/// Entries that are named.
const NAMED: usize = 100;
const WORDS: usize = 300;

/// Something to do about what the agent told.
#[derive(Debug)]
pub(super) enum Told {
    /// For the race.
    Input(Box<Input>),
    /// It wants a renewed ticket.
    TicketWanted(TicketReason),
}

/// Reads a log as it grows.
#[derive(Debug)]
pub(super) struct AgentLog {
    /// The places of the parts of the tree that are told apart.
    groups: Vec<usize>,
    bytes: u64,
    line: Vec<u8>,
    failed: Vec<String>,
    imperfect: Vec<String>,
    packs: Vec<String>,
    last_words: String,
    ended: Option<Ended>,
}

#[derive(Debug)]
enum Ended {
    Complete(agent::event::Summary),
    Aborted(Cause, String),
}

impl AgentLog {
    /// `bytes` are all there are; `groups` the places of those told apart.
    pub(super) fn new(bytes: u64, groups: Vec<usize>) -> Self {
        Self {
            groups,
            bytes,
            line: Vec::new(),
            failed: Vec::new(),
            imperfect: Vec::new(),
            packs: Vec::new(),
            last_words: String::new(),
            ended: None,
        }
    }

    /// Takes further bytes of the log.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Told> {
        let mut told = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                if self.line.len() < LINE_LIMIT {
                    self.line.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match serde_json::from_slice::<Event>(&line) {
                Ok(event) => told.extend(self.take(event)),
                Err(_) => self.last_words = clean(&String::from_utf8_lossy(&line), WORDS),
            }
        }
        told
    }

    /// Takes one event.
    pub(super) fn take(&mut self, event: Event) -> Option<Told> {
        let input = match event {
            Event::Started { .. } | Event::Planned(_) => return None,
            Event::Progress(progress) => {
                let of = |place: &usize| progress.groups.get(*place).map_or(0, |group| group.1);
                let groups_bytes = if progress.groups.is_empty() {
                    Vec::new()
                } else {
                    self.groups.iter().map(of).collect()
                };
                Input::Progress(Progress {
                    files_done: progress.files,
                    bytes_done: progress.bytes,
                    bytes: self.bytes,
                    bytes_per_s: progress.bytes_per_s,
                    eta_ms: progress.eta_ms,
                    fetched_bytes: Some(progress.fetched_bytes),
                    connections: Some(progress.connections),
                    groups_bytes,
                })
            }
            // Critical files that are lost are no mark; the end tells which.
            Event::Critical { failed: 1.., .. } => return None,
            Event::Critical { files, bytes, .. } => Input::CriticalDone { files, bytes },
            Event::TicketWanted { reason } => return Some(Told::TicketWanted(reason)),
            Event::Fronted { path, is_pending } => {
                Input::Fronted { path: path_text(&path.0), pending: is_pending }
            }
            Event::PackFailed { pack, problem } => {
                keep(&mut self.packs, || clean(&format!("pack {pack}: {problem}"), WORDS));
                return None;
            }
            Event::Failed { path, part, problem } => {
                let list = match part {
                    Part::Contents => &mut self.failed,
                    Part::Attributes => &mut self.imperfect,
                };
                keep(list, || format!("/{}: {}", path_text(&path.0), clean(&problem, WORDS)));
                return None;
            }
            Event::Complete(summary) => {
                self.ended = Some(Ended::Complete(summary));
                return None;
            }
            Event::Aborted { cause, details, .. } => {
                self.ended = Some(Ended::Aborted(cause, clean(&details, WORDS)));
                return None;
            }
        };
        Some(Told::Input(Box::new(input)))
    }

    /// How it ended, with its exit code.
    pub(super) fn end(self, code: u32) -> Result<Box<Input>, Trouble> {
        let summary = match self.ended {
            Some(Ended::Complete(summary)) => summary,
            Some(Ended::Aborted(cause, details)) => return Err(trouble(cause, details)),
            None => {
                let words = if self.last_words.is_empty() {
                    format!("the agent ended with code {code} and no word")
                } else {
                    format!("the agent ended with code {code}: {}", self.last_words)
                };
                return Err(Trouble::Tool(words));
            }
        };
        let missing = summary.failed.saturating_add(summary.unlisted);
        let details = match (missing, self.packs.first()) {
            (0, _) if summary.bytes < self.bytes => {
                format!("{} of {} bytes were restored", summary.bytes, self.bytes)
            }
            (0, _) => String::new(),
            (_, Some(pack)) => format!("{missing} entries are not restored; {pack}"),
            (_, None) => format!("{missing} entries are not restored"),
        };
        Ok(Box::new(Input::RestoreDone(RestoreEnd {
            files: summary.files,
            bytes: summary.bytes,
            verified: details.is_empty(),
            failed: self.failed,
            imperfect: self.imperfect,
            details,
        })))
    }
}

fn keep(list: &mut Vec<String>, entry: impl FnOnce() -> String) {
    if list.len() < NAMED {
        list.push(entry());
    }
}

fn trouble(cause: Cause, details: String) -> Trouble {
    let told = match cause {
        Cause::Ticket | Cause::Plan | Cause::Internal => return Trouble::Tool(details),
        Cause::DiskFull => machine_fault(LostReason::DiskFailed, details),
        Cause::StoreUnreachable => machine_fault(LostReason::StoreUnreachable, details),
        Cause::TargetReadOnly | Cause::Target => run_fault(Code::TargetReadOnly, details),
        Cause::TicketExpired => run_fault(Code::StorageKeyRefused, details),
        Cause::Stopped => run_fault(Code::Interrupted, details),
    };
    Trouble::Told(told)
}

#[cfg(test)]
mod tests {
    use agent::event::Summary;
    use proptest::prelude::*;
    use proptest::{collection, prop_oneof};

    use super::*;

    fn line(event: &Event) -> String {
        serde_json::to_string(event).unwrap() + "\n"
    }

    fn failed(path: &str, part: Part) -> String {
        line(&Event::Failed { path: path.into(), part, problem: "no such pack".into() })
    }

    #[test]
    fn a_log_is_read_in_any_pieces() {
        let progress = Event::Progress(agent::event::Progress {
            files: 3,
            bytes: 40,
            bytes_per_s: 7,
            fetched_bytes: 20,
            connections: 32,
            groups: vec![(1, 10), (1, 20), (1, 10)],
            ..Default::default()
        });
        let critical = Event::Critical { elapsed_ms: 1, files: 2, bytes: 30, failed: 0 };
        let whole = line(&critical) + &line(&progress);
        for piece in 1..whole.len() {
            let mut log = AgentLog::new(100, vec![0, 2]);
            let told: Vec<Told> =
                whole.as_bytes().chunks(piece).flat_map(|bytes| log.read(bytes)).collect();
            let [Told::Input(critical), Told::Input(progress)] = &told[..] else {
                panic!("{told:?}")
            };
            assert!(matches!(**critical, Input::CriticalDone { files: 2, bytes: 30 }));
            let Input::Progress(progress) = &**progress else { panic!("{progress:?}") };
            assert_eq!((progress.bytes_done, progress.bytes), (40, 100));
            assert_eq!(progress.groups_bytes, [10, 10]);
        }
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_imperfect_is_no_failure() {
        let mut log = AgentLog::new(100, Vec::new());
        log.read(failed("w/a", Part::Attributes).as_bytes());
        let whole = Summary { files: 3, bytes: 100, imperfect: 1, ..Summary::default() };
        log.read(line(&Event::Complete(whole)).as_bytes());
        let Ok(end) = log.end(1) else { panic!("it ended") };
        let Input::RestoreDone(end) = *end else { panic!("{end:?}") };
        assert!(end.verified);
        assert_eq!(end.imperfect, ["/w/a: no such pack"]);

        let mut log = AgentLog::new(100, Vec::new());
        let lost = Event::Critical { elapsed_ms: 1, files: 2, bytes: 30, failed: 1 };
        assert!(log.read(line(&lost).as_bytes()).is_empty(), "no mark without every file");
        log.read(failed("w/b", Part::Contents).as_bytes());
        let part = Summary { files: 2, bytes: 60, failed: 1, unlisted: 2, ..Summary::default() };
        log.read(line(&Event::Complete(part)).as_bytes());
        let Ok(end) = log.end(1) else { panic!("it ended") };
        let Input::RestoreDone(end) = *end else { panic!("{end:?}") };
        assert!(!end.verified);
        assert_eq!(end.failed, ["/w/b: no such pack"]);
        assert_eq!(end.details, "3 entries are not restored");
    }

    #[test]
    fn an_end_that_falls_short_is_not_verified() {
        let mut log = AgentLog::new(100, Vec::new());
        let short = Summary { files: 3, bytes: 99, ..Summary::default() };
        log.read(line(&Event::Complete(short)).as_bytes());
        let Ok(end) = log.end(0) else { panic!("it ended") };
        let Input::RestoreDone(end) = *end else { panic!("{end:?}") };
        assert!(!end.verified);
        assert_eq!(end.details, "99 of 100 bytes were restored");
    }

    proptest! {
        /// Whoever has the machine may write anything into the log.
        #[test]
        fn a_hostile_log_is_no_success(
            lines in collection::vec(hostile(), 0..20),
            piece in 1..200usize,
            code in any::<u32>(),
        ) {
            let mut log = AgentLog::new(100, vec![0, 7, usize::MAX]);
            for bytes in lines.concat().chunks(piece) {
                for told in log.read(bytes) {
                    if let Told::Input(input) = told && let Input::Fronted { path, .. } = *input {
                        prop_assert!(!path.chars().any(char::is_control));
                    }
                }
            }
            if let Ok(end) = log.end(code) && let Input::RestoreDone(end) = *end {
                prop_assert!(!end.verified || end.bytes >= 100);
                prop_assert!(end.failed.len() <= NAMED && end.imperfect.len() <= NAMED);
                for text in end.failed.iter().chain(&end.imperfect).chain([&end.details]) {
                    prop_assert!(!text.chars().any(char::is_control), "{text:?}");
                }
            }
        }
    }

    /// A line of any bytes, or one of ours with any numbers and texts in it.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let number = || prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()];
        let numbers = (number(), number(), number(), number());
        let told = (0..6, numbers, any::<Vec<u8>>(), any::<String>());
        let ours = told.prop_map(|(kind, (files, bytes, failed, unlisted), path, problem)| {
            let path = agent::RawPath(path);
            let event = match kind {
                0 => Event::Progress(agent::event::Progress {
                    files,
                    bytes,
                    groups: vec![(failed, unlisted)],
                    ..Default::default()
                }),
                1 => Event::Critical { elapsed_ms: files, files, bytes, failed },
                2 => Event::Fronted { path, is_pending: true },
                3 => Event::Failed { path, part: Part::Contents, problem },
                4 => Event::PackFailed { pack: problem.clone(), problem },
                _ => Event::Complete(Summary {
                    files,
                    bytes,
                    failed,
                    unlisted,
                    ..Summary::default()
                }),
            };
            line(&event).into_bytes()
        });
        prop_oneof![3 => ours, 1 => any::<Vec<u8>>()]
    }

    #[test]
    fn the_tools_own_faults_are_told_from_the_machines() {
        let ended = |cause| {
            let mut log = AgentLog::new(0, Vec::new());
            let (details, summary) = ("why".to_owned(), Summary::default());
            log.read(line(&Event::Aborted { cause, details, summary }).as_bytes());
            log.end(9)
        };
        for cause in [Cause::Ticket, Cause::Plan, Cause::Internal] {
            assert!(matches!(ended(cause), Err(Trouble::Tool(why)) if why == "why"));
        }
        let Err(Trouble::Told(full)) = ended(Cause::DiskFull) else { panic!("a fault") };
        assert!(matches!(*full, Input::WinnerFault { reason: LostReason::DiskFailed, .. }));
        let Err(Trouble::Told(target)) = ended(Cause::TargetReadOnly) else { panic!("a fault") };
        assert!(matches!(*target, Input::RunFault { code: Code::TargetReadOnly, .. }));

        let mut log = AgentLog::new(0, Vec::new());
        log.read(b"sh: /root/.dumont/agent: not found\n");
        let Err(Trouble::Tool(why)) = log.end(127) else { panic!("a fault") };
        assert!(why.ends_with("127: sh: /root/.dumont/agent: not found"), "{why}");
    }
}
