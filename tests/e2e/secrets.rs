//! A key that is typed into the settings: in the keychain, and nowhere else.

use std::path::{Path, PathBuf};

use engine::Clock;
use practice::cloud::{Script, World, router, serve};
use practice::pace::Pace;

use crate::desktop::{Desktop, contains};
use crate::driver::Driver;
use crate::{LONG, SOON};

/// Long and strange, so that it stands nowhere by chance.
const KEY: &str = "Zq7vK2mXw9Rt4Lb8Nc3Hy6Pd1Gs5Jf0u";
const ENTRY: &str = "cloud-key-vast";
const FIELD: &str = "#settings-accounts input[type=password]";

#[tokio::test]
async fn a_typed_key_is_in_the_keychain_and_nowhere_else() {
    let Some(mut desktop) = Desktop::start().await else { return };
    let script = Script::seeded(1).key(KEY);
    let cloud = World::new(script, Pace::real(), Clock::real().wall());
    let cloud = serve(router(cloud)).await.unwrap();
    desktop.set("VAST_URL", cloud.base_url());

    let driver = Driver::start(&desktop, &[]).await;
    driver.press("Try a race without keys").await;
    driver.press("Settings").await;

    driver.write(FIELD, "not-the-key").await;
    driver.press("Test connection").await;
    driver.says("The cloud refuses the key", LONG).await;
    driver.picture("key-refused").await;
    driver.script(&format!("document.querySelector('{FIELD}').select()")).await;
    driver.write(FIELD, KEY).await;
    driver.press("Test connection").await;
    driver.says("Works.", LONG).await;
    assert_eq!(desktop.kept(ENTRY).await, None, "it was only tried");

    driver.press("Save").await;
    let shown = format!(
        "const field = document.querySelector('{FIELD}'); \
         return field?.value === '' && field.placeholder.endsWith('{}')",
        &KEY[KEY.len() - 4..]
    );
    driver.until("no more of the key than its end", &shown, LONG).await;
    let real = "return !document.querySelector('nav').innerText.includes('Practice')";
    driver.until("the real world", real, LONG).await;
    driver.picture("key-kept").await;
    assert_eq!(desktop.kept(ENTRY).await.as_deref(), Some(KEY));
    nowhere_below(desktop.home());
    let page = driver.script("return document.documentElement.outerHTML").await.to_string();
    assert!(!page.contains(KEY));

    // What is written down at the end is looked through, too.
    desktop.tray.choose("Quit", SOON).await;
    desktop.ended(SOON).await;
    drop(driver);
    nowhere_below(desktop.home());
    assert_eq!(desktop.kept(ENTRY).await.as_deref(), Some(KEY));

    // The next start has it, and forgets it when told to.
    let driver = Driver::start(&desktop, &[]).await;
    driver.press("Settings").await;
    driver.until("the kept key's end", &shown, LONG).await;
    driver.click("#settings-accounts button[aria-label='Remove the key of Vast.ai']").await;
    driver.says("Remove the key of Vast.ai?", SOON).await;
    driver.press("Remove").await;
    let bare =
        format!("return document.querySelector('{FIELD}').placeholder.startsWith('Paste a key')");
    driver.until("a field without a key", &bare, SOON).await;
    assert_eq!(desktop.kept(ENTRY).await, None);
    driver.close().await;
}

/// The key stands in no file below this folder, however it may be written.
fn nowhere_below(folder: &Path) {
    let wide: Vec<u8> = KEY.bytes().flat_map(|byte| [byte, 0]).collect();
    let mut files = Vec::new();
    collect(folder, &mut files);
    // Else a search that finds nothing proves nothing.
    for name in ["ledger.sqlite", "preferences.json", "login.keyring", "log"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "no {name} below {folder:?}");
    }
    let log = std::fs::read(folder.join("log")).unwrap();
    assert!(contains(&log, b"TRACE"), "everything is logged");
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let found = contains(&bytes, KEY.as_bytes()) || contains(&bytes, &wide);
        assert!(!found, "the key stands in {}", file.display());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}
