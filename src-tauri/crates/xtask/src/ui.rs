//! The web UI's packages and build.

use std::process::Command;
use std::time::SystemTime;

use crate::run::{exists, output, program, root, run};

/// Oldest Node the UI's tools run on.
const NODE: u32 = 20;

/// npm in the UI's folder.
pub(crate) fn npm() -> Command {
    let mut command = program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(root().join("ui"));
    command
}

/// Installs the UI's packages, if the lock file is newer than they are.
pub(crate) fn install() -> Result<(), String> {
    let version = output(program("node").arg("--version"))
        .and_then(|text| text.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    match version {
        Some(version) if version >= NODE => {}
        Some(version) => {
            return Err(format!("install Node {NODE} or newer; this is Node {version}"));
        }
        None if exists("node") => return Err("node does not tell its version".into()),
        None => return Err(format!("install Node {NODE} or newer, with npm")),
    }
    let changed = |path: &str| -> Option<SystemTime> {
        std::fs::metadata(root().join("ui").join(path)).ok()?.modified().ok()
    };
    let stamp = changed("node_modules/.package-lock.json");
    if stamp.is_some() && stamp >= changed("package-lock.json") {
        return Ok(());
    }
    run(npm().args(["ci", "--no-audit", "--no-fund"]))
}

/// Builds the UI into `ui/dist`.
pub(crate) fn build() -> Result<(), String> {
    run(npm().args(["run", "--silent", "build"]))
}
