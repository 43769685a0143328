//! The window changes its language while it runs, and the tray with it.

use crate::desktop::Desktop;
use crate::driver::Driver;
use crate::{LONG, SOON};

#[tokio::test]
async fn window_and_tray_change_their_language_at_once() {
    let Some(desktop) = Desktop::start().await else { return };
    let driver = Driver::start(&desktop, &[]).await;
    driver.press("Try a race without keys").await;
    desktop.tray.line("Launch Practice workspace", LONG).await;
    desktop.tray.choose("Settings", SOON).await;
    driver.press("Language and look").await;

    driver.press("Português").await;
    driver.says("Configurações", SOON).await;
    for line in ["Prática, nada ligado", "Iniciar Practice workspace", "Configurações", "Sair"] {
        desktop.tray.line(line, SOON).await;
    }
    let language = "return document.documentElement.lang === 'pt-BR'";
    driver.until("a page in Portuguese", language, SOON).await;
    driver.picture("settings-pt-BR").await;

    driver.press("English").await;
    driver.says("Language and look", SOON).await;
    for line in ["Practice, nothing is running", "Launch Practice workspace", "Quit"] {
        desktop.tray.line(line, SOON).await;
    }
    // Nothing runs, so quitting asks nothing.
    desktop.tray.choose("Quit", SOON).await;
    desktop.ended(SOON).await;
}
