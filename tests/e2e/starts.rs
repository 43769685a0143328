//! Starts beyond the first: minimised, a second time, through a link.

use tokio::time::timeout;

use crate::desktop::{Desktop, PROGRAM};
use crate::driver::Driver;
use crate::{LONG, SOON};

#[tokio::test]
async fn a_second_start_joins_the_first() {
    let Some(desktop) = Desktop::start().await else { return };
    let driver = Driver::start(&desktop, &["--minimised"]).await;
    let first = desktop.processes();
    assert_eq!(first.len(), 1);
    desktop.tray.line("Launch Practice workspace", LONG).await;
    let hidden = "return document.visibilityState === 'hidden'";
    driver.until("a window that waits in the tray", hidden, SOON).await;

    let mut second = desktop.command(PROGRAM).spawn().unwrap();
    let status = timeout(SOON, second.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(desktop.processes(), first);
    let shown = "return document.visibilityState === 'visible'";
    driver.until("the first one's window", shown, SOON).await;

    // A link starts the program too; the one that runs asks what it means.
    let mut link = desktop.command(PROGRAM).arg("dumont://launch/practice").spawn().unwrap();
    let status = timeout(SOON, link.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    driver.says("A link asks to launch Practice workspace", SOON).await;
    driver.picture("link").await;
    driver.press("Cancel").await;
    assert_eq!(desktop.processes(), first);
    driver.close().await;
}
