//! Configuration files and start lines.
