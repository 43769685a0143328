//! `cargo practice`.

use std::process::ExitCode;

use crate::packages::{Need, ensure};
use crate::run::{cargo, program, root, run};
use crate::ui;

pub(crate) fn practice(mut arguments: Vec<String>) -> Result<ExitCode, String> {
    let asked = arguments.iter().position(|argument| argument == "--headless");
    if let Some(index) = asked {
        arguments.remove(index);
    }
    let headless = asked.is_some() || !has_display();
    if headless && asked.is_none() {
        println!("no display here: launching in the terminal");
    }
    if headless {
        ensure(&[Need::Headless])?;
        run(cargo().args(["build", "--quiet", "--package", "dumont-cloud"]))?;
    } else {
        ensure(&[Need::Headless, Need::Window])?;
        ui::install()?;
        ui::build()?;
        run(cargo().args(["build", "--package", "dumont-cloud", "--features", "window"]))?;
    }
    let binary = root().join("target/debug").join(if cfg!(windows) {
        "dumont-cloud.exe"
    } else {
        "dumont-cloud"
    });
    let mut command = program(binary);
    if headless {
        command.arg("launch");
    }
    if !arguments.iter().any(|argument| argument.starts_with("--practice")) {
        command.arg("--practice");
    }
    let status = command
        .args(&arguments)
        .status()
        .map_err(|error| format!("the program did not start: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn has_display() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
