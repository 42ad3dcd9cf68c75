//! The single door to checks, tests, conformance runs and benchmarks.
fn main() {}
