//! Programs of others that tests and benchmarks compare with, each in a folder
//! of its own below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{exists, output, program, run_silently, tools};

/// The suite that has a current restic. Nothing is installed from it.
const SUITE: &str = "sid";

/// A current restic, beside the old one that the system's packages bring:
/// fetched with apt from Debian's development suite and unpacked, so that the
/// system's own packages stay as they are.
pub(crate) fn restic_current() -> Result<PathBuf, String> {
    let folder = tools().join("restic-current");
    let restic = folder.join("usr/bin/restic");
    if is_program(&restic) {
        return Ok(restic);
    }
    if !exists("apt-get") {
        return Err("a current restic is fetched with apt, which is not here".into());
    }
    println!("fetching a current restic from Debian {SUITE}");
    let _ = fs::remove_dir_all(&folder);
    let state = folder.join("apt");
    for name in ["sources", "lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.join(name)).map_err(|error| error.to_string())?;
    }
    let sources = sources_of(SUITE)?;
    write(&state.join("sources/current.sources"), &sources)?;
    write(&state.join("apt.conf"), &configuration(&state))?;
    let apt = |arguments: &[&str]| {
        let mut apt = program("apt-get");
        apt.args(arguments).env("APT_CONFIG", state.join("apt.conf")).current_dir(&folder);
        run_silently(&mut apt)
    };
    apt(&["update", "--quiet"])?;
    apt(&["download", "--quiet", "restic"])?;
    let package = fs::read_dir(&folder)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or("apt fetched no package")?;
    run_silently(program("dpkg-deb").arg("--extract").arg(package).arg(&folder))?;
    let _ = fs::remove_dir_all(&state);
    if is_program(&restic) {
        Ok(restic)
    } else {
        Err("the current restic does not run on this system".into())
    }
}

fn is_program(restic: &Path) -> bool {
    restic.is_file() && output(program(restic).arg("version")).is_some()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The system's own Debian source, asked for another suite.
fn sources_of(suite: &str) -> Result<String, String> {
    let path = "/etc/apt/sources.list.d/debian.sources";
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let first = text.split("\n\n").next().unwrap_or_default();
    let lines = first.lines().map(|line| match line.split_once(':') {
        Some(("Suites", _)) => format!("Suites: {suite}\n"),
        _ => format!("{line}\n"),
    });
    Ok(lines.collect())
}

/// apt with its own lists, and nothing of the system's.
fn configuration(state: &Path) -> String {
    let state = state.display();
    format!(
        "Dir::Etc::SourceList \"/dev/null\";\n\
         Dir::Etc::SourceParts \"{state}/sources\";\n\
         Dir::Etc::PreferencesParts \"/dev/null\";\n\
         Dir::State::Lists \"{state}/lists\";\n\
         Dir::Cache \"{state}/cache\";\n\
         Acquire::Languages \"none\";\n\
         APT::Sandbox::User \"root\";\n"
    )
}
