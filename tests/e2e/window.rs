//! One launch, seen.

use std::time::Duration;

use crate::driver::Driver;

#[tokio::test]
async fn a_practice_launch_in_the_real_window() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let arguments = ["--practice=1", "--data-dir", data_dir];
    let Some(driver) = Driver::start(&arguments).await else { return };

    // The first start makes the practice repository.
    let long = Duration::from_mins(2);
    let enabled = "const b = document.querySelector('button.launch'); return !!b && !b.disabled";
    driver.until("launch button", enabled, long).await;
    let priced = "return /at most/i.test(document.querySelector('.prediction').innerText)";
    driver.until("what it may cost", priced, long).await;
    driver.picture("launch").await;

    driver.click("button.launch").await;
    let racing = "return document.querySelectorAll('ol li').length >= 5";
    driver.until("race", racing, long).await;
    // Late enough for every step to be seen, early enough for nobody to have won.
    let under_way = "return [...document.querySelectorAll('ol li')] \
                     .some(lane => /[bB]oot [3-9]/.test(lane.innerText))";
    driver.until("a lane that boots for three seconds", under_way, long).await;
    driver.picture("race").await;

    let ready = "return !!document.querySelector('.ready-hero')";
    driver.until("ready", ready, long).await;
    // Every loser is confirmed gone, and the receipt says so.
    let confirmed = "return [...document.querySelectorAll('.tag.accent')] \
                     .some(tag => tag.textContent.trim() === 'Confirmed')";
    driver.until("a confirmed receipt", confirmed, long).await;
    driver.picture("ready").await;
    driver.close().await;
}
