//! The data commands, a folder for each family and a file for each command.

#![forbid(unsafe_code)]
