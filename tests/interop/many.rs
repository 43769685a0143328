//! Twenty thousand small files and a few large ones, in a store that is not
//! ours, saved and restored by restic's versions and by our agent.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use engine::Storage;
use model::{Recipe, RunView, StoreAccess, Tool};
use repository::Credentials;

use crate::common::{fill_odd, noise, restics};
use crate::compare::{differences, differences_when_read, tree};
use crate::fleet::{Berth, Fleet, begin, carried, finish};
use crate::machine::Spec;
use crate::restores::{assert_nothing_told, stood};
use crate::weed::{BUCKET, KEY_ID, KEY_SECRET, Weed};
use crate::workspace::PASSWORD;

const FOLDERS: usize = 200;
const FILES: usize = 100;

/// Small files as in a code folder or a data set, large ones as models are,
/// and everything odd.
fn fill(folder: &Path) {
    fill_odd(folder);
    for at in 0..FOLDERS {
        let below = folder.join(format!("folder {at:03}"));
        fs::create_dir(&below).unwrap();
        for file in 0..FILES {
            let seed = (at * FILES + file) as u64;
            let bytes = noise((seed as usize * 37) % 2_500, seed + 1);
            fs::write(below.join(format!("file {file:02}")), bytes).unwrap();
        }
        chown(&below, Some(1_000 + at as u32), Some(2_000)).unwrap();
    }
    let zeros = vec![0; 16 << 20];
    fs::write(folder.join("model"), noise(24 << 20, 1)).unwrap();
    fs::write(folder.join("holes"), [noise(1 << 20, 2), zeros, noise(7 << 20, 3)].concat())
        .unwrap();
    fs::write(folder.join("words"), "the same again and again\n".repeat(600_000)).unwrap();
}

/// One restic in front of the repository in the store.
struct Saved<'a> {
    binary: &'a Path,
    weed: &'a Weed,
    folder: &'a Path,
}

impl Saved<'_> {
    fn location(&self) -> String {
        format!("s3:{}/{BUCKET}/workspaces/one", self.weed.endpoint())
    }

    fn run<'b>(&self, arguments: impl IntoIterator<Item = &'b OsStr>) {
        let output = Command::new(self.binary)
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs([("RESTIC_REPOSITORY", self.location().as_str()), ("RESTIC_PASSWORD", PASSWORD)])
            .envs([("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", KEY_SECRET)])
            .env("RESTIC_CACHE_DIR", self.folder.join("cache"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {output:?}", self.binary.display());
    }

    fn storage(&self) -> Storage {
        let owner = Credentials {
            access_key_id: KEY_ID.into(),
            secret_access_key: KEY_SECRET.to_owned().into(),
            session_token: None,
            region: None,
        };
        let location = self.location().parse().unwrap();
        Storage::new(location, Some(owner), PASSWORD.to_owned().into())
    }
}

/// Debian's restic, and the current one where there is one.
fn versions() -> Vec<PathBuf> {
    let mut versions = restics();
    match std::env::var_os("DUMONT_RESTIC_CURRENT") {
        Some(path) if Path::new(&path).is_file() => versions.push(path.into()),
        _ => println!("SKIPPED: a current restic, DUMONT_RESTIC_CURRENT names none"),
    }
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_from_another_s3_server_restores_what_restic_restores() {
    // Where no machine can be made, nothing is saved for it.
    let Some(_) = crate::machine::Machine::start(&Spec::default()) else { return };
    let versions = versions();
    let Some(oldest) = versions.first() else { return };
    let Some(weed) = Weed::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(&folder.join("workspace"));
    let saved = Saved { binary: oldest, weed: &weed, folder };
    saved.run(["init", "--repository-version", "2"].map(OsStr::new));
    saved.run(["backup", "--tag", "dumont:default", "workspace"].map(OsStr::new));

    let mut ways = vec![(Tool::Agent, None)];
    ways.extend(versions.iter().map(|restic| (Tool::Restic, Some(restic.clone()))));
    if carried().is_empty() {
        println!("SKIPPED our agent: it was not built");
        ways.remove(0);
    }
    for (at, (tool, restic)) in ways.into_iter().enumerate() {
        let what = format!("{tool:?} {restic:?}");
        let theirs = folder.join(format!("theirs {at}"));
        let reference = Saved { binary: restic.as_deref().unwrap_or(oldest), ..saved };
        reference.run(
            ["restore", "latest", "--target"]
                .map(OsStr::new)
                .into_iter()
                .chain([theirs.as_os_str()]),
        );

        let spec = Spec { restic: restic.clone(), ..Spec::default() };
        let Some(fleet) = Fleet::of(vec![Berth::new(1, spec)]).await else { return };
        let engine = fleet.engine(Some(reference.storage())).await;
        let critical = vec!["/workspace/folder 007".into()];
        let began = Instant::now();
        let run = begin(&engine, Recipe { tool, critical, ..Recipe::default() }).await;
        let facts = finish(&engine, &run).await;
        let view = RunView::replay(run, &facts);
        assert_eq!(view.exit_code(), Some(0), "{what}: {:?} {}", view.failure, view.details);
        let (standing, fallback) = stood(&facts);
        assert_eq!((standing.tool.tool, fallback), (tool, None), "{what}");
        let access = match tool {
            Tool::Agent => StoreAccess::Ticket,
            Tool::Restic => StoreAccess::Lasting,
        };
        assert_eq!(standing.access, access, "{what}");
        let marks = view.marks;
        println!(
            "{what}: {:?}, critical {:?} ms, complete {:?} ms",
            began.elapsed(),
            marks.critical_ms,
            marks.complete_ms
        );

        let machine = &fleet.ships[&1].machine;
        let ours = machine.path("/workspace");
        let all = tree(&ours);
        assert!(all.len() > FOLDERS * FILES + 100, "{what}: {} entries", all.len());
        let theirs = theirs.join("workspace");
        let differences = match tool {
            Tool::Agent => differences(&ours, &theirs),
            // It verifies what it wrote, and so has read it.
            Tool::Restic => differences_when_read(&ours, &theirs),
        };
        assert!(differences.is_empty(), "{what}: {}", differences.join("\n"));
        assert_nothing_told(machine, &[PASSWORD.to_owned(), KEY_SECRET.to_owned()]);
    }
}
