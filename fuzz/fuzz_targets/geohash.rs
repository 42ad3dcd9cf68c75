//! Feeds arbitrary bytes to the HyperLogLog checks of spinel-structs.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_structs::fuzzing::fuzz_geohash(data));
