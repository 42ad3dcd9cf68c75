//! CONFIG SET.

use super::super::directive::Effect;
use super::super::registry::{directives, find_directive};
use super::super::{Caller, Change, SetError, Settings, set};
use super::{TestDisk, bytes, shown};

const FACTS: &str = include_str!("config_set.tsv");
const NEWER_FACTS: &str = include_str!("newer_config_set.tsv");
const LOCAL: Caller = Caller { is_local: true, is_loading: false };

fn set_all(settings: &Settings, pairs: &[(&str, &str)], caller: Caller) -> Result<Change, SetError> {
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        pairs.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
    set(settings, &pairs, caller, &TestDisk::with(&[("/srv/data/file", "")]))
}

fn error(pairs: &[(&str, &str)], caller: Caller) -> String {
    set_all(&Settings::default(), pairs, caller).expect_err("this is refused").to_string()
}

#[test]
fn values_are_taken_and_refused_as_by_the_references() {
    let settings = Settings::default();
    for line in FACTS.lines().chain(NEWER_FACTS.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, value, outcome, expected] = fields[..] else { panic!("four fields in {line}") };
        let (directive, _) = find_directive(name.as_bytes()).expect("the reference's names are known");
        let answer = set_all(&settings, &[(name, value)], LOCAL);
        match (outcome, directive.effect) {
            ("=", Effect::Later(feature)) if expected != shown(&settings, name) => {
                let refusal =
                    SetError::failed(name, format!("{feature} is not supported yet by this version"));
                assert_eq!(answer.expect_err(line), refusal, "{line}");
            }
            ("=", _) => assert_eq!(shown(&answer.expect(line).settings, name), expected, "{line}"),
            _ => assert_eq!(answer.expect_err(line), SetError::failed(name, expected.to_owned()), "{line}"),
        }
    }
}

#[test]
fn newer_names_that_are_fixed_take_the_value_that_they_have() {
    let settings = Settings::default();
    for (name, other) in [
        ("server-cpulist", "0"),
        ("server_cpulist", "no list"),
        ("unixsocketgroup", "root"),
        ("hash-seed", "x"),
        ("mptcp", "yes"),
        ("cluster-databases", "2"),
    ] {
        let change = set_all(&settings, &[(name, &shown(&settings, name))], LOCAL).expect(name);
        assert_eq!(change.settings, settings, "{name}");
        let refusal = SetError::failed(name, "can't set immutable config");
        assert_eq!(set_all(&settings, &[(name, other)], LOCAL).expect_err(name), refusal);
    }
}

#[test]
fn each_directive_takes_the_value_it_shows() {
    let mut settings = Settings::default();
    settings.persistence.dir = bytes("/srv");
    settings.security.enable_protected_configs = super::super::ProtectedAction::Yes;
    for directive in directives() {
        let value = shown(&settings, directive.name);
        match set_all(&settings, &[(directive.name, &value)], LOCAL) {
            Ok(change) => {
                assert_eq!(change.settings, settings, "{}", directive.name);
                assert!(change.changed.is_empty(), "{}", directive.name);
            }
            Err(error) => {
                assert_eq!(error, SetError::failed(directive.name, "can't set immutable config"));
            }
        }
    }
}

#[test]
fn errors_name_the_first_problem() {
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'nope'";
    assert_eq!(error(&[("hz", "1"), ("nope", "1"), ("daemonize", "yes")], LOCAL), unknown);
    let related = |name: &str, reason: &str| {
        format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    assert_eq!(error(&[("Daemonize", "yes")], LOCAL), related("Daemonize", "can't set immutable config"));
    assert_eq!(error(&[("dbfilename", "x")], LOCAL), related("dbfilename", "can't set protected config"));
    assert_eq!(error(&[("hz", "1"), ("HZ", "2")], LOCAL), related("HZ", "duplicate parameter"));
    assert_eq!(
        error(&[("TIMEOUT", "x"), ("hz", "y")], LOCAL),
        related("timeout", "argument couldn't be parsed into an integer")
    );
    assert_eq!(
        error(&[("maxmemory-clients", "200%"), ("client-query-buffer-limit", "invalid")], LOCAL),
        related("maxmemory-clients", "percentage argument must be less or equal to 100")
    );
    assert_eq!(
        error(&[("slave-priority", "x")], LOCAL),
        related("slave-priority", "argument couldn't be parsed into an integer")
    );
}

#[test]
fn replies_are_one_line() {
    assert_eq!(
        error(&[("a\r\nb", "1")], LOCAL),
        "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'"
    );
}

#[test]
fn an_alias_and_its_directive_are_not_duplicates() {
    let pairs = [("hash-max-listpack-entries", "1"), ("hash-max-ziplist-entries", "2")];
    let change = set_all(&Settings::default(), &pairs, LOCAL).expect("the reference takes both");
    assert_eq!(change.settings.encodings.hash_max_listpack_entries, 2);
    assert_eq!(change.changed.len(), 1);
    assert!(change.touches("hash-max-listpack-entries"));
}

#[test]
fn protected_directives_follow_enable_protected_configs() {
    let mut settings = Settings::default();
    settings.persistence.dir = bytes("/srv");
    settings.security.enable_protected_configs = super::super::ProtectedAction::Local;
    let change = set_all(&settings, &[("dir", "data")], LOCAL).expect("local clients may");
    assert_eq!(shown(&change.settings, "dir"), "/srv/data");
    let remote = Caller { is_local: false, is_loading: false };
    let refused = set_all(&settings, &[("dir", "data")], remote).expect_err("others may not");
    assert_eq!(refused, SetError::failed("dir", "can't set protected config"));
    let missing = set_all(&settings, &[("dir", "nowhere")], LOCAL).expect_err("no such directory");
    assert_eq!(missing, SetError::failed("dir", "No such file or directory"));
    let loading = Caller { is_local: true, is_loading: true };
    assert_eq!(
        set_all(&settings, &[("hz", "5"), ("dir", "data")], loading).expect_err("loading"),
        SetError::Loading
    );
    assert!(set_all(&settings, &[("loglevel", "debug")], loading).is_ok());
}

#[test]
fn only_differences_count_as_changes() {
    let pairs = [("hz", "10"), ("timeout", "5"), ("save", "")];
    let change = set_all(&Settings::default(), &pairs, LOCAL).expect("valid values");
    let names: Vec<&str> = change.changed.iter().map(|directive| directive.name).collect();
    assert_eq!(names, ["timeout", "save"]);
}

#[test]
fn what_is_fixed_at_the_start_can_be_set_to_itself_only() {
    let settings = Settings::default();
    let change = set_all(&settings, &[("threads", "0"), ("shards", "0")], LOCAL).expect("nothing changes");
    assert_eq!(change.changed.len(), 0);
    let refused = set_all(&settings, &[("threads", "2")], LOCAL).expect_err("loops are made at the start");
    assert_eq!(refused, SetError::failed("threads", "can't set immutable config"));
}
