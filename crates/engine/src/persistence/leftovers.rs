//! What a server that was killed leaves behind while it writes a snapshot: a temporary file that carries the number of its
//! process. At the start those go whose process is no more; several servers may share a folder.
//!
//! A process in a container does not see those of another: servers in different ones should not share a folder.

use spinel_aof::temporary_base_writer;

use crate::Engine;
use crate::log::LogLevel;

impl Engine {
    /// Removes the temporary snapshots of servers that are gone.
    pub(super) fn remove_leftovers(&self) {
        let files = &self.host().files;
        // Who cannot read the folder finds out below what that means for the data set.
        let names = files.list("").unwrap_or_default();
        let is_left = |name: &String| {
            snapshot_writer(name).or(temporary_base_writer(name)).is_some_and(|writer| self.is_gone(writer))
        };
        for name in names.into_iter().filter(is_left) {
            let line = match files.unlink(&name) {
                Ok(()) => format!("Removed {name}, which a server that is gone has not finished"),
                Err(error) => format!(
                    "{name}, which a server that is gone has not finished, cannot be removed: {error}"
                ),
            };
            self.log.write(LogLevel::Notice, &line);
        }
    }

    /// Whether what the process of this number was writing will never be finished. At the start nothing is of this
    /// process, though one before may have had its number.
    pub(super) fn is_gone(&self, process: u32) -> bool {
        let probe = &self.host().probe;
        process == probe.about().process_id || !probe.is_running(process)
    }
}

/// The process that writes a snapshot under a temporary name: `temp-PID.rdb`, `temp-bg-PID.rdb`.
fn snapshot_writer(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("temp-")?.strip_suffix(".rdb")?;
    let number = rest.strip_prefix("bg-").unwrap_or(rest);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_names_tell_a_process() {
        assert_eq!(snapshot_writer("temp-12.rdb"), Some(12));
        assert_eq!(snapshot_writer("temp-bg-4194304.rdb"), Some(4_194_304));
        for other in
            ["dump.rdb", "temp-.rdb", "temp-bg-.rdb", "temp-+1.rdb", "temp-x.rdb", "temp-99999999999.rdb"]
        {
            assert_eq!(snapshot_writer(other), None, "{other}");
        }
    }
}
