//! Feeds arbitrary bytes to the checks of spinel-rdb.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_rdb::fuzzing::fuzz_rdb_file(data));
