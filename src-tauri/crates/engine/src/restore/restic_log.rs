//! Reads the log of a restore with stock restic: its JSON (restic 0.16 and
//! newer report progress and a summary), its text (older ones say nothing
//! until they have verified), and the marks of our own script between.

use model::{Code, LostReason, clean};
use race::RestoreEnd;
use repository::Counts;
use serde::Deserialize;

/// Longest line that is kept; restic's own are far shorter.
const LINE_LIMIT: usize = 64 << 10;
/// Failed files that are named.
const FAILED_NAMED: usize = 100;

/// Something the log told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogEvent {
    /// Files and bytes done in all.
    Progress { files: u64, bytes: u64 },
    /// The critical paths are there.
    CriticalDone,
}

/// Who is to blame for a restore that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The machine: another one may do.
    Machine(LostReason, String),
    /// No other machine cures this.
    Run(Code, String),
}

/// Reads a log as it grows.
#[derive(Debug)]
pub(crate) struct ResticLog {
    counts: Counts,
    line: Vec<u8>,
    phase: Phase,
    /// Bytes and files that finished phases restored.
    before: (u64, u64),
    /// Bytes and files this phase has restored.
    now: (u64, u64),
    /// Files restic says it has verified.
    verified_files: u64,
    summaries: u32,
    phases_done: u32,
    failed: Vec<String>,
    fatal: String,
    exit_code: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Critical,
    Rest,
}

#[derive(Deserialize)]
#[serde(tag = "message_type", rename_all = "snake_case")]
enum Message {
    Status {
        #[serde(default)]
        files_restored: u64,
        #[serde(default)]
        bytes_restored: u64,
    },
    Summary {
        #[serde(default)]
        files_restored: u64,
        #[serde(default)]
        bytes_restored: u64,
    },
    Error {
        #[serde(default)]
        item: String,
        #[serde(default)]
        error: ErrorText,
    },
    ExitError {
        #[serde(default)]
        code: u32,
        #[serde(default)]
        message: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorText {
    message: String,
}

impl ResticLog {
    pub(crate) fn new(counts: Counts) -> Self {
        let phase = if counts.critical.is_empty() { Phase::Rest } else { Phase::Critical };
        Self {
            counts,
            line: Vec::new(),
            phase,
            before: (0, 0),
            now: (0, 0),
            verified_files: 0,
            summaries: 0,
            phases_done: 0,
            failed: Vec::new(),
            fatal: String::new(),
            exit_code: 0,
        }
    }

    /// Takes further bytes of the log.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<LogEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                events.extend(self.take(&String::from_utf8_lossy(&line)));
            } else if self.line.len() < LINE_LIMIT {
                self.line.push(byte);
            }
        }
        events
    }

    /// How it ended, with the script's own exit code.
    pub(crate) fn end(self, code: u32) -> Result<RestoreEnd, Blame> {
        let (done, bytes) = self.done();
        let files = self.counts.files;
        if code == 0 && self.failed.is_empty() {
            let details = self.shortfall(bytes);
            let verified = details.is_empty();
            return Ok(RestoreEnd {
                files: if verified { files } else { done },
                bytes: if verified { self.counts.bytes } else { bytes },
                verified,
                failed: Vec::new(),
                imperfect: Vec::new(),
                details,
            });
        }
        let details = if self.fatal.is_empty() {
            format!("restic ended with code {code}")
        } else {
            self.fatal.clone()
        };
        if let Some(blame) = self.blame(&details) {
            return Err(blame);
        }
        Ok(RestoreEnd {
            files: done,
            bytes,
            verified: false,
            failed: self.failed,
            imperfect: Vec::new(),
            details,
        })
    }

    /// What is missing although restic says it succeeded.
    fn shortfall(&self, bytes: u64) -> String {
        let phases = if self.counts.critical.is_empty() { 1 } else { 2 };
        if self.phases_done < phases {
            return "the log ends before the restore does".into();
        }
        if self.summaries == phases {
            // A file linked into both parts is counted in both.
            if bytes < self.counts.bytes {
                return format!("{bytes} of {} bytes were restored", self.counts.bytes);
            }
        } else if self.verified_files < self.counts.files {
            return format!("{} of {} files were verified", self.verified_files, self.counts.files);
        }
        String::new()
    }

    fn blame(&self, details: &str) -> Option<Blame> {
        let text = details.to_ascii_lowercase();
        let first = self.failed.first().cloned().unwrap_or_default();
        let all = self.failed.iter().map(|line| line.to_ascii_lowercase()).collect::<Vec<_>>();
        let says = |word: &str| text.contains(word) || all.iter().any(|line| line.contains(word));
        let details = details.to_owned();
        if says("no space left") || says("input/output error") {
            return Some(Blame::Machine(LostReason::DiskFailed, details));
        }
        if self.exit_code == 12 || says("wrong password") {
            return Some(Blame::Run(Code::RepositoryPasswordWrong, details));
        }
        if self.exit_code == 10 || says("is there a repository at") {
            return Some(Blame::Run(Code::NotARepository, details));
        }
        if says("access denied") || says("invalidaccesskeyid") || says("signaturedoesnotmatch") {
            return Some(Blame::Run(Code::StorageKeyRefused, details));
        }
        if says("read-only file system") {
            return Some(Blame::Run(Code::TargetReadOnly, details));
        }
        if says("ciphertext verification failed")
            || says("hash does not match")
            || says("wrong data returned")
        {
            let what = if first.is_empty() { details } else { first };
            return Some(Blame::Run(Code::PackDamaged, what));
        }
        if says("no such file or directory") && says("executable") || says("not found: restic") {
            return Some(Blame::Run(Code::ToolMissing, details));
        }
        None
    }

    fn take(&mut self, line: &str) -> Option<LogEvent> {
        if let Some(mark) = line.strip_prefix('@') {
            return self.mark(mark);
        }
        if line.starts_with('{')
            && let Ok(message) = serde_json::from_str(line)
        {
            return self.message(message);
        }
        self.text(line)
    }

    fn mark(&mut self, mark: &str) -> Option<LogEvent> {
        let mut words = mark.split(' ');
        match (words.next()?, words.next()?, words.next()) {
            ("phase", phase, None) => {
                self.phase = if phase == "critical" { Phase::Critical } else { Phase::Rest };
                self.now = (0, 0);
                None
            }
            ("done", _, Some(code)) => {
                if code != "0" {
                    return None;
                }
                self.phases_done = self.phases_done.saturating_add(1);
                let was = self.phase;
                if was == Phase::Critical {
                    // What restic counted beside the files (folders, links)
                    // does not belong into our count of files.
                    let bytes = self.now.1.max(self.counts.critical_bytes);
                    self.before = (self.counts.critical_files, bytes);
                    self.now = (0, 0);
                }
                (was == Phase::Critical).then_some(LogEvent::CriticalDone)
            }
            ("io", written, None) => {
                let written: u64 = written.parse().ok()?;
                self.now.1 = self.now.1.max(written.min(self.phase_bytes()));
                Some(self.progress())
            }
            _ => None,
        }
    }

    fn message(&mut self, message: Message) -> Option<LogEvent> {
        match message {
            Message::Status { files_restored, bytes_restored } => {
                self.now = (files_restored, bytes_restored);
                Some(self.progress())
            }
            Message::Summary { files_restored, bytes_restored } => {
                self.summaries = self.summaries.saturating_add(1);
                self.now = (files_restored, bytes_restored);
                Some(self.progress())
            }
            Message::Error { item, error } => {
                self.fail(&format!("{item}: {}", error.message));
                None
            }
            Message::ExitError { code, message } => {
                self.exit_code = code;
                self.fatal = clean(&message, 500);
                None
            }
            Message::Other => None,
        }
    }

    fn text(&mut self, line: &str) -> Option<LogEvent> {
        if let Some(rest) = line.strip_prefix("finished verifying ") {
            let files: u64 = rest.split(' ').next()?.parse().ok()?;
            self.verified_files = self.verified_files.saturating_add(files);
        } else if let Some(rest) = line.strip_prefix("ignoring error for ") {
            self.fail(rest);
        } else if line.starts_with("Fatal: ") || line.contains("command not found") {
            self.fatal = clean(line, 500);
        }
        None
    }

    fn fail(&mut self, what: &str) {
        if self.failed.len() < FAILED_NAMED {
            self.failed.push(clean(what, 400));
        }
    }

    fn phase_bytes(&self) -> u64 {
        match self.phase {
            Phase::Critical => self.counts.critical_bytes,
            Phase::Rest => self.counts.bytes.saturating_sub(self.before.1),
        }
    }

    /// Files and bytes of all phases so far. A machine may tell any number.
    const fn done(&self) -> (u64, u64) {
        (self.before.0.saturating_add(self.now.0), self.before.1.saturating_add(self.now.1))
    }

    fn progress(&self) -> LogEvent {
        let (files, bytes) = self.done();
        LogEvent::Progress {
            files: files.min(self.counts.files),
            bytes: bytes.min(self.counts.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, prop_oneof};
    use repository::CriticalPath;

    use super::*;

    fn counts() -> Counts {
        Counts {
            files: 306,
            bytes: 60_600_003,
            critical_files: 301,
            critical_bytes: 600_002,
            critical: vec![CriticalPath {
                asked: "code".into(),
                path: b"/workspace/code".to_vec(),
            }],
            ..Counts::default()
        }
    }

    #[test]
    fn a_log_with_json_is_read() {
        let mut log = ResticLog::new(counts());
        let text = "@phase critical\n\
            {\"message_type\":\"status\",\"seconds_elapsed\":1,\"percent_done\":0.5,\"total_files\":302,\"files_restored\":100,\"total_bytes\":600002,\"bytes_restored\":300000}\n\
            {\"message_type\":\"summary\",\"total_files\":302,\"files_restored\":304,\"total_bytes\":600002,\"bytes_restored\":600002}\n\
            @done critical 0\n@phase rest\n\
            {\"message_type\":\"summary\",\"total_files\":8,\"files_restored\":8,\"total_bytes\":60002001,\"bytes_restored\":60002001}\n\
            @done rest 0\n";
        // In small pieces, as the network brings it.
        let events: Vec<LogEvent> =
            text.as_bytes().chunks(7).flat_map(|piece| log.read(piece)).collect();
        assert_eq!(events[0], LogEvent::Progress { files: 100, bytes: 300_000 });
        assert_eq!(events[2], LogEvent::CriticalDone);
        assert_eq!(events[3], LogEvent::Progress { files: 306, bytes: 60_600_003 });
        let end = log.end(0).unwrap();
        assert!(end.verified, "{}", end.details);
        assert_eq!((end.files, end.bytes), (306, 60_600_003));
    }

    #[test]
    fn an_old_restic_is_measured_and_has_to_verify() {
        let text = |verified: u32| {
            format!(
                "@phase critical\nrestoring <Snapshot 9dad90b7> to /\n@io 500\n@io 900000\n\
                 verifying files in /\nfinished verifying 301 files in / (took 5ms)\n\
                 @done critical 0\n@phase rest\n@io 30000000\n\
                 finished verifying {verified} files in / (took 53ms)\n@done rest 0\n"
            )
        };
        let mut log = ResticLog::new(counts());
        let events = log.read(text(5).as_bytes());
        assert_eq!(events[1], LogEvent::Progress { files: 0, bytes: 600_002 });
        assert_eq!(events.last(), Some(&LogEvent::Progress { files: 301, bytes: 30_600_002 }));
        assert!(log.end(0).unwrap().verified);

        let mut log = ResticLog::new(counts());
        log.read(text(4).as_bytes());
        let end = log.end(0).unwrap();
        assert!(!end.verified);
        assert_eq!(end.details, "305 of 306 files were verified");
    }

    /// A line of any bytes, or one of restic's or our script's with any number.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let number = prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
        let said = (0..9, number, any::<String>()).prop_map(|(kind, number, text)| {
            let json = |value: serde_json::Value| value.to_string();
            let counts = |kind: &str| {
                json(serde_json::json!({
                    "message_type": kind, "files_restored": number, "bytes_restored": number,
                }))
            };
            let line = match kind {
                0 => "@phase critical".to_owned(),
                1 => "@phase rest".to_owned(),
                2 => "@done rest 0".to_owned(),
                3 => format!("@io {number}"),
                4 => counts("status"),
                5 => counts("summary"),
                6 => format!("finished verifying {number} files in /"),
                7 => json(serde_json::json!({
                    "message_type": "error", "item": text, "error": { "message": text },
                })),
                _ => format!("ignoring error for {text}"),
            };
            (line + "\n").into_bytes()
        });
        prop_oneof![4 => said, 1 => any::<Vec<u8>>()]
    }

    proptest! {
        /// Whoever has the machine may write anything into the log.
        #[test]
        fn a_hostile_log_is_read_to_its_end(
            lines in collection::vec(hostile(), 0..30),
            piece in 1..200usize,
            code in 0..3u32,
        ) {
            let mut log = ResticLog::new(counts());
            for event in lines.concat().chunks(piece).flat_map(|bytes| log.read(bytes)) {
                if let LogEvent::Progress { files, bytes } = event {
                    prop_assert!(files <= 306 && bytes <= 60_600_003);
                }
            }
            if let Ok(end) = log.end(code) {
                prop_assert!(!end.verified || code == 0);
                for text in end.failed.iter().chain([&end.details]) {
                    prop_assert!(!text.chars().any(char::is_control), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn success_without_the_bytes_is_no_success() {
        let mut log = ResticLog::new(counts());
        log.read(
            b"@phase rest\n{\"message_type\":\"summary\",\"bytes_restored\":5}\n@done rest 0\n",
        );
        assert!(!log.end(0).unwrap().verified);
        assert!(!ResticLog::new(counts()).end(0).unwrap().verified, "an empty log proves nothing");
    }

    #[test]
    fn failures_name_their_files_or_their_cause() {
        let mut log = ResticLog::new(counts());
        log.read(b"{\"message_type\":\"error\",\"error\":{\"message\":\"lchown: not permitted\"},\"during\":\"restore\",\"item\":\"/a\"}\n");
        log.read(b"{\"message_type\":\"exit_error\",\"code\":1,\"message\":\"Fatal: There were 1 errors\"}\n");
        let end = log.end(1).unwrap();
        assert_eq!(end.failed, ["/a: lchown: not permitted"]);
        assert_eq!(end.details, "Fatal: There were 1 errors");

        let blamed = |text: &str, code| {
            let mut log = ResticLog::new(counts());
            log.read(text.as_bytes());
            log.end(code).unwrap_err()
        };
        assert!(matches!(
            blamed("ignoring error for /x: write /x: no space left on device\nFatal: errors\n", 1),
            Blame::Machine(LostReason::DiskFailed, _)
        ));
        assert!(matches!(
            blamed(
                "{\"message_type\":\"exit_error\",\"code\":12,\"message\":\"Fatal: wrong password\"}\n",
                12
            ),
            Blame::Run(Code::RepositoryPasswordWrong, _)
        ));
        assert!(matches!(
            blamed("Fatal: unable to open config file: Stat: Access Denied.\n", 1),
            Blame::Run(Code::StorageKeyRefused, _)
        ));
    }
}
