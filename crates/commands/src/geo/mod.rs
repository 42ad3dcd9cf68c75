//! The commands of geospatial indexes: sorted sets whose scores are places on the earth.
//!
//! A place is kept as a number of 52 bits, so that places in a rectangle are a range of scores
//! ([`spinel_structs::geohash`]). Every search goes the same way: [`options`] reads what is wanted, [`area`] says which
//! cells hold it, and [`points`] looks at the members of these cells.

mod area;
mod arguments;
mod geoadd;
mod geopos;
mod georadius;
mod geosearch;
mod options;
mod points;

use geoadd::Geoadd;
use geopos::{Geodist, Geohash, Geopos};
use georadius::{Georadius, GeoradiusRo, Georadiusbymember, GeoradiusbymemberRo};
use geosearch::{Geosearch, Geosearchstore};
use spinel_family::{CommandError, Words, family, is_token};
use spinel_structs::geohash::Position;
use spinel_structs::number::parse_f64;

family! {
    /// The geospatial commands.
    pub static COMMANDS;
    update Geoadd,
    query Geodist,
    query Geohash,
    query Geopos,
    update Georadius,
    query GeoradiusRo,
    update Georadiusbymember,
    query GeoradiusbymemberRo,
    query Geosearch,
    update Geosearchstore,
}

/// Reads longitude and latitude.
fn read_position(words: &mut Words<'_>) -> Result<Position, CommandError> {
    let mut degrees = || parse_f64(words.take()?).ok_or(CommandError::NotFloat);
    let position = Position { longitude: degrees()?, latitude: degrees()? };
    if !position.is_valid() {
        let Position { longitude, latitude } = position;
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        return Err(CommandError::Text(text.into()));
    }
    Ok(position)
}

/// Reads a unit of length; how many metres it is.
fn read_unit_m(words: &mut Words<'_>) -> Result<f64, CommandError> {
    let word = words.take()?;
    let units = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = units.iter().find(|(name, _)| is_token(word, name));
    found
        .map(|(_, metres)| *metres)
        .ok_or(CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}
