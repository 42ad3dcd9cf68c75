//! LATENCY GRAPH: the samples of an event as a drawing of characters.
//!
//! A column for each sample, four rows high with three heights in each (`_`, `o`, `#`), `|` below the top; under
//! it, read downwards, how long ago it was. Lines are 80 columns long, as in Redis, which tools expect.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::latency::{Sample, Spikes};
use crate::session::{SessionCommand, SessionContext};

/// Columns of a line.
const COLUMNS: usize = 80;
/// Rows of the drawing.
const ROWS: usize = 4;
/// The heights that a row can show, lowest first.
const MARKS: &[u8] = b"_o#";

/// Draws the samples of one event.
#[derive(Command)]
#[command(name = "latency|graph", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(tips("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"))]
pub(super) struct LatencyGraph<'a> {
    event: &'a [u8],
}

impl SessionCommand for LatencyGraph<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let Some((event, spikes)) = cx.engine().latency.of(self.event) else {
            return Err(CommandError::quoting("ERR No samples available for event '", self.event, "'"));
        };
        let graph = draw(event, &spikes, cx.worker.now().0 / 1000);
        out.verbatim("txt", graph.as_bytes());
        Ok(Flow::Continue)
    }
}

fn draw(event: &str, spikes: &Spikes, now_seconds: i64) -> String {
    let heights = spikes.samples.iter().map(|sample| sample.millis);
    let (low, high) = (heights.clone().min().unwrap_or(0), heights.max().unwrap_or(0));
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        spikes.max_millis,
        "-".repeat(COLUMNS)
    );
    let samples: Vec<Sample> = spikes.samples.iter().copied().collect();
    let lines: Vec<String> =
        samples.chunks(COLUMNS).map(|line| draw_line(line, low, high, now_seconds)).collect();
    text.push_str(&lines.join("\n"));
    text
}

/// One line of samples: its rows, an empty one, and the rows of the labels.
fn draw_line(samples: &[Sample], low: u64, high: u64, now_seconds: i64) -> String {
    let labels: Vec<String> = samples.iter().map(|sample| age(now_seconds - sample.unix_seconds)).collect();
    let label_rows = labels.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        text.extend(samples.iter().map(|sample| mark(height(sample.millis, low, high), row)));
        text.push('\n');
    }
    text.push_str(&" ".repeat(samples.len()));
    text.push('\n');
    for row in 0..label_rows {
        text.extend(labels.iter().map(|label| label.as_bytes().get(row).map_or(' ', |&byte| byte.into())));
        text.push('\n');
    }
    text
}

/// The step of a value between the lowest and the highest, counted from the bottom.
fn height(millis: u64, low: u64, high: u64) -> usize {
    let steps = ROWS * MARKS.len();
    let range = (high - low).max(1);
    let step = u128::from(millis - low) * steps as u128 / u128::from(range);
    (step as usize).min(steps - 1)
}

/// What a column of that height shows in a row, counted from the bottom.
fn mark(height: usize, row: usize) -> char {
    match height.checked_sub(row * MARKS.len()) {
        None => ' ',
        Some(inside) => MARKS.get(inside).map_or('|', |&mark| mark.into()),
    }
}

/// A time in the past, in its largest unit.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_sample_reaches_the_top_and_labels_stand_below() {
        let spikes = Spikes {
            samples: [(0, 10), (60, 20), (3598, 40)]
                .map(|(unix_seconds, millis)| Sample { unix_seconds, millis })
                .into(),
            max_millis: 50,
        };
        let drawn = draw("command", &spikes, 3600);
        let lines: Vec<&str> = drawn.split('\n').collect();
        assert_eq!(lines[0], "command - high 40 ms, low 10 ms (all time high 50 ms)");
        assert_eq!(lines[1].len(), COLUMNS);
        assert_eq!(&lines[2..], ["  #", "  |", " o|", "_||", "   ", "152", "h9s", " m ", ""]);
    }
}
