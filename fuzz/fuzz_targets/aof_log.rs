//! Hands arbitrary bytes to the checks of the log; they are described where they are defined.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_aof::fuzzing::fuzz_log(data));
