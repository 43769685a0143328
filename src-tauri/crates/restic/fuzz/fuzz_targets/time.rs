#![no_main]

#[path = "../parsers.rs"]
#[expect(dead_code, reason = "each target has one parser")]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::time(data));
