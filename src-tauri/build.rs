//! What the package needs before it compiles.

#![cfg_attr(
    feature = "window",
    expect(clippy::expect_used, reason = "a build that cannot go on ends")
)]

fn main() {
    #[cfg(feature = "window")]
    window::prepare();
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
