//! The closed list of what ever runs on a machine.

use sha2::{Digest as _, Sha256};

/// A script of ours. Its text is a file in `scripts/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Script {
    /// What is this machine?
    Preflight,
    /// Receives a file.
    Put,
    /// Where is restic?
    ResticFind,
    /// Installs restic with the image's package manager.
    ResticPackage,
    /// Starts a restore that outlives the connection.
    ResticRestore,
    /// Reads a job's log until it ends.
    JobFollow,
    /// Ends a job.
    JobStop,
    /// How busy is this machine?
    Metrics,
    /// Does our agent stand there?
    AgentFind,
    /// Starts our agent, which outlives the connection.
    AgentStart,
    /// Tells a job something.
    JobTell,
    /// Renews the dead-man's switch of a winner.
    Lease,
    /// Starts the recipe's on-ready script, which outlives the connection.
    ReadyStart,
}

impl Script {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Preflight,
        Self::Put,
        Self::ResticFind,
        Self::ResticPackage,
        Self::ResticRestore,
        Self::JobFollow,
        Self::JobStop,
        Self::Metrics,
        Self::AgentFind,
        Self::AgentStart,
        Self::JobTell,
        Self::Lease,
        Self::ReadyStart,
    ];

    /// Its file's name without the ending.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Put => "put",
            Self::ResticFind => "restic-find",
            Self::ResticPackage => "restic-package",
            Self::ResticRestore => "restic-restore",
            Self::JobFollow => "job-follow",
            Self::JobStop => "job-stop",
            Self::Metrics => "metrics",
            Self::AgentFind => "agent-find",
            Self::AgentStart => "agent-start",
            Self::JobTell => "job-tell",
            Self::Lease => "lease",
            Self::ReadyStart => "ready-start",
        }
    }

    /// Its text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Preflight => include_str!("../scripts/preflight.sh"),
            Self::Put => include_str!("../scripts/put.sh"),
            Self::ResticFind => include_str!("../scripts/restic-find.sh"),
            Self::ResticPackage => include_str!("../scripts/restic-package.sh"),
            Self::ResticRestore => include_str!("../scripts/restic-restore.sh"),
            Self::JobFollow => include_str!("../scripts/job-follow.sh"),
            Self::JobStop => include_str!("../scripts/job-stop.sh"),
            Self::Metrics => include_str!("../scripts/metrics.sh"),
            Self::AgentFind => include_str!("../scripts/agent-find.sh"),
            Self::AgentStart => include_str!("../scripts/agent-start.sh"),
            Self::JobTell => include_str!("../scripts/job-tell.sh"),
            Self::Lease => include_str!("../scripts/lease.sh"),
            Self::ReadyStart => include_str!("../scripts/ready-start.sh"),
        }
    }

    /// By which a practice machine knows it.
    #[must_use]
    pub fn sha256(self) -> [u8; 32] {
        Sha256::digest(self.text()).into()
    }

    /// The script with this hash.
    #[must_use]
    pub fn by_sha256(hash: &[u8; 32]) -> Option<Self> {
        Self::ALL.into_iter().find(|script| script.sha256() == *hash)
    }

    /// The command that receives this script on its standard input and runs
    /// it; what follows the script there is the script's own input. One
    /// channel and one round trip carry all of it.
    #[must_use]
    pub fn command(self) -> String {
        receiver(self.text().len())
    }

    /// How many bytes of script a command of ours waits for.
    #[must_use]
    pub fn length_in(command: &str) -> Option<usize> {
        let digits = command.split("count=").nth(1)?.split(' ').next()?;
        let length = digits.parse().ok()?;
        (receiver(length) == command).then_some(length)
    }
}

/// Every answer begins with this line; what stands before it was said by the
/// machine's login (`.bashrc`, a greeting), not by a script.
pub const ANSWER_MARK: &[u8] = b"\n--dumont--\n";

/// `dd` with one byte a block takes exactly what it is told from a pipe, where
/// `head` and the shells read ahead.
fn receiver(length: usize) -> String {
    format!(
        "sh -c 'umask 077; printf \"\\n--dumont--\\n\"; d=$(mktemp -d) && \
         dd bs=1 count={length} of=\"$d/s\" 2>/dev/null && sh \"$d/s\"; \
         s=$?; rm -rf \"$d\"; exit $s'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_its_length_and_a_hash_its_script() {
        for script in Script::ALL {
            assert_eq!(Script::length_in(&script.command()), Some(script.text().len()));
            assert_eq!(Script::by_sha256(&script.sha256()), Some(script));
        }
        for foreign in ["", "id", "sh -c 'id'", "sh -c 'dd count=5 '; rm -rf /"] {
            assert_eq!(Script::length_in(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_command_prints_the_mark() {
        let mark = String::from_utf8_lossy(ANSWER_MARK).replace('\n', "\\n");
        assert!(Script::Put.command().contains(&format!("printf \"{mark}\"")));
    }

    /// A connection may break anywhere: half the parameters mean something else.
    #[cfg(unix)]
    #[test]
    fn half_the_parameters_do_nothing() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};

        let home = std::env::temp_dir().join(format!("dumont-half-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        for script in Script::ALL {
            let params = crate::Params::new().with("job", "j").with("target", "t").encode();
            for cut in [0, 1, params.len() / 2, params.len() - 2] {
                let mut shell = Command::new("sh")
                    .args(["-c", script.text()])
                    .env("HOME", &home)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap();
                // A script that has ended reads no more.
                let _ = shell.stdin.take().unwrap().write_all(&params[..cut]);
                assert_eq!(shell.wait().unwrap().code(), Some(74), "{}: {cut}", script.name());
            }
        }
        // What was made would keep it from being removed.
        std::fs::remove_dir(&home).unwrap();
    }

    #[test]
    fn scripts_are_free_of_what_only_some_shells_know() {
        for script in Script::ALL {
            for bashism in ["[[", "function ", "<(", "$RANDOM", "read -a", "echo -e", "&>"] {
                assert!(!script.text().contains(bashism), "{} has {bashism}", script.name());
            }
        }
    }
}
