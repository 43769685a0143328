//! Our own part of the SSH configuration: one file that names every machine
//! opened from this app, and one line in the user's own that includes it, so
//! that editors find the names. Nothing else of the user's is touched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use engine::Access;
use model::{AppError, Code, Endpoint, MachineId, clean};

use super::HOST;
use crate::setup::World;

const CONFIG: &str = "config";
const KNOWN_HOSTS: &str = "known_hosts";
/// A host's name or address is never longer.
const LONGEST: usize = 255;

/// Machines that were opened, the last one last.
#[derive(Debug, Default)]
pub(crate) struct Config {
    machines: BTreeMap<MachineId, Machine>,
    last: Option<MachineId>,
}

#[derive(Debug)]
struct Machine {
    endpoint: Endpoint,
    host_key: String,
    /// The public half of the run's key: by it SSH picks the agent's.
    public_key: String,
}

/// Where our SSH files are.
///
/// # Errors
/// The folder cannot be made.
pub(crate) fn folder(world: &World) -> Result<PathBuf, AppError> {
    let folder = world.folder()?.join("ssh");
    private_folder(&folder).map_err(|error| unwritable(&folder, &error))?;
    Ok(folder)
}

/// The configuration itself.
///
/// # Errors
/// As [`folder`].
pub(crate) fn file(world: &World) -> Result<PathBuf, AppError> {
    Ok(folder(world)?.join(CONFIG))
}

impl Config {
    /// Takes a machine up; it is the one called `dumont` from now on.
    pub(crate) fn add(&mut self, access: &Access) {
        let machine = Machine {
            endpoint: access.endpoint.clone(),
            host_key: access.host_key.clone(),
            public_key: access.public_key.clone(),
        };
        self.machines.insert(access.machine.clone(), machine);
        self.last = Some(access.machine.clone());
    }

    /// Writes both files, and the line that includes them.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(&self, world: &World, agent: &Path) -> Result<(), AppError> {
        let folder = folder(world)?;
        let known = folder.join(KNOWN_HOSTS);
        let config = folder.join(CONFIG);
        private_file(&known, &self.known_hosts()).map_err(|error| unwritable(&known, &error))?;
        for (id, machine) in &self.machines {
            let public = public_file(&folder, id);
            private_file(&public, &format!("{}\n", machine.public_key))
                .map_err(|error| unwritable(&public, &error))?;
        }
        private_file(&config, &self.text(agent, &folder))
            .map_err(|error| unwritable(&config, &error))?;
        if let Some(dirs) = directories::BaseDirs::new() {
            let user = dirs.home_dir().join(".ssh");
            include(&user, &config).map_err(|error| unwritable(&user, &error))?;
        }
        Ok(())
    }

    fn text(&self, agent: &Path, folder: &Path) -> String {
        let mut text = String::from("# Written by Dumont Cloud; changes are lost.\n");
        for (id, machine) in &self.machines {
            let last = if self.last.as_ref() == Some(id) { HOST } else { "" };
            let Endpoint { host, port, user } = &machine.endpoint;
            let _ = write!(
                text,
                "\nHost {last}{space}{HOST}-{id}\n  HostName {host}\n  Port {port}\n  User {user}\n  \
                 HostKeyAlias {HOST}-{id}\n  IdentityAgent {agent}\n  IdentitiesOnly yes\n  \
                 IdentityFile {public}\n  UserKnownHostsFile {known}\n  \
                 GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  ForwardAgent no\n",
                space = if last.is_empty() { "" } else { " " },
                id = word(id.as_str()),
                host = word(host),
                user = word(user),
                agent = quoted(agent),
                known = quoted(&folder.join(KNOWN_HOSTS)),
                public = quoted(&public_file(folder, id)),
            );
        }
        text
    }

    fn known_hosts(&self) -> String {
        let mut text = String::new();
        for (id, machine) in &self.machines {
            let key = clean(&machine.host_key, 4_096);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{HOST}-{} {key}", word(id.as_str()));
        }
        text
    }
}

/// What stands in the configuration as one word: clouds and machines say
/// nothing that could become a line of its own (rules.md T7).
fn word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".:-_[]".contains(*c))
        .take(LONGEST)
        .collect()
}

fn public_file(folder: &Path, machine: &MachineId) -> PathBuf {
    folder.join(format!("{HOST}-{}.pub", word(machine.as_str())))
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// The line in the user's own configuration, once, at its top: there it holds
/// for every name.
fn include(user: &Path, config: &Path) -> io::Result<()> {
    private_folder(user)?;
    let own = user.join("config");
    let line = format!("Include {}", quoted(config));
    let text = match std::fs::read_to_string(&own) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if text.lines().any(|known| known.trim() == line) {
        return Ok(());
    }
    private_file(&own, &format!("{line}\n\n{text}"))
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let fresh = !folder.exists();
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    if fresh {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = fresh;
    Ok(())
}

/// Writes it beside its place and moves it there, so that nobody reads half.
fn private_file(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("dumont-new");
    std::fs::write(&new, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    }
    std::fs::rename(new, path)
}

fn unwritable(path: &Path, error: &io::Error) -> AppError {
    AppError::new(Code::LedgerUnusable, format!("write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config = Config::default();
        for (id, host) in [("7001", "203.0.113.24"), ("7002", "ssh4.example.net\nProxyCommand rm")]
        {
            let id = MachineId::new(id);
            let endpoint = Endpoint { host: host.into(), port: 22_022, user: "root".into() };
            let host_key = "ssh-ed25519 AAAA\nevil".into();
            let public_key = "ssh-ed25519 BBBB".into();
            config.machines.insert(id.clone(), Machine { endpoint, host_key, public_key });
            config.last = Some(id);
        }
        config
    }

    #[test]
    fn the_file_says_what_the_rule_says_and_no_more() {
        let text = config().text(Path::new("/d/agent.sock"), Path::new("/our files"));
        assert!(text.contains("Host dumont-7001\n"));
        assert!(text.contains("Host dumont dumont-7002\n"));
        for line in [
            "IdentityAgent \"/d/agent.sock\"",
            "IdentitiesOnly yes",
            "UserKnownHostsFile \"/our files/known_hosts\"",
            "StrictHostKeyChecking yes",
            "ForwardAgent no",
        ] {
            assert_eq!(text.matches(line).count(), 2, "{line}");
        }
        assert!(text.contains("IdentityFile \"/our files/dumont-7002.pub\"\n"));
        assert!(text.contains("HostName ssh4.example.netProxyCommandrm\n"));
        assert_eq!(config().known_hosts().lines().count(), 2);
    }

    #[test]
    fn the_user_s_file_is_included_into_once() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join(".ssh");
        std::fs::create_dir(&user).unwrap();
        std::fs::write(user.join("config"), "Host mine\n  User me\n").unwrap();
        for _ in 0..2 {
            include(&user, Path::new("/d/config")).unwrap();
        }
        let text = std::fs::read_to_string(user.join("config")).unwrap();
        assert_eq!(text, "Include \"/d/config\"\n\nHost mine\n  User me\n");
    }
}
