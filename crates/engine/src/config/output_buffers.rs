//! `client-output-buffer-limit`: how much may wait to be sent to a client, per class of client.

use super::number;
use super::value::Reason;

/// The limits of one class; a client beyond them is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBufferLimit {
    /// Bytes at which the client is closed at once; 0 for no such limit.
    pub hard_bytes: u64,
    /// Bytes at which the client is closed after [`soft_seconds`](Self::soft_seconds); 0 for no such limit.
    pub soft_bytes: u64,
    /// Seconds for which the soft limit may be exceeded without a break.
    pub soft_seconds: i64,
}

/// The limits of the three classes that have any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBufferLimits {
    /// Ordinary clients, MONITOR among them.
    pub normal: OutputBufferLimit,
    /// Replicas.
    pub replica: OutputBufferLimit,
    /// Clients with a subscription.
    pub pubsub: OutputBufferLimit,
}

impl OutputBufferLimits {
    /// The classes in order of print, each with the name that CONFIG GET uses and the one that a rewritten
    /// file uses.
    pub fn classes(&self) -> [(&'static str, &'static str, OutputBufferLimit); 3] {
        [
            ("normal", "normal", self.normal),
            ("slave", "replica", self.replica),
            ("pubsub", "pubsub", self.pubsub),
        ]
    }

    /// Overwrites the classes named in `words`, groups of `<class> <hard> <soft> <seconds>`, or none on
    /// error.
    pub fn update(&mut self, words: &[Vec<u8>]) -> Result<(), Reason> {
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut updated = *self;
        for group in words.chunks_exact(4) {
            let class = match group[0].to_ascii_lowercase().as_slice() {
                b"normal" => &mut updated.normal,
                b"slave" | b"replica" => &mut updated.replica,
                b"pubsub" => &mut updated.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            *class = parse_limit(&group[1..])
                .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        *self = updated;
        Ok(())
    }

    /// All classes in one line, as CONFIG GET shows them.
    pub fn print(&self) -> String {
        let classes = self.classes().map(|(name, _, limit)| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        });
        classes.join(" ")
    }
}

fn parse_limit(words: &[Vec<u8>]) -> Option<OutputBufferLimit> {
    Some(OutputBufferLimit {
        hard_bytes: number::parse_memory(&words[0])?,
        soft_bytes: number::parse_memory(&words[1])?,
        soft_seconds: number::parse_loose(&words[2], 10).filter(|&seconds| seconds >= 0)?,
    })
}
