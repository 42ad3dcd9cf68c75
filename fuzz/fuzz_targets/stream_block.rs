//! Feeds arbitrary bytes to the checks of blocks of streams of spinel-structs.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_structs::fuzzing::fuzz_stream_block(data));
