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

#[cfg(test)]
mod tests {
    use super::{BaseFormat, Names, temporary_base_writer};

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
    fn only_what_a_rewrite_leaves_behind_is_a_temporary_base() {
        let yes = [("temp-rewriteaof-bg-12.aof", 12), ("temp-rewriteaof-7.aof", 7)];
        let no =
            ["temp-rewriteaof-.aof", "temp-rewriteaof-bg-.aof", "temp-12.rdb", "temp-rewriteaof-bg-x.aof"];
        assert!(yes.iter().all(|(name, writer)| temporary_base_writer(name) == Some(*writer)));
        assert!(no.iter().all(|name| temporary_base_writer(name).is_none()));
    }
}
