//! Feeds arbitrary bytes to the array checks of spinel-structs.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_structs::fuzzing::fuzz_array(data));
