//! The same script to a reference server and to Spinel, replies compared.

#![forbid(unsafe_code)]
