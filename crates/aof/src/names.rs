//! How the files of the log are called.

/// What a base file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseFormat {
    /// A snapshot.
    Rdb,
    /// Commands.
    Resp,
}

/// The names that follow from `appenddirname` and `appendfilename`. All but the plain file names are paths on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    folder: String,
    file: String,
}

impl Names {
    /// Names below the folder `appenddirname` that begin with `appendfilename`.
    pub fn new(appenddirname: impl Into<String>, appendfilename: impl Into<String>) -> Self {
        Self { folder: appenddirname.into(), file: appendfilename.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The name all others begin with; also the path of the single file of Redis before version 7.
    #[must_use]
    pub fn old_file(&self) -> &str {
        &self.file
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The manifest's name.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}.manifest", self.file)
    }

    /// What a manifest is called until it is whole.
    #[must_use]
    pub fn temporary_manifest(&self) -> String {
        format!("temp-{}.manifest", self.file)
    }

    /// What an increment is called while the first base is being written.
    #[must_use]
    pub fn temporary_increment(&self) -> String {
        format!("temp-{}.incr", self.file)
    }

    /// The path of a base while it is being written; like Redis's, outside of the folder.
    #[must_use]
    pub fn temporary_base(&self, writer: u32) -> String {
        format!("temp-rewriteaof-bg-{writer}.aof")
    }

    /// A base.
    #[must_use]
    pub fn base(&self, sequence: i64, format: BaseFormat) -> String {
        let suffix = match format {
            BaseFormat::Rdb => "rdb",
            BaseFormat::Resp => "aof",
        };
        format!("{}.{sequence}.base.{suffix}", self.file)
    }

    /// An increment.
    #[must_use]
    pub fn increment(&self, sequence: i64) -> String {
        format!("{}.{sequence}.incr.aof", self.file)
    }
}

/// The process that writes, or wrote, a base under a temporary name at the disk's root.
#[must_use]
pub fn temporary_base_writer(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("temp-rewriteaof-")?.strip_suffix(".aof")?;
    let number = rest.strip_prefix("bg-").unwrap_or(rest);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// Whether a name is one that bases or increments of this log have.
pub(crate) fn is_file_of_log(names: &Names, name: &str) -> bool {
    let rest = name.strip_prefix(names.old_file()).and_then(|rest| rest.strip_prefix('.'));
    let Some((number, kind)) = rest.and_then(|rest| rest.split_once('.')) else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && matches!(kind, "base.rdb" | "base.aof" | "incr.aof")
}

#[cfg(test)]
mod tests {
    use super::{BaseFormat, Names, is_file_of_log, temporary_base_writer};

    #[test]
    fn names_are_those_of_redis() {
        let names = Names::new("appendonlydir", "appendonly.aof");
        assert_eq!(names.path(&names.manifest()), "appendonlydir/appendonly.aof.manifest");
        assert_eq!(names.temporary_manifest(), "temp-appendonly.aof.manifest");
        assert_eq!(names.temporary_increment(), "temp-appendonly.aof.incr");
        assert_eq!(names.base(1, BaseFormat::Rdb), "appendonly.aof.1.base.rdb");
        assert_eq!(names.base(2, BaseFormat::Resp), "appendonly.aof.2.base.aof");
        assert_eq!(names.increment(3), "appendonly.aof.3.incr.aof");
    }

    #[test]
    fn files_of_a_log_are_known_by_their_names() {
        let names = Names::new("dir", "a.aof");
        let yes = [names.increment(7), names.base(1, BaseFormat::Rdb), names.base(22, BaseFormat::Resp)];
        assert!(yes.iter().all(|name| is_file_of_log(&names, name)));
        let no = [
            "a.aof",
            "a.aof.manifest",
            "a.aof..incr.aof",
            "a.aof.x.incr.aof",
            "b.aof.1.incr.aof",
            "a.aof.1.incr",
        ];
        assert!(!no.iter().any(|name| is_file_of_log(&names, name)));
    }

    #[test]
    fn only_what_a_rewrite_leaves_behind_is_a_temporary_base() {
        let yes = [("temp-rewriteaof-bg-12.aof", 12), ("temp-rewriteaof-7.aof", 7)];
        let no =
            ["temp-rewriteaof-.aof", "temp-rewriteaof-bg-.aof", "temp-12.rdb", "temp-rewriteaof-bg-x.aof"];
        assert!(yes.iter().all(|(name, writer)| temporary_base_writer(name) == Some(*writer)));
        assert!(no.iter().all(|name| temporary_base_writer(name).is_none()));
    }
}
