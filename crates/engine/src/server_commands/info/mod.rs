//! INFO: figures about the server, by section.
//!
//! The sections, their titles, field names, order and number formats are those of Redis 7.0.15, because tools
//! parse them; fields of features that are not there yet say so by their zero. `server_name`, `spinel_version`
//! and `spinel_command_panics` are ours.

mod clients;
mod command_stats;
mod keyspace;
pub(super) mod memory;
mod persistence;
mod server;
mod stats;
mod text;

use spinel_family::{Command, CommandError, Encoder, Many};

use crate::session::{SessionCommand, SessionContext, session_commands};
use crate::{Flow, Worker};
use text::Report;

session_commands! {
    /// INFO.
    pub(super) static COMMANDS;
    session Info,
}

/// A section of the report.
struct Section {
    /// The name that asks for it.
    name: &'static str,
    /// The name above it.
    title: &'static str,
    /// Whether it is there when nothing is asked for.
    by_default: bool,
    write: fn(&Worker, &mut Report),
}

const fn section(name: &'static str, title: &'static str, write: fn(&Worker, &mut Report)) -> Section {
    Section { name, title, by_default: true, write }
}

const fn extra(name: &'static str, title: &'static str, write: fn(&Worker, &mut Report)) -> Section {
    Section { name, title, by_default: false, write }
}

/// The sections in the order of the report.
const SECTIONS: &[Section] = &[
    section("server", "Server", server::server),
    section("clients", "Clients", clients::clients),
    section("memory", "Memory", memory::memory),
    section("persistence", "Persistence", persistence::persistence),
    section("stats", "Stats", stats::stats),
    section("replication", "Replication", server::replication),
    section("cpu", "CPU", server::cpu),
    section("modules", "Modules", |_, _| {}),
    extra("commandstats", "Commandstats", command_stats::command_stats),
    section("errorstats", "Errorstats", command_stats::error_stats),
    extra("latencystats", "Latencystats", command_stats::latency_stats),
    section("cluster", "Cluster", |_, report| report.field("cluster_enabled", 0)),
    section("keyspace", "Keyspace", keyspace::keyspace),
];

/// Tells about the server: version, clients, memory, counters and more, by section.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", flags(loading, stale))]
#[command(categories(Dangerous), history = &[("7.0.0", "Several sections can be asked for at once.")])]
#[command(tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"))]
#[command(manual, arity = -1)]
struct Info<'a> {
    #[arg(name = "section", trailing)]
    sections: Option<Many<'a, &'a [u8]>>,
}

impl<'a> spinel_family::Parse<'a> for Info<'a> {
    fn parse(words: &mut spinel_family::Words<'a>) -> Result<Self, CommandError> {
        let sections = if words.is_empty() { None } else { Some(spinel_family::Field::parse(words)?) };
        Ok(Self { sections })
    }
}

impl Info<'_> {
    fn wants(&self, section: &Section) -> bool {
        let Some(sections) = &self.sections else { return section.by_default };
        let asked = |word: &[u8]| {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            is(section.name)
                || section.name == "modules" && is("module_list")
                || section.by_default && is("default")
                || is("all")
                || is("everything")
        };
        sections.items().any(asked)
    }
}

impl SessionCommand for Info<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut report = Report::default();
        for section in SECTIONS.iter().filter(|section| self.wants(section)) {
            report.begin(section.title);
            (section.write)(cx.worker, &mut report);
        }
        out.verbatim("txt", report.as_str().as_bytes());
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(words: &[&str]) -> Vec<&'static str> {
        let words = spinel_family::OwnedArgs::from_words(words);
        let key = spinel_store::HashKey::from_bytes([0; 16]);
        let mut words = spinel_family::Words::new(words.args(), 1, &key, None);
        let info = <Info<'_> as spinel_family::Parse<'_>>::parse(&mut words).unwrap();
        SECTIONS.iter().filter(|section| info.wants(section)).map(|section| section.name).collect()
    }

    #[test]
    fn sections_are_chosen_by_name_in_the_order_of_the_report_and_once() {
        assert_eq!(titles(&["info", "CPU", "server", "cpu"]), ["server", "cpu"]);
        assert_eq!(titles(&["info", "nothing"]), Vec::<&str>::new());
        assert_eq!(titles(&["info"]), titles(&["info", "default"]));
        assert_eq!(titles(&["info"]).len(), SECTIONS.len() - 2);
        assert_eq!(titles(&["info", "cpu", "all"]).len(), SECTIONS.len());
        assert_eq!(titles(&["info", "everything"]).len(), SECTIONS.len());
        assert_eq!(titles(&["info", "module_list"]), ["modules"]);
    }
}
