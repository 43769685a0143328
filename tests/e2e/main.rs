//! The real window, driven through `WebKitWebDriver` on a desktop of its own:
//! session bus, tray, keychain and notifications are real.
//!
//! Nothing here leaves this computer: without a key the window practises, and
//! where a test keeps one, `VAST_URL` names a practice cloud on loopback.
//! Pictures of the screens are left in `target/e2e`.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod desktop;
mod driver;
mod journey;
mod languages;
mod secrets;
mod starts;
mod tray;

use std::time::Duration;

/// Longer than anything takes on a slow computer.
const LONG: Duration = Duration::from_mins(2);
/// What is done in the page, or told to it, shows after this.
const SOON: Duration = Duration::from_secs(20);
