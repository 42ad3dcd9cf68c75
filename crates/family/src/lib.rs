//! What commands may reach: contexts, replies, errors and the family table.

#![forbid(unsafe_code)]
