//! The desktop's restic, run in a clean room: none of the user's settings, no
//! cache, and the password in the environment of that one process only.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::process::Command;

use super::{WorkspaceError, trouble};

/// A version as restic prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the usual three numbers")]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// The first restic that chooses pack sizes and compresses.
pub const OLDEST_RESTIC: Version = Version { major: 0, minor: 14, patch: 0 };

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// From `restic 0.14.0 compiled with go1.19.8 on linux/amd64`.
    fn read(text: &str) -> Option<Self> {
        let number = text.strip_prefix("restic ")?.split_whitespace().next()?;
        // 0.17.0-dev (compiled manually), 0.12.1-rc1
        let mut parts = number.split(['-', '+']).next()?.split('.').map(|part| part.parse().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().unwrap_or(Some(0))?;
        Some(Self { major, minor, patch })
    }
}

/// The restic that `DUMONT_RESTIC` names, else the first on `PATH`; absent if
/// there is none that says its version.
pub async fn find_restic() -> Option<(PathBuf, Version)> {
    let found = match env::var_os("DUMONT_RESTIC").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => on_path(&env::var_os("PATH")?)?,
    };
    let version = version(&found).await.ok()?;
    Some((found, version))
}

fn on_path(path: &OsStr) -> Option<PathBuf> {
    let name = format!("restic{}", env::consts::EXE_SUFFIX);
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

/// # Errors
/// [`WorkspaceError::ResticMissing`] or [`WorkspaceError::ResticUnknown`].
pub(super) async fn version(restic: &Path) -> Result<Version, WorkspaceError> {
    let output = Command::new(restic)
        .arg("version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|_| WorkspaceError::ResticMissing(restic.to_owned()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Version::read(&text).ok_or_else(|| WorkspaceError::ResticUnknown(restic.to_owned()))
}

/// restic on one local repository.
#[derive(Debug)]
pub(super) struct Restic {
    program: PathBuf,
    repository: PathBuf,
    password: SecretString,
    home: TempDir,
}

impl Restic {
    pub fn new(
        program: &Path,
        repository: &Path,
        password: SecretString,
    ) -> Result<Self, WorkspaceError> {
        let home = tempfile::tempdir().map_err(|error| trouble("make", &env::temp_dir(), error))?;
        Ok(Self { program: program.to_owned(), repository: repository.to_owned(), password, home })
    }

    /// Runs a subcommand in a folder; gives what it printed.
    ///
    /// # Errors
    /// [`WorkspaceError::ResticMissing`] or [`WorkspaceError::Restic`].
    pub async fn run(
        &self,
        folder: &Path,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<Vec<u8>, WorkspaceError> {
        let mut run = Command::new(&self.program);
        run.env_clear();
        // Windows programs do not start without the first; the others say
        // where temporary files go.
        for name in ["SystemRoot", "TMPDIR", "TMP", "TEMP"] {
            run.envs(env::var_os(name).map(|value| (name, value)));
        }
        run.env("HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path())
            .env("LocalAppData", self.home.path())
            .env("TZ", "UTC")
            .env("RESTIC_PASSWORD", self.password.expose_secret())
            .arg("--repo")
            .arg(&self.repository)
            .args(["--no-cache", "--json", command])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let missing = |_| WorkspaceError::ResticMissing(self.program.clone());
        let output = run.output().await.map_err(missing)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let end = said.lines().rev().take(5).collect::<Vec<_>>();
        let said = end.into_iter().rev().collect::<Vec<_>>().join(" / ");
        let output = format!("{}: {}", output.status, model::clean(&said, 600));
        Err(WorkspaceError::Restic { command, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_restic_prints_them() {
        let read = |text| Version::read(text).map(|version| version.to_string());
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(read("restic 0.14.0 compiled with go1.19.8 on linux/amd64\n"), of("0.14.0"));
        assert_eq!(read("restic 0.18.1-dev (compiled manually) compiled with go"), of("0.18.1"));
        assert_eq!(read("restic 1.2"), of("1.2.0"));
        for text in ["", "restic", "restic x.y.z", "rustic 0.9.0", "restic 0.99999999999.0"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(Version { major: 0, minor: 9, patch: 6 } < OLDEST_RESTIC);
    }

    #[test]
    fn only_absolute_folders_of_path_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(format!("restic{}", env::consts::EXE_SUFFIX));
        assert_eq!(on_path(folder.path().as_os_str()), None);
        std::fs::write(&program, "").unwrap();
        assert_eq!(on_path(folder.path().as_os_str()), Some(program));
        assert_eq!(on_path(OsStr::new("")), None);
    }
}
