//! LOLWUT: a cut stone, drawn anew each time, and the version.
//!
//! The drawing is a brilliant seen from above: an outer polygon (the girdle), a smaller one turned by half a corner
//! (the table), and the facets between them. `VERSION` decides the number of corners. Dots are those of Braille
//! characters, two across and four down in each.

use spinel_family::{Command, CommandError, Encoder, Parse, Words, is_token};
use spinel_structs::number::parse_i64;

use crate::Flow;
use crate::REDIS_VERSION;
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// LOLWUT.
    pub(super) static COMMANDS;
    session Lolwut,
}

/// Characters across and down.
const SIZE: (usize, usize) = (40, 20);
/// Corners that a stone can have.
const CORNERS: std::ops::RangeInclusive<i64> = 3..=24;
const DEFAULT_CORNERS: i64 = 8;

/// Draws something, and tells the version.
#[derive(Command)]
#[command(group = Server, since = "5.0.0", flags(readonly, fast), manual, arity = -1)]
struct Lolwut {
    #[arg(token = "VERSION", name = "version")]
    version: Option<i64>,
}

impl<'a> Parse<'a> for Lolwut {
    /// As in Redis, words that no drawing understands are none of its business.
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut version = None;
        if words.len() >= 2 && words.peek().is_some_and(|word| is_token(word, "VERSION")) {
            words.skip_one();
            version = Some(parse_i64(words.take()?).ok_or(CommandError::NotInteger)?);
        }
        words.rest();
        Ok(Self { version })
    }
}

impl SessionCommand for Lolwut {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let turn = (cx.engine().clock.unix_micros() % 1_000_000) as f64 / 1e6;
        let corners = self.version.unwrap_or(DEFAULT_CORNERS);
        let mut text = if CORNERS.contains(&corners) { draw(corners as usize, turn) } else { String::new() };
        text.push_str(&format!("Redis ver. {REDIS_VERSION}\n"));
        out.verbatim("txt", text.as_bytes());
        Ok(Flow::Continue)
    }
}

/// A stone with so many corners, turned by that part of a full turn.
fn draw(corners: usize, turn: f64) -> String {
    let mut canvas = Canvas::new();
    let corner = |number: usize, of: usize, radius: f64| {
        let angle = (number as f64 / of as f64 + turn) * std::f64::consts::TAU;
        (angle.cos() * radius, angle.sin() * radius)
    };
    for number in 0..corners {
        let girdle = [corner(number, corners, 0.98), corner(number + 1, corners, 0.98)];
        // Between two corners of the girdle stands one of the table.
        let table = [corner(2 * number + 1, 2 * corners, 0.5), corner(2 * number + 3, 2 * corners, 0.5)];
        canvas.line(girdle[0], girdle[1]);
        canvas.line(table[0], table[1]);
        canvas.line(girdle[0], table[0]);
        canvas.line(girdle[1], table[0]);
    }
    canvas.render()
}

/// Dots to draw on; coordinates from -1 to 1.
struct Canvas {
    cells: Vec<u8>,
}

impl Canvas {
    fn new() -> Self {
        Self { cells: vec![0; SIZE.0 * SIZE.1] }
    }

    fn dot(&mut self, (x, y): (f64, f64)) {
        let (across, down) = (SIZE.0 * 2, SIZE.1 * 4);
        let place = |at: f64, dots: usize| (((at + 1.0) / 2.0 * dots as f64) as usize).min(dots - 1);
        let (column, row) = (place(x, across), place(y, down));
        /// The bit of each dot of a Braille character, by row and column.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        self.cells[row / 4 * SIZE.0 + column / 2] |= BITS[row % 4][column % 2];
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        /// Enough that no dot of the longest line is left out.
        const STEPS: usize = 160;
        for step in 0..=STEPS {
            let part = step as f64 / STEPS as f64;
            self.dot((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part));
        }
    }

    fn render(&self) -> String {
        /// The Braille character without dots.
        const BLANK: u32 = 0x2800;
        let mut text = String::new();
        for row in self.cells.chunks(SIZE.0) {
            text.extend(row.iter().filter_map(|&bits| char::from_u32(BLANK + u32::from(bits))));
            text.push('\n');
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stone_fills_its_canvas_and_nothing_beyond() {
        for (corners, turn) in [(3, 0.0), (8, 0.3), (24, 0.999)] {
            let drawn = draw(corners, turn);
            let lines: Vec<&str> = drawn.lines().collect();
            assert_eq!(lines.len(), SIZE.1 + 1);
            assert!(lines[..SIZE.1].iter().all(|line| line.chars().count() == SIZE.0));
            assert!(drawn.chars().filter(|&c| c > '\u{2800}').count() > 60, "{drawn}");
        }
    }
}
