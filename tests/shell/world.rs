//! A practice world in this process, for a program in another: it outlives
//! whatever happens to that program.

use std::path::PathBuf;

use model::At;
use practice::cloud::{Script, Served, World as Cloud, router, serve};
use practice::machine::{Machines, Restorer, ScriptedRestore};
use practice::pace::Pace;
use tokio::process::Command;

use crate::binary::program;

/// The program's clock and the world's run this much faster than life.
pub const SCALE: f64 = 10.0;
const KEY: &str = "a-key";

pub struct World {
    pub cloud: Cloud,
    pub folder: tempfile::TempDir,
    api: Served,
    _machines: Machines,
}

impl World {
    pub async fn start(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let start = At::from_unix_ms(i64::try_from(now.as_millis()).unwrap());
        let cloud = Cloud::new(script.key(KEY), Pace::new(SCALE), start);
        let restorer = Restorer::Scripted(ScriptedRestore {
            files: 1,
            bytes: 1,
            critical_bytes: 0,
            ms: 1_000,
        });
        let machines = Machines::listen(cloud.clone(), folder.path().join("machines"), restorer);
        let api = serve(router(cloud.clone())).await.unwrap();
        Self { cloud, folder, api, _machines: machines }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The program, pointed at this world.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.data_dir(), arguments);
        command
            .args(["--json", "--time-scale", &SCALE.to_string()])
            .env("VAST_URL", self.api.base_url())
            .env("VAST_API_KEY", KEY);
        command
    }
}
