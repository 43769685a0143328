//! `cargo bench-all`: figures, each beside a rival in the same run.

use std::process::ExitCode;

use crate::packages::{Need, ensure};
use crate::run::{cargo, run};

/// Name, what it measures, and the arguments of the test that measures it.
const BENCHES: [(&str, &str, &[&str]); 1] = [(
    "lag",
    "from an SSH server that answers to a winner, real OpenSSH",
    &["--package", "engine", "--test", "interop", "--", "--ignored", "--nocapture", "bench_lag"],
)];

pub(crate) fn bench(arguments: &[String]) -> Result<ExitCode, String> {
    let asked = arguments.first().map(String::as_str);
    if let Some(unknown) = asked.filter(|name| !BENCHES.iter().any(|bench| bench.0 == *name)) {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.0).collect();
        return Err(format!("there is no benchmark \"{unknown}\"; there is {}", names.join(", ")));
    }
    ensure(&[Need::Headless, Need::Tests])?;
    for (name, what, arguments) in BENCHES {
        if asked.is_none_or(|asked| asked == name) {
            println!("\n== {name}: {what}");
            run(cargo().args(["test", "--release", "--quiet"]).args(arguments))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
