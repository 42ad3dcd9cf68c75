//! The data set: shards, databases, entries, values, expiry and watches.
