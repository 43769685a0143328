//! The agent: a static Linux program for each architecture, small enough to
//! travel.

use std::path::PathBuf;

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

/// Builds it, and tells where it is.
pub(crate) fn build(arch: Arch) -> Result<PathBuf, String> {
    let is_own = arch == Arch::own();
    ensure(&[if is_own { Need::Agent } else { Need::OtherAgent }])?;
    let target = arch.target();
    if exists("rustup") {
        run_silently(program("rustup").args(["target", "add", target]))?;
    }
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
