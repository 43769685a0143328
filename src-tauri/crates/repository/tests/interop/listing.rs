//! How fast ten thousand snapshots are listed, beside restic on the same
//! repository.
//!
//! Not a test: `cargo bench-all snapshots` runs it and prints the figures.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use repository::{OpenOptions, Repository};
use restic::{Id, Snapshot, Time, Tree, Version};

use crate::common::{PASSWORD, Restic, restics};

const SNAPSHOTS: u32 = 10_000;
const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(1);

/// Snapshots as a year of syncs of many machines leaves them; restic itself
/// would take an hour to make them.
fn fill(restic: &Restic, repository: &Repository) {
    let folder = restic.repository().join("snapshots");
    for number in 0..SNAPSHOTS {
        let (day, second) = (number / 400, number % 400 * 200);
        let time = format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}.123456789Z",
            1 + day / 28,
            1 + day % 28,
            second / 3_600,
            second / 60 % 60,
            second % 60
        );
        let snapshot = Snapshot {
            time: time.parse::<Time>().unwrap(),
            parent: Some(Id::of(&number.to_be_bytes())),
            tree: Tree { nodes: Vec::new() }.id(),
            paths: vec!["/workspace".into()],
            hostname: format!("C.{}", 7_000_000 + number / 7),
            username: "root".into(),
            uid: 0,
            gid: 0,
            excludes: vec!["*.tmp".into()],
            tags: vec![format!("dumont:recipe-{}", number % 5)],
            original: None,
            program_version: "restic 0.19.1".into(),
            summary: None,
        };
        let nonce = u128::from(number + 1).to_be_bytes();
        let sealed = snapshot.seal(repository.data_key(), &nonce, Version::Two).unwrap();
        fs::write(folder.join(Id::of(&sealed).to_string()), sealed).unwrap();
    }
}

/// The current one, where there is one.
fn rival() -> Option<PathBuf> {
    let current = std::env::var_os("DUMONT_RESTIC_CURRENT").map(PathBuf::from);
    current.filter(|path| path.is_file()).or_else(|| restics().pop())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn open(restic: &Restic, cache: &Path) -> Repository {
    let location = restic.repository().to_str().unwrap().parse().unwrap();
    let options = OpenOptions { cache_dir: Some(cache.to_owned()), ..OpenOptions::default() };
    Repository::open(&location, None, &PASSWORD.to_owned().into(), &options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo bench-all snapshots"]
async fn bench_snapshots() {
    let Some(binary) = rival() else { return };
    // With the costly key that restic makes: both open it each time.
    let restic = Restic::init(&binary, "2");
    let cache = restic.beside("cache");
    let repository = open(&restic, &cache).await;
    fill(&restic, &repository);
    let cold = Instant::now();
    assert_eq!(repository.snapshots().await.unwrap().snapshots.len(), SNAPSHOTS as usize);
    let cold = cold.elapsed();
    restic.run(["snapshots", "--json"]);

    let (mut listing, mut whole, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let repository = open(&restic, &cache).await;
        let opened = Instant::now();
        let list = repository.snapshots().await.unwrap();
        listing.push(opened.elapsed());
        whole.push(began.elapsed());
        assert_eq!(list.snapshots.len(), SNAPSHOTS as usize);
        assert_eq!(list.views().len(), SNAPSHOTS as usize);

        let began = Instant::now();
        let printed = restic.json(["snapshots", "--json"]);
        theirs.push(began.elapsed());
        assert_eq!(printed.as_array().unwrap().len(), SNAPSHOTS as usize);
    }
    let (listing, whole, theirs) = (median(listing), median(whole), median(theirs));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("| {SNAPSHOTS} snapshots | ms |");
    println!("|---|---|");
    println!("| listed from a warm cache | {:.0} |", ms(listing));
    println!("| opened and listed from a warm cache | {:.0} |", ms(whole));
    println!("| listed for the first time | {:.0} |", ms(cold));
    println!("| `restic snapshots`, {} | {:.0} |", binary.display(), ms(theirs));
    println!("restic takes {:.1}x as long", theirs.as_secs_f64() / whole.as_secs_f64());
    assert!(listing <= LIMIT, "{listing:?}: the target is {LIMIT:?}");
}
