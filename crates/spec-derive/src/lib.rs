//! Derives a command's parser and description from its struct.
