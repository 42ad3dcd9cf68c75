//! One client's writes until the connection ends.

use super::notes::{COMMANDS, Notes};
use crate::client::Client;
use std::io;

/// Writes rounds of commands, `depth` of them at once; replies that no server may give, in words.
pub(super) fn run(port: u16, depth: usize, notes: &mut Notes) -> Vec<String> {
    let mut wrong = Vec::new();
    // The end of the connection is what every load ends with.
    let _: io::Result<()> = write_all_along(port, depth, notes, &mut wrong);
    wrong
}

fn write_all_along(port: u16, depth: usize, notes: &mut Notes, wrong: &mut Vec<String>) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    loop {
        let first = notes.sent + 1;
        let last = notes.sent + depth as u64;
        for number in first..=last {
            notes.commands(number).iter().for_each(|words| client.queue(words));
        }
        // Before they are sent: a reply that is lost does not mean a write that is.
        notes.sent = last;
        client.flush()?;
        for number in first..=last {
            for (kind, is_last) in COMMANDS {
                let reply = client.raw_reply()?;
                if reply.starts_with(b"-") || reply.starts_with(b"*-1") {
                    wrong.push(format!("{kind:?} {number}: {}", reply.escape_ascii()));
                } else if is_last {
                    notes.acknowledge(kind, number, &reply, wrong);
                }
            }
        }
    }
}
