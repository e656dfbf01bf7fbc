#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| freshet_media::fuzz::release_name(bytes));
