//! The RESP2 and RESP3 wire protocol without I/O.

#![forbid(unsafe_code)]
