//! The first start, a launch through the tray, *ready*, and out again.

use std::time::{Duration, Instant};

use crate::desktop::Desktop;
use crate::driver::Driver;
use crate::{LONG, SOON};

#[tokio::test]
async fn a_launch_from_the_tray_after_the_first_start() {
    let Some(desktop) = Desktop::start().await else { return };
    let driver = Driver::start(&desktop, &[]).await;

    // Everything the guide asks for can wait.
    driver.says("Two keys, then your first launch", LONG).await;
    driver.picture("welcome").await;
    for question in ["Password of the repository", "Critical paths", "The app waits in the tray"] {
        driver.press("Later").await;
        driver.says(question, SOON).await;
    }
    driver.press("Finish").await;

    // The first start makes the practice repository.
    let enabled = "const b = document.querySelector('button.launch'); return !!b && !b.disabled";
    driver.until("launch button", enabled, LONG).await;
    let priced =
        "return /at most[^]*[$][0-9]/i.test(document.querySelector('.prediction').innerText)";
    driver.until("what it may cost", priced, LONG).await;
    driver.picture("launch").await;

    desktop.tray.line("Practice, nothing is running", SOON).await;
    desktop.tray.choose("Launch Practice workspace", SOON).await;
    let racing = "return document.querySelectorAll('ol li').length >= 5";
    driver.until("race", racing, LONG).await;
    desktop.tray.line("Cancel and destroy all", SOON).await;

    // Quitting would cut the run off, so it asks. The race does not wait.
    desktop.tray.choose("Quit", SOON).await;
    driver.says("Quit in the middle of a run?", SOON).await;
    driver.picture("quit-in-a-race").await;
    driver.press("Stay").await;
    // Late enough for every step to be seen, early enough for nobody to have won.
    let under_way = "return [...document.querySelectorAll('ol li')] \
                     .some(lane => /[bB]oot [3-9]/.test(lane.innerText))";
    driver.until("a lane that boots for three seconds", under_way, LONG).await;
    driver.picture("race").await;

    let (_, body) = desktop.notice("Critical files ready in ", LONG).await;
    assert!(body.starts_with("Practice workspace on RTX 4090, "), "{body}");
    let (_, body) = desktop.notice("Everything restored in ", LONG).await;
    assert!(body.contains(", verified."), "{body}");
    let ready = "return !!document.querySelector('.ready-hero')";
    driver.until("ready", ready, LONG).await;
    // Every loser is confirmed gone, and the receipt says so.
    let confirmed = "return [...document.querySelectorAll('.tag.accent')] \
                     .some(tag => tag.textContent.trim() === 'Confirmed')";
    driver.until("a confirmed receipt", confirmed, LONG).await;
    driver.picture("ready").await;

    // The winner costs money, so closing the window keeps the app, and says
    // so once. The notification's button brings the window back.
    let (hidden, shown) = (
        "return document.visibilityState === 'hidden'",
        "return document.visibilityState === 'visible'",
    );
    desktop.close_window();
    driver.until("a window that was closed", hidden, SOON).await;
    let end = Instant::now() + SOON;
    while driver.script(shown).await != true {
        assert!(Instant::now() < end, "the notification's button shows nothing");
        desktop.press_notice().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let title = "Dumont Cloud stays in the tray";
    let (_, body) = desktop.notice(title, SOON).await;
    assert!(body.starts_with("1 machine is running, "), "{body}");
    desktop.close_window();
    driver.until("a window that was closed again", hidden, SOON).await;
    desktop.tray.choose("Open Dumont Cloud", SOON).await;
    driver.until("the window, opened from the tray", shown, SOON).await;
    let said = desktop.notices().await.iter().filter(|notice| notice.0 == title).count();
    assert_eq!(said, 1);

    // The winner costs money, so quitting asks again.
    desktop.tray.line("Practice workspace, RTX 4090", SOON).await;
    desktop.tray.choose("Quit", SOON).await;
    driver.says("Quit while 1 machine runs?", SOON).await;
    driver.picture("quit").await;
    driver.press("Stay").await;
    let closed = "return !document.querySelector('[role=alertdialog], [role=dialog]')";
    driver.until("no question", closed, SOON).await;
    assert_eq!(desktop.processes().len(), 1, "it stays");

    desktop.tray.choose("Quit", SOON).await;
    driver.says("Quit while 1 machine runs?", SOON).await;
    driver.press_last("Quit").await;
    desktop.ended(SOON).await;
}
