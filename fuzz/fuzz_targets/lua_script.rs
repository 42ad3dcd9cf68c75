//! Feeds arbitrary bytes to the script checks of spinel-script.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_script::fuzzing::fuzz_script(data));
