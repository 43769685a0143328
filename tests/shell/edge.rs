//! The window's typed edge: bindings, permissions and answers, on a runtime
//! without a window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dumont_shell::api;
use dumont_shell::engine_slot::EngineSlot;
use dumont_shell::setup::World;
use dumont_shell::window::compose;
use engine::MemoryVault;
use specta_typescript::Typescript;
use tauri::Manager as _;
use tauri::ipc::CallbackFn;
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `UPDATE_BINDINGS=1` writes them anew.
#[test]
fn bindings_are_current() {
    let path = root().join("ui/src/bindings.ts");
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("bindings.ts");
    api::builder::<MockRuntime>().export(Typescript::default(), &fresh).unwrap();
    let fresh = std::fs::read_to_string(fresh).unwrap();
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert!(committed == fresh, "run this test with UPDATE_BINDINGS=1");
}

/// The commands of the bindings.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("ui/src/bindings.ts")).unwrap();
    let mut commands: Vec<String> = text
        .split("__TAURI_INVOKE(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    commands.sort();
    commands
}

#[test]
fn every_command_is_permitted_and_nothing_else() {
    let text = std::fs::read_to_string(root().join("src-tauri/permissions/app.toml")).unwrap();
    let mut permitted: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .map(ToOwned::to_owned)
        .collect();
    permitted.sort();
    assert_eq!(permitted, commands());
}

#[test]
fn the_page_may_call_no_plugin() {
    let text = std::fs::read_to_string(root().join("src-tauri/capabilities/main.json")).unwrap();
    let capability: serde_json::Value = serde_json::from_str(&text).unwrap();
    let allowed = ["ask-the-engine", "core:event:allow-listen", "core:event:allow-unlisten"];
    for permission in capability["permissions"].as_array().unwrap() {
        assert!(allowed.contains(&permission.as_str().unwrap()), "{permission}");
    }
    let count = std::fs::read_dir(root().join("src-tauri/capabilities")).unwrap().count();
    assert_eq!(count, 1, "one capability file");
}

#[test]
fn only_the_host_folder_knows_the_shell() {
    let mut knowing = Vec::new();
    let mut folders = vec![root().join("ui/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("@tauri-apps/"))
            {
                knowing.push(path.strip_prefix(root().join("ui/src")).unwrap().to_owned());
            }
        }
    }
    knowing.sort();
    assert_eq!(knowing, [Path::new("bindings.ts"), Path::new("host/tauri.ts")]);
}

fn ask(
    command: &str,
    body: serde_json::Value,
    data_dir: &Path,
) -> Result<serde_json::Value, serde_json::Value> {
    // No restic is looked for under a key that is missing.
    let world =
        World { vault: Arc::new(MemoryVault::default()), ..World::at(Some(data_dir.to_owned())) };
    let app = compose(mock_builder(), EngineSlot::start(world))
        .build(tauri::generate_context!("tauri.conf.json", test = true))
        .unwrap();
    let mut app = app;
    #[expect(deprecated, reason = "the one way to run a mock app's setup")]
    app.run_iteration(|_, _| {});
    let window = app.get_webview_window("main").expect("the main window");
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" }
            .parse()
            .unwrap(),
        body: body.into(),
        headers: tauri::http::HeaderMap::default(),
        invoke_key: INVOKE_KEY.to_string(),
    };
    get_ipc_response(&window, request).map(|body| body.deserialize().unwrap())
}

#[test]
fn a_command_answers_and_an_error_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let info = ask("app_info", serde_json::json!({}), folder.path()).unwrap();
    assert_eq!(info["practice"], false);
    assert_eq!(info["os"], std::env::consts::OS);
}

#[test]
fn what_is_not_permitted_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "plugin:app|version",
        "plugin:window|close",
        "plugin:path|resolve_directory",
        "no_such_command",
    ] {
        assert!(ask(command, serde_json::json!({}), folder.path()).is_err(), "{command}");
    }
}
