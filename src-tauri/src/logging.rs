//! Logs go to standard error, so that standard output belongs to the answers.
//! `DUMONT_LOG` says how much, in the usual `target=level` form.

use tracing_subscriber::EnvFilter;

/// What the object store's library calls an error is an ordinary 404.
const DEFAULT: &str = "warn,s3s=off,russh=off";

pub(crate) fn start() {
    let filter = std::env::var("DUMONT_LOG")
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT));
    // A second start in one process (tests) keeps the first.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
