#![no_main]

#[path = "../foreign.rs"]
#[expect(dead_code, reason = "each target has one parser")]
mod foreign;

libfuzzer_sys::fuzz_target!(|data: &[u8]| foreign::onstart(data));
