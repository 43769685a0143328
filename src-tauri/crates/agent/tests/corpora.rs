//! What others write, read whole, cut off and damaged.

#[path = "../../restic/fuzz/parsers.rs"]
#[expect(clippy::expect_used, reason = "it is part of the fuzz targets")]
mod parsers;
#[path = "../../restic/fuzz/replay.rs"]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod replay;

#[test]
fn every_corpus_is_read_without_harm() {
    replay::whole(&parsers::ALL);
}

#[test]
fn every_corpus_is_cut_off_and_damaged_without_harm() {
    replay::spoiled(&parsers::ALL);
}
