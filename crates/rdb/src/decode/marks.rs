//! Everything in a file that is not a key.

use super::skip::skip_string;
use super::{Cursor, Fault};
use crate::member_times;
use crate::opcode;
use crate::own_key;
use crate::version::{Family, Origin};

/// What stands in a file besides keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A name and a value about the file.
    Aux {
        /// The name, such as `redis-ver`.
        name: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// The database of the keys that follow.
    SelectDb(u64),
    /// How many keys the database has. A hint: nothing may be allocated by it alone.
    ResizeDb {
        /// Keys.
        keys: u64,
        /// Keys that expire.
        expiring: u64,
    },
    /// The code of a library of functions.
    Function(Vec<u8>),
    /// Data of a module that belongs to no key; it was passed over.
    ModuleAux {
        /// The type's name, nine characters.
        module: String,
    },
    /// Sizes of a cluster slot. A hint.
    SlotInfo {
        /// The slot.
        slot: u64,
        /// Its keys.
        keys: u64,
        /// Its keys that expire.
        expiring: u64,
    },
    /// Slots that were being imported when a Valkey node wrote the file.
    SlotImport {
        /// The import's name.
        name: Vec<u8>,
        /// The first and the last slot of each range.
        slots: Vec<(u64, u64)>,
    },
    /// The end.
    Eof(FileChecksum),
}

/// What the end of a file says about all that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChecksum {
    /// The version has none, or it was written without.
    Absent,
    /// It is right.
    Right,
    /// It is wrong.
    Wrong {
        /// What the file says.
        stated: u64,
        /// What it should say.
        computed: u64,
    },
}

/// Whether a record is at the front of `bytes`.
///
/// # Errors
/// [`Fault::Truncated`] when there are too few bytes to say.
pub(super) fn begin_record(bytes: &[u8], family: Family) -> Result<bool, Fault> {
    Ok(match *bytes.first().ok_or(Fault::Truncated)? {
        opcode::EXPIRY_MS | opcode::EXPIRY_SECONDS | opcode::IDLE | opcode::FREQUENCY => true,
        opcode::AUX => member_times::begin_here(bytes)? || own_key::begin_here(bytes)?,
        opcode::SLOT_IMPORT_OR_KEY_META => family == Family::Redis,
        opcode::SLOT_INFO..=opcode::EOF => false,
        _ => true,
    })
}

/// Reads one. `computed` tells the checksum of everything up to and with the byte that says the end.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    origin: Origin,
    computed: impl FnOnce() -> u64,
) -> Result<Mark, Fault> {
    let string = |cursor: &mut Cursor<'_>| cursor.string()?.into_vec();
    Ok(match cursor.byte()? {
        opcode::AUX => Mark::Aux { name: string(cursor)?, value: string(cursor)? },
        opcode::SELECT_DB => Mark::SelectDb(cursor.length()?),
        opcode::RESIZE_DB => Mark::ResizeDb { keys: cursor.length()?, expiring: cursor.length()? },
        opcode::FUNCTION => Mark::Function(string(cursor)?),
        opcode::FUNCTION_CANDIDATE => Mark::Function(candidate_function(cursor)?),
        opcode::MODULE_AUX => module_aux(cursor)?,
        opcode::SLOT_INFO => {
            Mark::SlotInfo { slot: cursor.length()?, keys: cursor.length()?, expiring: cursor.length()? }
        }
        opcode::SLOT_IMPORT_OR_KEY_META => slot_import(cursor)?,
        opcode::EOF if !origin.has_checksum() => Mark::Eof(FileChecksum::Absent),
        opcode::EOF => {
            let stated = u64::from_le_bytes(cursor.array()?);
            Mark::Eof(match (stated, computed()) {
                (0, _) => FileChecksum::Absent,
                (stated, computed) if stated == computed => FileChecksum::Right,
                (stated, computed) => FileChecksum::Wrong { stated, computed },
            })
        }
        other => return Err(Fault::Type(other)),
    })
}

/// A library as candidates of Redis 7.0 wrote it: name, engine, perhaps a description, code. Later the code's first
/// line says the first two.
fn candidate_function(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    let name = cursor.string()?.into_cow()?;
    let engine = cursor.string()?.into_cow()?;
    if cursor.length()? != 0 {
        skip_string(cursor)?;
    }
    let code = cursor.string()?.into_cow()?;
    Ok([b"#!", &engine[..], b" name=", &name, b"\n", &code].concat())
}

fn slot_import(cursor: &mut Cursor<'_>) -> Result<Mark, Fault> {
    let name = cursor.string()?.into_vec()?;
    let mut slots = Vec::new();
    let mut left = cursor.length()?;
    while left > 0 {
        slots.push((cursor.length()?, cursor.length()?));
        left -= 1;
    }
    Ok(Mark::SlotImport { name, slots })
}

/// Parts of a module's data.
const MODULE_END: u64 = 0;
const MODULE_SIGNED: u64 = 1;
const MODULE_UNSIGNED: u64 = 2;
const MODULE_FLOAT: u64 = 3;
const MODULE_DOUBLE: u64 = 4;
const MODULE_STRING: u64 = 5;

fn module_aux(cursor: &mut Cursor<'_>) -> Result<Mark, Fault> {
    let module = module_name(cursor.length()?);
    loop {
        match cursor.length()? {
            MODULE_END => return Ok(Mark::ModuleAux { module }),
            MODULE_SIGNED | MODULE_UNSIGNED => drop(cursor.length()?),
            MODULE_FLOAT => drop(cursor.take(4)?),
            MODULE_DOUBLE => drop(cursor.take(8)?),
            MODULE_STRING => skip_string(cursor)?,
            other => return Err(Fault::ModuleData(other)),
        }
    }
}

/// The name of a module's type: nine characters of six bits above a version of ten.
pub(super) fn module_name(id: u64) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let character = |place: u32| char::from(CHARACTERS[(id >> (10 + 6 * place)) as usize & 63]);
    (0..9).rev().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin { family: Family::Valkey, version: 80 };

    fn mark(bytes: &[u8]) -> Result<Mark, Fault> {
        read(&mut Cursor::new(bytes), ORIGIN, || 7)
    }

    #[test]
    fn the_end_says_whether_the_checksum_is_right() {
        assert_eq!(mark(b"\xFF\x07\0\0\0\0\0\0\0"), Ok(Mark::Eof(FileChecksum::Right)));
        assert_eq!(mark(b"\xFF\0\0\0\0\0\0\0\0"), Ok(Mark::Eof(FileChecksum::Absent)));
        let wrong = FileChecksum::Wrong { stated: 8, computed: 7 };
        assert_eq!(mark(b"\xFF\x08\0\0\0\0\0\0\0"), Ok(Mark::Eof(wrong)));
        let old = Origin { family: Family::Redis, version: 4 };
        assert_eq!(read(&mut Cursor::new(b"\xFF"), old, || 7), Ok(Mark::Eof(FileChecksum::Absent)));
    }

    #[test]
    fn data_of_a_module_is_passed_over_and_its_name_told() {
        // "ReJSON-RL" with version 3: six bits a character.
        let id = b"ReJSON-RL".iter().fold(0u64, |id, c| {
            let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            id << 6 | all.iter().position(|other| other == c).unwrap() as u64
        });
        let mut bytes = vec![opcode::MODULE_AUX, 0x81];
        bytes.extend_from_slice(&(id << 10 | 3).to_be_bytes());
        bytes.extend_from_slice(b"\x02\x01\x05\x03abc\x04\0\0\0\0\0\0\0\0\x03\0\0\0\0\x01\x05\0");
        assert_eq!(mark(&bytes), Ok(Mark::ModuleAux { module: "ReJSON-RL".to_owned() }));
        let length = bytes.len();
        bytes[length - 1] = 9;
        assert_eq!(mark(&bytes), Err(Fault::ModuleData(9)));
    }

    #[test]
    fn functions_of_release_candidates_get_the_line_that_names_them() {
        assert_eq!(
            mark(b"\xF6\x03lib\x03LUA\x01\x04text\x04code"),
            Ok(Mark::Function(b"#!LUA name=lib\ncode".to_vec()))
        );
        assert_eq!(mark(b"\xF5\x04code"), Ok(Mark::Function(b"code".to_vec())));
    }

    #[test]
    fn slots_are_reported() {
        let mut expected = Mark::SlotInfo { slot: 1, keys: 2, expiring: 3 };
        assert_eq!(mark(b"\xF4\x01\x02\x03"), Ok(expected));
        expected = Mark::SlotImport { name: b"job".to_vec(), slots: vec![(1, 2), (5, 5)] };
        assert_eq!(mark(b"\xF3\x03job\x02\x01\x02\x05\x05"), Ok(expected));
        assert_eq!(mark(b"\xF3\x03job\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), Err(Fault::Truncated));
    }
}
