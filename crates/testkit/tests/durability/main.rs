//! What is acknowledged is on disk, whatever the disk does: the whole engine on a disk in memory that fails on demand.

mod backup_crowd;
mod backups;
mod crowd;
mod element_expiry;
mod faults;
mod field_expiry;
mod foreign_logs;
mod member_expiry;
mod opened;
mod replay;
mod restoring;
mod snapshots;
mod streams;
mod switching;
mod waitaof;
