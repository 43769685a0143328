//! Replays what the fuzz targets start from and what they once found.

use std::fs;
use std::path::{Path, PathBuf};

/// A parser and its target's name.
type Target<'a> = (&'a str, fn(&[u8]));

fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../restic/fuzz/corpus").join(name);
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Reads every corpus.
pub fn whole(parsers: &[Target<'_>]) {
    for (name, parser) in parsers {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            parser(&fs::read(file).unwrap());
        }
    }
}

/// Reads every corpus cut off and damaged in many places.
pub fn spoiled(parsers: &[Target<'_>]) {
    for (name, parser) in parsers {
        for file in corpus(name) {
            let whole = fs::read(file).unwrap();
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
