//! The agent: a static Linux program for each architecture, small enough to
//! travel. The app carries what stands in `src-tauri/agents` when it is built.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::packages::{Need, ensure};
use crate::run::{cargo, exists, program, root, run, run_silently};

/// What rented machines run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    /// This computer's.
    pub(crate) const fn own() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 }
    }

    /// The one that this computer is not.
    pub(crate) const fn other() -> Self {
        match Self::own() {
            Self::X86_64 => Self::Aarch64,
            Self::Aarch64 => Self::X86_64,
        }
    }

    /// As `uname -m` tells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// A compiler for the parts in C, which need no libc but for its headers.
    const fn compiler(self) -> &'static str {
        match self {
            Self::X86_64 => "musl-gcc",
            Self::Aarch64 => "aarch64-linux-gnu-gcc",
        }
    }
}

/// `cargo agent`: all of them, for an app that is given to others.
pub(crate) fn agent(arguments: &[String]) -> Result<ExitCode, String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("cargo agent knows no \"{unknown}\""));
    }
    for arch in [Arch::own(), Arch::other()] {
        println!("{}", install(arch)?.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds it and puts it where the app's build finds it.
pub(crate) fn install(arch: Arch) -> Result<PathBuf, String> {
    let built = build(arch)?;
    let place = root().join("src-tauri/agents").join(format!("dumont-agent-{}", arch.name()));
    let error = |error: std::io::Error| format!("{}: {error}", place.display());
    let program = fs::read(&built).map_err(error)?;
    // The app is built anew only when this file changes.
    if fs::read(&place).ok().as_deref() != Some(program.as_slice()) {
        fs::copy(&built, &place).map_err(error)?;
    }
    Ok(place)
}

/// Brings what a build of it takes.
pub(crate) fn prepare(arch: Arch) -> Result<(), String> {
    let is_own = arch == Arch::own();
    ensure(&[if is_own { Need::Agent } else { Need::OtherAgent }])?;
    if exists("rustup") {
        run_silently(program("rustup").args(["target", "add", arch.target()]))?;
    }
    Ok(())
}

/// Builds it, and tells where it is.
pub(crate) fn build(arch: Arch) -> Result<PathBuf, String> {
    prepare(arch)?;
    let target = arch.target();
    let variable = target.replace('-', "_");
    let mut build = cargo();
    build
        .args(["build", "--quiet", "--package", "agent", "--bin", "dumont-agent"])
        .args(["--profile", "agent", "--target", target])
        .env(format!("CC_{variable}"), arch.compiler());
    if arch == Arch::Aarch64 {
        // Rust brings musl itself; only somebody must put the parts together.
        // The C parts must not call what only glibc has.
        build
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld")
            .env("CFLAGS_aarch64_unknown_linux_musl", "-U_FORTIFY_SOURCE -mno-outline-atomics");
    }
    run(&mut build)?;
    let folder = std::env::var_os("CARGO_TARGET_DIR");
    let folder = folder.map_or_else(|| root().join("target"), PathBuf::from);
    Ok(folder.join(target).join("agent").join("dumont-agent"))
}
