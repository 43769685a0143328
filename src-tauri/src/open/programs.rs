//! Programs of this computer: a closed list. None of them is told anything by
//! a machine or a cloud but a host's name that is ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::{AppError, Code, clean};

use super::HOST;

/// Opens the system's terminal with SSH in it.
///
/// # Errors
/// There is none, or it does not start.
pub(crate) fn terminal(config: &Path) -> Result<(), AppError> {
    let mut command = terminal_with(config).ok_or_else(|| {
        AppError::new(Code::ProgramMissing, "no terminal was found on this computer")
    })?;
    start(&mut command)
}

/// Opens an editor that works on the machine over its own SSH.
///
/// # Errors
/// It is not there, or does not start.
pub(crate) fn editor(names: &[&str], folder: &str) -> Result<(), AppError> {
    let program = names.iter().find_map(|name| on_path(name)).ok_or_else(|| {
        AppError::new(Code::ProgramMissing, format!("{} is not on this computer's path", names[0]))
    })?;
    let folder = clean(folder, 4_096);
    let remote = format!("ssh-remote+{HOST}");
    start(Command::new(program).args(["--remote", &remote, &folder]))
}

#[cfg(target_os = "linux")]
fn terminal_with(config: &Path) -> Option<Command> {
    /// Terminals, the desktop's own choice first, and what each wants before a
    /// program's name.
    const TERMINALS: [(&str, &[&str]); 10] = [
        ("x-terminal-emulator", &["-e"]),
        ("gnome-terminal", &["--"]),
        ("kgx", &["--"]),
        ("konsole", &["-e"]),
        ("xfce4-terminal", &["-x"]),
        ("kitty", &[]),
        ("alacritty", &["-e"]),
        ("wezterm", &["start", "--"]),
        ("foot", &[]),
        ("xterm", &["-e"]),
    ];
    let (program, before) =
        TERMINALS.iter().find_map(|(name, before)| Some((on_path(name)?, before)))?;
    let mut command = Command::new(program);
    command.args(*before).args(ssh(config));
    Some(command)
}

#[cfg(target_os = "macos")]
fn terminal_with(config: &Path) -> Option<Command> {
    let line = ssh(config).map(|word| format!("'{}'", word.replace('\'', r"'\''"))).join(" ");
    let line = line.replace('\\', r"\\").replace('"', "\\\"");
    let mut command = Command::new("osascript");
    command.args(["-e", &format!("tell application \"Terminal\" to do script \"{line}\"")]);
    command.args(["-e", "tell application \"Terminal\" to activate"]);
    Some(command)
}

#[cfg(windows)]
fn terminal_with(config: &Path) -> Option<Command> {
    let program = on_path("wt.exe").or_else(|| on_path("conhost.exe"))?;
    let mut command = Command::new(program);
    command.args(ssh(config));
    Some(command)
}

fn ssh(config: &Path) -> [String; 4] {
    ["ssh".into(), "-F".into(), config.display().to_string(), HOST.into()]
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd"] } else { &[""] };
    std::env::split_paths(&path)
        .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{name}{ending}"))))
        .find(|file| file.is_file())
}

/// Starts it and lets it go; somebody has to see it end all the same.
fn start(command: &mut Command) -> Result<(), AppError> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(
            |error| AppError::new(Code::ProgramMissing, format!("start the program: {error}")),
        )?;
    std::thread::spawn(move || child.wait());
    Ok(())
}
