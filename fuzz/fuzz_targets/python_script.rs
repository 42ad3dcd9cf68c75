//! Any text as a script of Python.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spinel_script::PythonWorker;
use spinel_script::fuzzing::fuzz_python;

fuzz_target!(
    init: {
        // This program is its own worker.
        spinel_script::serve_python_if_asked();
    },
    |data: &[u8]| fuzz_python(&PythonWorker::default(), data)
);
