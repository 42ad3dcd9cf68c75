//! Arbitrary bytes as a configuration file.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_engine::config::fuzzing::fuzz_config(data));
