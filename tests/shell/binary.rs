//! The program, run as a user runs it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

/// Longer than any of these runs takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// What a run of the program came to.
pub struct Ended {
    pub code: i32,
    /// Standard output, a JSON object a line.
    pub lines: Vec<Value>,
    pub stderr: String,
}

impl Ended {
    pub fn facts(&self, name: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["fact"] == name).collect()
    }

    /// The code of the error it ended with.
    pub fn error(&self) -> &str {
        self.lines.iter().find_map(|line| line["error"]["code"].as_str()).unwrap_or("none")
    }
}

/// The program in a clean environment.
pub fn program(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dumont-cloud"));
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .env_clear()
        .envs(
            ["PATH", "HOME", "SYSTEMROOT", "DUMONT_RESTIC"]
                .iter()
                .filter_map(|name| Some((*name, std::env::var_os(name)?))),
        )
        // No session bus: these runs bring their secrets along.
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub async fn run(mut command: Command) -> Ended {
    end(command.spawn().unwrap()).await
}

pub async fn end(child: Child) -> Ended {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the program ends")
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    Ended { code: output.status.code().unwrap_or(-1), lines, stderr }
}
