//! The thread of one MIGRATE.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use spinel_family::{CallOptions, EventClass};
use spinel_rdb::payload::dump;
use spinel_store::Entry;

use super::exchange::{Broken, Exchange};
use crate::Engine;
use crate::apart::Reading;
use crate::cores::Work;
use crate::data::{ShardSet, normalise};
use crate::offload::update_elsewhere;
use crate::persistence::{Asker, NoThread, payload_options};

/// A key on its way.
pub(super) struct Parcel {
    /// Key, value and expiry as they were.
    pub(super) entry: Entry,
    /// Lets its writers wait.
    pub(super) reading: Reading,
}

/// See the module.
pub(super) struct Transfer {
    pub(super) host: String,
    pub(super) port: String,
    pub(super) database: i64,
    /// Of each step.
    pub(super) timeout: Duration,
    pub(super) copies: bool,
    pub(super) replaces: bool,
    /// The words of AUTH, if any.
    pub(super) credentials: Vec<Box<[u8]>>,
    pub(super) options: CallOptions,
    pub(super) parcels: Vec<Parcel>,
}

/// What an exchange brought.
struct Outcome {
    /// The numbers of the parcels that the other server has taken.
    taken: Vec<usize>,
    /// The error of the reply.
    error: Option<String>,
}

impl Transfer {
    /// Starts the thread, which answers the client.
    ///
    /// # Errors
    /// [`NoThread`]; then nobody waits any more.
    pub(super) fn begin(self, engine: &Arc<Engine>, asker: Asker) -> Result<(), NoThread> {
        let readings: Vec<Reading> = self.parcels.iter().map(|parcel| parcel.reading.clone()).collect();
        let own = Arc::clone(engine);
        let begun = engine.spawn_persisting("migrate", Work::Background, move || self.run(&own, asker));
        if begun.is_err() {
            readings.iter().for_each(|reading| reading.end(&engine.keyspace));
        }
        begun
    }

    fn run(self, engine: &Engine, asker: Asker) {
        let outcome = self.exchange(engine);
        if !self.copies && !outcome.taken.is_empty() {
            self.delete(engine, &outcome.taken);
        }
        for parcel in &self.parcels {
            parcel.reading.end(&engine.keyspace);
        }
        engine.keyspace.wake_missed();
        asker.answer(engine, outcome.error.as_deref().map_or(Ok("OK"), Err));
    }

    fn exchange(&self, engine: &Engine) -> Outcome {
        let mut outcome = Outcome { taken: Vec::new(), error: None };
        let link = match engine.host().dial.dial(&self.host, &self.port, self.timeout) {
            Ok(link) => link,
            Err(error) => {
                // Redis finds out that it was refused when it writes.
                let what = match error.kind() {
                    ErrorKind::ConnectionRefused => "writing to target instance",
                    _ => "connecting to the client",
                };
                outcome.error = Some(format!("IOERR error or timeout {what}"));
                return outcome;
            }
        };
        let is_over = || engine.is_shutting_down();
        let mut exchange = Exchange::new(link, self.timeout, &is_over);
        let result = self.send(engine, &mut exchange).and_then(|()| self.read(&mut exchange, &mut outcome));
        if let Err(broken) = result {
            let what = match broken {
                Broken::Writing => "writing",
                Broken::Reading => "reading",
            };
            outcome.error = Some(format!("IOERR error or timeout {what} to target instance"));
        }
        outcome
    }

    fn send(&self, engine: &Engine, exchange: &mut Exchange<'_>) -> Result<(), Broken> {
        if !self.credentials.is_empty() {
            let words: Vec<&[u8]> =
                std::iter::once(&b"AUTH"[..]).chain(self.credentials.iter().map(|word| &**word)).collect();
            exchange.send(words.iter().copied())?;
        }
        exchange.send([&b"SELECT"[..], self.database.to_string().as_bytes()])?;
        let published = engine.published();
        for Parcel { entry, .. } in &self.parcels {
            let ttl_ms = entry.expiry().map_or(0, |at| (at.0 - engine.clock.unix_millis().0).max(1));
            let options = payload_options(&published.for_commands, entry);
            let (ttl, payload) = (ttl_ms.to_string(), dump(entry.value(), options));
            let words = [&b"RESTORE"[..], entry.key(), ttl.as_bytes(), &payload, b"REPLACE"];
            exchange.send(words[..if self.replaces { 5 } else { 4 }].iter().copied())?;
        }
        Ok(())
    }

    fn read(&self, exchange: &mut Exchange<'_>, outcome: &mut Outcome) -> Result<(), Broken> {
        let refused = |reply: &str| reply.strip_prefix('-').map(str::to_owned);
        let mut first = None;
        for _ in 0..usize::from(!self.credentials.is_empty()) + 1 {
            first = first.or(refused(&exchange.read_reply()?));
        }
        for number in 0..self.parcels.len() {
            let reply = exchange.read_reply()?;
            // What was restored without the password or into another database was not asked for.
            match first.clone().or_else(|| refused(&reply)) {
                None => outcome.taken.push(number),
                Some(text) if outcome.error.is_none() => {
                    outcome.error = Some(format!("ERR Target instance replied with error: {text}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Deletes what was taken and is still the same.
    fn delete(&self, engine: &Engine, taken: &[usize]) {
        let keyspace = &engine.keyspace;
        let entries = || taken.iter().map(|&number| &self.parcels[number].entry);
        let mut shards: ShardSet =
            entries().map(|entry| keyspace.shard_of(keyspace.key(entry.key()).hash)).collect();
        normalise(&mut shards);
        update_elsewhere(engine, self.options, &shards, |cx| {
            let mut words: Vec<Box<[u8]>> = vec![b"DEL"[..].into()];
            for entry in entries() {
                let key = keyspace.key(entry.key());
                if cx.as_query().peek(key).is_some_and(|now| now.has_same_value(entry)) && cx.remove(key) {
                    cx.changed(key, EventClass::Generic, "del");
                    words.push(key.bytes.into());
                }
            }
            if words.len() > 1 {
                cx.propagate_as(words);
            }
        });
    }
}
