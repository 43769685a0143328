//! The real window, driven through `WebKitWebDriver` under a display and a
//! session bus: a practice launch from the first click to *ready*.
//!
//! Pictures of the screens are left in `target/e2e`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod driver;
mod window;
