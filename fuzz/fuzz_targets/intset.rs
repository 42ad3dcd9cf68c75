//! Feeds arbitrary bytes to the intset checks of spinel-structs.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_structs::fuzzing::fuzz_intset(data));
