//! System packages: on Debian and its kin they are installed, elsewhere it is
//! said exactly what to install.

use std::collections::BTreeSet;

use crate::run::{exists, output, program, run};

/// What something needs of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To launch in the terminal.
    Headless,
    /// To build and open the window.
    Window,
    /// To run every test.
    Tests,
    /// To build the agent for this computer's architecture.
    Agent,
    /// To build the agent for the other one, and to run it.
    OtherAgent,
}

impl Need {
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Headless => &["build-essential", "pkg-config", "restic"],
            Self::Window => &[
                "libayatana-appindicator3-dev",
                "librsvg2-dev",
                "libwebkit2gtk-4.1-dev",
                "libxdo-dev",
            ],
            Self::Tests => &[
                "busybox",
                "chromium",
                "dbus-x11",
                "dunst",
                "gnome-keyring",
                "imagemagick",
                "openssh-server",
                "python3-venv",
                "webkit2gtk-driver",
                "xauth",
                "xvfb",
            ],
            Self::Agent => &["musl-tools"],
            Self::OtherAgent => &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"],
        }
    }
}

/// Makes sure that all of it is there.
pub(crate) fn ensure(needs: &[Need]) -> Result<(), String> {
    let wanted: BTreeSet<&str> = needs.iter().flat_map(|need| need.packages()).copied().collect();
    if !exists("apt-get") {
        return elsewhere(needs, &wanted);
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing with apt-get: {}", missing.join(" "));
    apt(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends", "--quiet"];
    arguments.extend(missing);
    apt(&arguments)
}

fn is_installed(package: &str) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package];
    output(program("dpkg-query").args(query)).is_some_and(|status| status == "installed")
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let is_root = output(program("id").arg("-u")).is_some_and(|id| id == "0");
    let mut command = if is_root {
        program("apt-get")
    } else {
        let mut command = program("sudo");
        command.arg("apt-get");
        command
    };
    run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Not Debian: what a person has to install by hand.
fn elsewhere(needs: &[Need], wanted: &BTreeSet<&str>) -> Result<(), String> {
    let restic = exists("restic") || !wanted.contains("restic");
    if cfg!(target_os = "macos") {
        if restic {
            return Ok(());
        }
        return Err("install restic first: `brew install restic`".into());
    }
    if cfg!(windows) {
        if restic {
            return Ok(());
        }
        return Err("install restic first: `winget install restic.restic`".into());
    }
    if restic && !needs.contains(&Need::Window) && !needs.contains(&Need::Tests) {
        return Ok(());
    }
    let list: Vec<&str> = wanted.iter().copied().collect();
    println!(
        "this system has no apt-get; these must be installed under its own names:\n  {}",
        list.join(" ")
    );
    Ok(())
}
