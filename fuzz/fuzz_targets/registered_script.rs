//! Arbitrary bytes as a registered script of a file or the log.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_engine::fuzz_registered(data));
