//! What the package needs before it compiles.

#![expect(clippy::expect_used, reason = "a build that cannot go on ends")]

fn main() {
    agents::embed();
    #[cfg(feature = "window")]
    window::prepare();
}

/// `cargo agent` puts the programs for rented machines into a folder of ours;
/// whatever stands there is carried, packed as it is sent.
mod agents {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::{env, fs};

    const FOLDER: &str = "src-tauri/agents";
    /// What most machines want comes first.
    const ARCHES: [&str; 2] = ["x86_64", "aarch64"];

    pub(super) fn embed() {
        println!("cargo::rerun-if-changed={FOLDER}");
        println!("cargo::rerun-if-changed=src-tauri/build.rs");
        let out = env::var_os("OUT_DIR").map(PathBuf::from).expect("cargo sets OUT_DIR");
        let mut list = String::from("[");
        for arch in ARCHES {
            let agent = format!("{FOLDER}/dumont-agent-{arch}");
            let Ok(program) = fs::read(agent) else { continue };
            let packed = out.join(format!("agent-{arch}.gz"));
            let mut gzip = flate2::write::GzEncoder::new(
                fs::File::create(&packed).expect("write the packed agent"),
                flate2::Compression::best(),
            );
            gzip.write_all(&program).expect("pack the agent");
            gzip.finish().expect("pack the agent");
            let packed = packed.display().to_string();
            let bytes = format!("bytes::Bytes::from_static(include_bytes!({packed:?}))");
            write!(list, "({arch:?}, {bytes}),").expect("write to a string");
        }
        let none = list == "[";
        if none && env::var("PROFILE").is_ok_and(|profile| profile == "release") {
            println!("cargo::warning=no agent is carried: `cargo agent` builds it");
        }
        let list = if none { "[(\"\", bytes::Bytes::new()); 0]".to_owned() } else { list + "]" };
        fs::write(out.join("agents.rs"), list).expect("write agents.rs");
    }
}

#[cfg(feature = "window")]
mod window {
    use std::path::Path;

    /// Shown where the UI was not built: `cargo practice` builds it.
    const NO_UI: &str = "<!doctype html><meta charset=utf-8><title>Dumont Cloud</title>\
        <p>This window was built without its UI. <code>cargo practice</code> builds both.";

    pub(super) fn prepare() {
        // The folder is compiled in, so it has to exist.
        let dist = Path::new("ui/dist");
        if !dist.join("index.html").exists() {
            std::fs::create_dir_all(dist).expect("make ui/dist");
            std::fs::write(dist.join("index.html"), NO_UI).expect("write ui/dist/index.html");
        }
        let attributes = tauri_build::Attributes::new()
            .capabilities_path_pattern("src-tauri/capabilities/**/*")
            .app_manifest(
                tauri_build::AppManifest::new()
                    .permissions_path_pattern("src-tauri/permissions/**/*.toml"),
            );
        tauri_build::try_build(attributes).expect("prepare the window");
    }
}
