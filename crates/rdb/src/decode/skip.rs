//! Going past records without reading them, and stopping anywhere in between.

use super::record::{Head, Refused};
use super::skip_stream::StreamStage;
use super::{Cursor, Fault};
use crate::opcode::{STRING_INT8, STRING_LZF, Shape};
use crate::own_key;
use crate::version::Family;

/// How far into a record one has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// At its beginning.
    Head,
    /// At a part of its value, of which so many are left.
    Parts { left: u64, part: Part },
    /// At a part of a key in fields about the file.
    OwnKey,
    /// Within a stream.
    Stream(StreamStage),
}

/// What a value consists of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    String,
    StringAndTextScore,
    StringAndScore,
    LengthAndString,
    LengthAndTwoStrings,
    TwoStringsAndTime,
}

/// Goes on through a record. When the bytes end too early, `cursor` and the stage say where to go on.
pub(super) fn skip(cursor: &mut Cursor<'_>, stage: &mut Stage, family: Family) -> Result<(), Refused> {
    if let Stage::Head = stage {
        let mut ahead = cursor.clone();
        *stage = if own_key::begin_here(ahead.rest())? { Stage::OwnKey } else { begin(&mut ahead, family)? };
        *cursor = ahead;
    }
    match stage {
        Stage::Head => {}
        Stage::Parts { left, part } => {
            while *left > 0 {
                let mut ahead = cursor.clone();
                skip_part(&mut ahead, *part)?;
                *cursor = ahead;
                *left -= 1;
            }
        }
        Stage::OwnKey => loop {
            let mut ahead = cursor.clone();
            let (_, is_last) = own_key::read_part(&mut ahead)?;
            *cursor = ahead;
            if is_last {
                break;
            }
        },
        Stage::Stream(stream) => loop {
            let (mut ahead, mut next) = (cursor.clone(), *stream);
            let more = next.step(&mut ahead)?;
            (*cursor, *stream) = (ahead, next);
            if !more {
                break;
            }
        },
    }
    *stage = Stage::Head;
    Ok(())
}

fn begin(cursor: &mut Cursor<'_>, family: Family) -> Result<Stage, Refused> {
    let head = Head::read(cursor, family)?;
    let (each, part) = match head.value_type.shape() {
        Shape::Blob => return Ok(Stage::Parts { left: 1, part: Part::String }),
        Shape::Strings { each } => (each, Part::String),
        Shape::TextScores => (1, Part::StringAndTextScore),
        Shape::Scores => (1, Part::StringAndScore),
        Shape::Nodes => (1, Part::LengthAndString),
        Shape::TimeAndBlob => {
            cursor.take(8)?;
            return Ok(Stage::Parts { left: 1, part: Part::String });
        }
        Shape::TimedFields { has_earliest } => {
            cursor.take(if has_earliest { 8 } else { 0 })?;
            (1, Part::LengthAndTwoStrings)
        }
        Shape::ExpiringFields => (1, Part::TwoStringsAndTime),
        Shape::Places => {
            cursor.length()?;
            (1, Part::LengthAndString)
        }
        Shape::Stream(form) => return Ok(Stage::Stream(StreamStage::begin(cursor, form)?)),
    };
    let count = cursor.length()?;
    Ok(Stage::Parts { left: count.checked_mul(each).ok_or(Fault::Count(count))?, part })
}

#[inline]
fn skip_part(cursor: &mut Cursor<'_>, part: Part) -> Result<(), Fault> {
    match part {
        Part::String => skip_string(cursor),
        Part::StringAndTextScore => {
            skip_string(cursor)?;
            match cursor.byte()? {
                253..=255 => Ok(()),
                length => cursor.take(u64::from(length)).map(drop),
            }
        }
        Part::StringAndScore => {
            skip_string(cursor)?;
            cursor.take(8).map(drop)
        }
        Part::LengthAndString => {
            cursor.length()?;
            skip_string(cursor)
        }
        Part::LengthAndTwoStrings => {
            cursor.length()?;
            skip_string(cursor)?;
            skip_string(cursor)
        }
        Part::TwoStringsAndTime => {
            skip_string(cursor)?;
            skip_string(cursor)?;
            cursor.take(8).map(drop)
        }
    }
}

#[inline]
pub(super) fn skip_string(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    match cursor.peek()? {
        STRING_INT8..=STRING_LZF => cursor.string().map(drop),
        _ => {
            let length = cursor.length()?;
            cursor.take(length).map(drop)
        }
    }
}
