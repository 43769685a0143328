//! Replays what the fuzz targets start from and what they once found.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../restic/fuzz/parsers.rs"]
#[expect(clippy::expect_used, reason = "it is part of the fuzz targets")]
mod parsers;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../restic/fuzz/corpus").join(name)
}

#[test]
fn every_corpus_is_read_without_harm() {
    for (name, parser) in parsers::ALL {
        let mut replayed = 0;
        for entry in fs::read_dir(corpus(name)).unwrap() {
            parser(&fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no corpus");
    }
}

#[test]
fn every_corpus_is_cut_off_and_damaged_without_harm() {
    for (name, parser) in parsers::ALL {
        for entry in fs::read_dir(corpus(name)).unwrap() {
            let whole = fs::read(entry.unwrap().path()).unwrap();
            let step = whole.len() / 64 + 1;
            for at in (0..whole.len()).step_by(step) {
                parser(&whole[..at]);
                let mut damaged = whole.clone();
                damaged[at] ^= 0x55;
                parser(&damaged);
            }
        }
    }
}
