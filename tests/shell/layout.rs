//! The repository's top level is a promise.

use std::path::Path;
use std::process::Command;

#[test]
fn the_top_level_is_what_was_agreed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["ls-tree", "--name-only", "HEAD"])
        .current_dir(root)
        .output()
        .unwrap();
    if !listed.status.success() {
        println!("SKIPPED: not a git checkout");
        return;
    }
    let text = String::from_utf8(listed.stdout).unwrap();
    let agreed = [
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "icons",
        "src-tauri",
        "tauri.conf.json",
        "tests",
        "ui",
    ];
    let odd: Vec<&str> =
        text.lines().filter(|entry| !entry.starts_with('.') && !agreed.contains(entry)).collect();
    assert!(odd.is_empty(), "beside what was agreed: {odd:?}");
}
