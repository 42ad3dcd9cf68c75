//! What the servers say about commands: `COMMAND`, `COMMAND DOCS`, `COMMAND LIST` and `COMMAND GETKEYS` of every command
//! that the subject has, compared with the reference; and how the commands answer to odd arguments.
//!
//! Facts are compared (arity, flags, keys, categories, tips, arguments, versions), prose is not (summaries,
//! complexities, notes, what changed in a version). What differs on purpose is in [`known`], and an entry that nothing
//! needs any more is a difference too. Commands that only the reference has are not its subject's fault.

mod facts;
pub mod known;
mod lines;
mod odd;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use crate::client::Client;
use facts::{Facts, name_of};
use known::KNOWN;

/// What a check of one kind of fact came to.
#[derive(Debug, Default)]
pub struct Check {
    /// Commands or lines compared.
    pub compared: usize,
    /// What differs, for people.
    pub differences: Vec<String>,
}

/// The result by kind of fact.
pub type Checks = BTreeMap<&'static str, Check>;

/// Compares two servers, both spoken to in RESP3.
///
/// # Errors
/// When a connection ends or a reply is not understood.
pub fn compare(reference: &mut Client, subject: &mut Client) -> io::Result<Checks> {
    for client in [&mut *reference, &mut *subject] {
        client.call(&["HELLO", "3"])?;
        // What `SLOWLOG` answers must not depend on how busy the machine is.
        client.call(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"])?;
    }
    let mut run = Run { checks: Checks::new(), needed: BTreeSet::new() };
    let (theirs, ours) = (facts::read(reference)?, facts::read(subject)?);
    for (name, facts) in &ours {
        run.compare_facts(name, theirs.get(name), facts);
    }
    run.compare_lists(reference, subject, &theirs, &ours)?;
    run.compare_keys(reference, subject, &ours)?;
    let shared = ours.keys().filter(|name| theirs.contains_key(*name));
    run.compare_odd_calls(reference, subject, shared)?;
    run.check_known();
    Ok(run.checks)
}

struct Run {
    checks: Checks,
    /// The entries of [`KNOWN`] that something needed.
    needed: BTreeSet<(&'static str, &'static str)>,
}

impl Run {
    fn note(&mut self, kind: &'static str, name: &str, difference: Option<String>) {
        let excuse = KNOWN.iter().find(|(command, fact, _)| *command == name && *fact == kind);
        let check = self.checks.entry(kind).or_default();
        check.compared += 1;
        match (difference, excuse) {
            (None, _) => {}
            (Some(_), Some((command, fact, _))) => {
                self.needed.insert((command, fact));
            }
            (Some(text), None) => check.differences.push(text),
        }
    }

    fn compare_facts(&mut self, name: &str, reference: Option<&Facts>, subject: &Facts) {
        let Some(reference) = reference else {
            self.note("existence", name, Some(format!("{name}: the reference has no such command")));
            return;
        };
        self.note("existence", name, None);
        let kinds: BTreeSet<&'static str> = reference.keys().chain(subject.keys()).copied().collect();
        for kind in kinds {
            let (theirs, ours) = (reference.get(kind), subject.get(kind));
            let text = |value: Option<&String>| value.cloned().unwrap_or_else(|| "nothing".to_owned());
            let difference = (theirs != ours)
                .then(|| format!("{name}:\n    reference {}\n    subject   {}", text(theirs), text(ours)));
            self.note(kind, name, difference);
        }
    }

    /// The lists by category hold the same of those commands that both have; so do a few others.
    fn compare_lists(
        &mut self,
        reference: &mut Client,
        subject: &mut Client,
        theirs: &BTreeMap<String, Facts>,
        ours: &BTreeMap<String, Facts>,
    ) -> io::Result<()> {
        let is_shared = |name: &String| theirs.contains_key(name) && ours.contains_key(name);
        let mut filters = vec![vec!["PATTERN".to_owned(), "*s*".to_owned()], vec![]];
        filters.extend(lines::CATEGORIES.iter().map(|name| vec!["ACLCAT".to_owned(), (*name).to_owned()]));
        for filter in filters {
            let mut words = vec!["COMMAND".to_owned(), "LIST".to_owned()];
            if !filter.is_empty() {
                words.push("FILTERBY".to_owned());
                words.extend(filter);
            }
            let names = |client: &mut Client| -> io::Result<BTreeSet<String>> {
                let reply = client.call(&words)?;
                Ok(facts::items(&reply).iter().map(name_of).filter(is_shared).collect())
            };
            let (theirs, ours) = (names(reference)?, names(subject)?);
            let differing: Vec<&String> = theirs.symmetric_difference(&ours).collect();
            let line = words.join(" ");
            let difference = (!differing.is_empty()).then(|| format!("{line}: {differing:?}"));
            self.note("lists", &line, difference);
        }
        Ok(())
    }

    /// The keys that both find in made-up calls of every command, and the errors for calls that are wrong.
    fn compare_keys(
        &mut self,
        reference: &mut Client,
        subject: &mut Client,
        ours: &BTreeMap<String, Facts>,
    ) -> io::Result<()> {
        let documents = facts::read_arguments(reference)?;
        let mut calls: Vec<Vec<String>> = lines::WRONG.iter().map(|line| words_of(line)).collect();
        for (name, arguments) in documents.iter().filter(|(name, _)| ours.contains_key(*name)) {
            calls.extend(lines::calls(name, arguments));
        }
        for call in calls {
            for question in ["GETKEYS", "GETKEYSANDFLAGS"] {
                let mut words = vec!["COMMAND".to_owned(), question.to_owned()];
                words.extend(call.iter().cloned());
                let theirs = facts::normal(&reference.call(&words)?);
                let ours = facts::normal(&subject.call(&words)?);
                let line = words.join(" ");
                let difference = (theirs != ours)
                    .then(|| format!("{line}:\n    reference {theirs}\n    subject   {ours}"));
                self.note("keys of calls", &call.join(" "), difference);
            }
        }
        Ok(())
    }

    /// The answers to calls with odd arguments, each on an empty data set.
    fn compare_odd_calls<'n>(
        &mut self,
        reference: &mut Client,
        subject: &mut Client,
        names: impl Iterator<Item = &'n String>,
    ) -> io::Result<()> {
        for name in names.filter(|name| odd::are_for(name)) {
            for arguments in odd::ARGUMENTS {
                let words: Vec<&str> = name.split('|').chain(arguments.iter().copied()).collect();
                let answer = |client: &mut Client| -> io::Result<String> {
                    client.call(&["FLUSHALL"])?;
                    wait_for_rest(client)?;
                    Ok(odd::without_words_of_compiler(facts::normal(&client.call(&words)?)))
                };
                let (theirs, ours) = (answer(reference)?, answer(subject)?);
                let difference = (theirs != ours)
                    .then(|| format!("{words:?}:\n    reference {theirs}\n    subject   {ours}"));
                self.note("answers to odd calls", name, difference);
            }
        }
        Ok(())
    }

    /// Every known difference was met.
    fn check_known(&mut self) {
        for (command, fact, _) in KNOWN {
            let difference = (!self.needed.contains(&(command, fact)))
                .then(|| format!("{command}: its {fact} is as in the reference, take it off the list"));
            let check = self.checks.entry("list of known differences").or_default();
            check.compared += 1;
            check.differences.extend(difference);
        }
    }
}

/// Waits until no save or rewrite that an earlier call began is under way or scheduled: answers depend on it.
fn wait_for_rest(client: &mut Client) -> io::Result<()> {
    const UNDER_WAY: [&str; 4] = [
        "rdb_bgsave_in_progress:1",
        "aof_rewrite_in_progress:1",
        "aof_rewrite_scheduled:1",
        "rdb_bgsave_scheduled:1",
    ];
    loop {
        let info = facts::normal(&client.call(&["INFO", "persistence"])?);
        if !UNDER_WAY.iter().any(|line| info.contains(line)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn words_of(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
