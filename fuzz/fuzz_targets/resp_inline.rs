//! Hands arbitrary bytes to the checks of the RESP codec; they are described where they are defined.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spinel_resp::fuzzing::fuzz_inline(data));
