//! How a word becomes the number of a database.

use spinel_family::{CommandError, CommandSettings, DbIndex};
use spinel_structs::number;

/// Reads a C `int`, as the commands do that take a database.
fn read_int(word: &[u8]) -> Result<i32, CommandError> {
    let number = number::parse_i64(word).ok_or(CommandError::NotInteger)?;
    i32::try_from(number).map_err(|_| {
        CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })
}

/// Reads the number of a database that exists.
pub(super) fn read_db(word: &[u8], settings: &CommandSettings) -> Result<DbIndex, CommandError> {
    check_db(read_int(word)?, settings)
}

/// Reads the numbers of two databases; both must be numbers before either must exist.
pub(super) fn read_two_dbs(
    words: [&[u8]; 2],
    settings: &CommandSettings,
) -> Result<[DbIndex; 2], CommandError> {
    let first = read_int(words[0]).map_err(|_| CommandError::text("ERR invalid first DB index"))?;
    let second = read_int(words[1]).map_err(|_| CommandError::text("ERR invalid second DB index"))?;
    Ok([check_db(first, settings)?, check_db(second, settings)?])
}

fn check_db(number: i32, settings: &CommandSettings) -> Result<DbIndex, CommandError> {
    u16::try_from(number)
        .ok()
        .filter(|&number| number < settings.databases)
        .map(DbIndex)
        .ok_or(CommandError::text("ERR DB index is out of range"))
}
