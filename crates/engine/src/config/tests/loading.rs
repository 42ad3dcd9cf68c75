//! Configuration files and start lines; the errors are those of the reference for the same text.

use super::super::{
    CommandLine, LoadError, LogLevel, OsDisk, Rename, Rewrite, Settings, load, parse_command_line, rewrite,
};
use super::{TestDisk, bytes, is_command, load_file, shown, text};

/// The directives of the configuration file that Debian's package of the reference has.
const STOCK: &str = include_str!("stock.conf");

/// The file that the reference's own suite starts servers with.
const SUITE: &str = "always-show-logo yes
notify-keyspace-events KEA
daemonize no
pidfile /var/run/redis.pid
port 6379
timeout 0
bind 127.0.0.1
loglevel verbose
logfile ''
databases 16
latency-monitor-threshold 1
repl-diskless-sync-delay 0
save 900 1
rdbcompression yes
dbfilename dump.rdb
dir ./
slave-serve-stale-data yes
appendonly no
appendfsync everysec
no-appendfsync-on-rewrite no
activerehashing yes
enable-protected-configs yes
enable-debug-command yes
enable-module-command yes
propagation-error-behavior panic
unixsocket /tmp/s
";

fn refusal(file: &str) -> (usize, String, String) {
    match load_file(file, &[("/srv/inc.conf", "\n\nhz y\n")]) {
        Err(LoadError::Line { number, line, reason }) => (number, text(&line), reason),
        other => panic!("{file} gave {other:?}"),
    }
}

/// Starts with the suite's file, or without a file, and the given arguments.
fn start(file: Option<&str>, args: &[&str]) -> Result<Settings, LoadError> {
    let disk = TestDisk::with(&[("/srv/suite.conf", SUITE)]);
    let args: Vec<Vec<u8>> = file.iter().chain(args).map(|arg| bytes(arg)).collect();
    match parse_command_line(&args) {
        CommandLine::Serve(invocation) => {
            load(&invocation, b"hz 77\nport 1\n", &disk, &is_command).map(|loaded| loaded.settings)
        }
        other => panic!("{args:?} gave {other:?}"),
    }
}

#[test]
fn the_moment_to_restore_to_is_an_option_of_the_command_line_only() {
    let moment = |args: &[&str]| start(Some("/srv/suite.conf"), args).map(|it| it.persistence.aof.restore_to);
    let expected = "2026-01-31 12:00:00.250".parse().ok();
    assert!(expected.is_some());
    for args in [
        &["--restore-to", "2026-01-31 12:00:00.250"][..],
        &["--restore-to", "2026-01-31", "12:00:00.250"],
        &["--restore-to 2026-01-31T12:00:00.25Z", "--hz", "5"],
        &["--hz", "5", "--Restore-To", "1769860800.25"],
    ] {
        assert_eq!(moment(args), Ok(expected), "{args:?}");
    }
    assert_eq!(moment(&["--restore-to", ""]), Ok(None));
    let refused = start(None, &["--restore-to", "yesterday"]).map(|_| ());
    assert!(refused.is_err_and(|error| error.to_string().contains("argument must be Unix seconds")));
    let only = "'restore-to' is accepted on the command line only";
    assert_eq!(refusal("hz 5\nrestore-to 5"), (2, "restore-to 5".to_owned(), only.to_owned()));
    let disk = TestDisk::with(&[("/srv/a.conf", "restore-to 5\n")]);
    let CommandLine::Serve(invocation) = parse_command_line(&[bytes("--include"), bytes("/srv/a.conf")])
    else {
        panic!("that serves")
    };
    assert!(load(&invocation, b"", &disk, &is_command).is_err_and(|error| error.to_string().contains(only)));
}

#[test]
fn what_is_preloaded_has_a_kind_and_a_path() {
    let format = "argument must be in the format '[aof|rdb]:[filename]'";
    let path = "preload-file path must be a normalized absolute file path";
    for (value, expected) in [
        ("aof:/b/a.manifest", None),
        ("rdb:/b/dump.rdb", None),
        ("\"\"", None),
        ("invalid:/tmp/foo.rdb", Some(format)),
        ("aof:b/a.manifest", Some(format)),
        ("aof:/b/../a.manifest", Some(path)),
        ("rdb:/b//a.rdb", Some(path)),
        ("rdb:/tmp/foo", Some("preload-file must end with an extension")),
        ("aof:/tmp/foo.", Some("preload-file must end with an extension")),
    ] {
        match (load_file(&format!("preload-file {value}"), &[]), expected) {
            (Ok(_), None) => {}
            (Err(LoadError::Line { reason, .. }), Some(expected)) => assert_eq!(reason, expected, "{value}"),
            (other, _) => panic!("{value} gave {other:?}"),
        }
    }
    assert_eq!(refusal("backupdirname /tmp/x").2, "backupdirname can't be a path, just a dirname");
}

#[test]
fn stock_files_load() {
    let settings = load_file(STOCK, &[("/var/lib/redis/dump.rdb", "")]).expect("the stock file loads");
    assert!(settings.process.daemonize);
    assert_eq!(settings.network.bind, [bytes("127.0.0.1"), bytes("-::1")]);
    assert_eq!(shown(&settings, "dir"), "/var/lib/redis");
    assert_eq!(shown(&settings, "save"), "3600 1 300 100 60 10000");
    let settings = load_file(SUITE, &[]).expect("the suite's file loads");
    assert_eq!(settings.log.level, LogLevel::Verbose);
    assert_eq!(shown(&settings, "notify-keyspace-events"), "AKE");
    assert_eq!(shown(&settings, "dir"), "/srv");
    assert_eq!(shown(&settings, "save"), "900 1");
}

#[test]
fn bad_lines_are_refused_as_by_the_reference() {
    for (file, number, line, reason) in [
        ("port\n", 1, "port", "wrong number of arguments"),
        ("hz 5\n\n   PORT  1 2 \n", 3, "PORT  1 2", "wrong number of arguments"),
        ("hz \"5", 1, "hz \"5", "Unbalanced quotes in configuration line"),
        ("save 1", 1, "save 1", "Invalid save parameters"),
        ("save \"100 \"", 1, "save \"100 \"", "Invalid save parameters"),
        ("rename-command nosuch x", 1, "rename-command nosuch x", "No such command in rename-command"),
        ("rename-command get set", 1, "rename-command get set", "Target command name already exists"),
        (
            "rename-command get \"\"\nrename-command get x",
            2,
            "rename-command get x",
            "No such command in rename-command",
        ),
        ("include no*.conf\nhz x", 2, "hz x", "argument couldn't be parsed into an integer"),
        (
            "hz 5\nhz 6\nhz 7\nhz 8\ninclude inc.conf",
            3,
            "hz y",
            "argument couldn't be parsed into an integer",
        ),
        ("include", 1, "include", "Bad directive or wrong number of arguments"),
        ("foo.bar", 1, "foo.bar", "Module config specified without value"),
        ("sentinel monitor x", 1, "sentinel monitor x", "sentinel directive while not in sentinel mode"),
        ("dir /nowhere", 1, "dir /nowhere", "No such file or directory"),
        ("dir a b", 1, "dir a b", "wrong number of arguments"),
        (
            "lua-replicate-commands yes\nlist-max-ziplist-value",
            2,
            "list-max-ziplist-value",
            "Bad directive or wrong number of arguments",
        ),
        ("replicaof a", 1, "replicaof a", "wrong number of arguments"),
        ("replicaof a 70000", 1, "replicaof a 70000", "Invalid master port"),
        (
            "loglevel 'ver bose'",
            1,
            "loglevel 'ver bose'",
            "argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        ("loadmodule", 1, "loadmodule", "Bad directive or wrong number of arguments"),
        ("databases 0", 1, "databases 0", "argument must be between 1 and 65535 inclusive"),
        ("unixsocketperm 1777", 1, "unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
        ("\"hz\" x", 1, "\"hz\" x", "argument couldn't be parsed into an integer"),
        ("appenddirname ''", 1, "appenddirname ''", "appenddirname can't be empty"),
        (
            "shutdown-on-sigterm save nosave",
            1,
            "shutdown-on-sigterm save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
    ] {
        assert_eq!(refusal(file), (number, line.to_owned(), reason.to_owned()), "{file}");
    }
}

#[test]
fn what_is_not_there_yet_is_refused_unless_it_is_switched_off() {
    for (line, feature) in [
        ("replicaof 10.0.0.1 6379", "replication"),
        ("slaveof 10.0.0.1 6379", "replication"),
        ("cluster-enabled yes", "the cluster"),
        ("tls-port 6380", "TLS"),
        ("aclfile /etc/users.acl", "a file of ACL users"),
    ] {
        assert_eq!(refusal(line).2, format!("{feature} is not supported yet by this version"), "{line}");
    }
    assert_eq!(refusal("loadmodule /x.so a").2, "modules are not supported yet by this version");
    assert!(refusal("user alice on nopass").2.ends_with("not supported yet by this version"));
    for line in [
        "appendonly no",
        "replicaof no one",
        "cluster-enabled no",
        "tls-port 0",
        "maxmemory 100mb",
        "aclfile ''",
    ] {
        assert!(load_file(line, &[]).is_ok(), "{line}");
    }
    assert!(load_file("user default on nopass ~* &* +@all", &[]).is_ok());
}

#[test]
fn newer_servers_names_mean_what_their_older_ones_do() {
    let settings = load_file(
        "server-cpulist 0,2\nbgsave-cpulist 0-7:2\nprimaryuser me\ncommandlog-execution-slower-than 5\n\
         commandlog-slow-execution-max-len 7\nlua-enable-insecure-api yes",
        &[],
    )
    .expect("it loads");
    assert_eq!(settings.process.cpus.server, b"0,2");
    assert_eq!(settings.process.cpus.snapshot, b"0-7:2");
    assert_eq!(settings.observation.slowlog_log_slower_than_us, 5);
    assert_eq!(settings.observation.slowlog_max_len, 7);
    assert!(settings.scripts.lua_deprecated_api);
    for (old, new) in [
        ("server_cpulist", "server-cpulist"),
        ("masteruser", "primaryuser"),
        ("slowlog-max-len", "commandlog-slow-execution-max-len"),
    ] {
        assert_eq!(shown(&settings, old), shown(&settings, new), "{new}");
    }
    let written = text(&rewrite(b"primaryuser me\n", &settings, Rewrite::Changed));
    assert!(written.starts_with("masteruser \"me\"\n"), "{written}");
}

#[test]
fn lists_of_cores_and_locales_are_read_at_the_start() {
    assert_eq!(refusal("bio_cpulist 3-1").2, "argument must be a list of CPUs like 0,2,4-7 or 0-7:2");
    assert_eq!(refusal("locale-collate de_DE.UTF-8").2, "Invalid locale name");
    let long = "x".repeat(257);
    assert_eq!(
        refusal(&format!("hash-seed {long}")).2,
        "hash-seed must be less than or equal to 256 characters"
    );
    for line in ["bio_cpulist ''", "locale-collate C", "hash-seed x", "rdma-bind ''", "mptcp no"] {
        assert!(load_file(line, &[]).is_ok(), "{line}");
    }
}

#[test]
fn unknown_names_are_told_the_nearest() {
    let (_, _, reason) = refusal("maxmemry 5");
    assert_eq!(reason, "Bad directive or wrong number of arguments\nDid you mean 'maxmemory'?");
}

#[test]
fn reports_have_the_form_that_tools_look_for() {
    let error = load_file("hz 1\nhz x", &[]).expect_err("a bad line");
    assert_eq!(
        text(&error.report("Redis 7.0.15")),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 2\n>>> 'hz x'\n\
         argument couldn't be parsed into an integer\n"
    );
    let error = load_file("include nowhere.conf", &[]).expect_err("a missing file");
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file 'nowhere.conf': No such file or directory"
    );
    let error = start(Some("nofile.conf"), &[]).expect_err("a missing file");
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file '/srv/nofile.conf': No such file or directory"
    );
}

#[test]
fn bad_arguments_are_refused_as_by_the_reference() {
    for (args, number, line, reason) in [
        (&["--port"][..], 2, "port", "wrong number of arguments"),
        (&["--port", "6380", "--loglevel"], 3, "loglevel", "wrong number of arguments"),
        (&["--port", "6379", "6380"], 2, "port \"6379\" \"6380\"", "wrong number of arguments"),
        (
            &["--port", "--loglevel", "verbose"],
            2,
            "port \"--loglevel\" \"verbose\"",
            "wrong number of arguments",
        ),
        (
            &["--port", "--bla", "--loglevel", "verbose"],
            2,
            "port \"--bla\"",
            "argument couldn't be parsed into an integer",
        ),
        (
            &["--logfile", "--my--log--file", "--loglevel", "--bla"],
            3,
            "loglevel \"--bla\"",
            "argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        (
            &["--shutdown-on-sigint"],
            2,
            "shutdown-on-sigint",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (&["--replicaof", "127.0.0.1", "abc"], 2, "replicaof \"127.0.0.1\" \"abc\"", "Invalid master port"),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            2,
            "replicaof \"--127.0.0.1\"",
            "wrong number of arguments",
        ),
    ] {
        let refused = LoadError::Line { number, line: bytes(line), reason: reason.to_owned() };
        assert_eq!(start(None, args), Err(refused), "{args:?}");
    }
}

#[test]
fn arguments_override_the_file() {
    for (args, name, value) in [
        (&["--save", "100", "100"][..], "save", "900 1 100 100"),
        (&["--save", ""], "save", ""),
        (&["--save", "--loglevel", "debug"], "save", ""),
        (&["--loglevel", "debug", "--save"], "save", ""),
        (&["--proc-title-template", "--save", "--save", ""], "proc-title-template", "--save"),
        (
            &["--hash-max-listpack-value 1kb", "--maxmemory-policy volatile-lru"],
            "hash-max-listpack-value",
            "1024",
        ),
        (&["loglevel", "warning", "--repl-backlog-size '2mb'"], "loglevel", "warning"),
        (&["loglevel", "warning", "--repl-backlog-size '2mb'"], "repl-backlog-size", "2097152"),
        (
            &["--proc-title-template --my--title--template", "--hz 5"],
            "proc-title-template",
            "--my--title--template",
        ),
        (&["--shutdown-on-sigint", "nosave", "force", "now"], "shutdown-on-sigint", "nosave now force"),
        (&["--shutdown-on-sigterm", "nosave force"], "shutdown-on-sigterm", "nosave force"),
        (&["-"], "hz", "77"),
        (&["-"], "port", "1"),
        (&["--port", "2", "-"], "port", "2"),
    ] {
        let settings = start(Some("suite.conf"), args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
        assert_eq!(shown(&settings, name), value, "{args:?}");
    }
    assert_eq!(shown(&start(None, &[]).expect("no arguments"), "save"), "3600 1 300 100 60 10000");
}

#[test]
fn includes_read_files_where_they_are_named_and_stop_at_a_depth() {
    let others = [("/srv/conf.d/a.conf", "hz 1\ntimeout 9"), ("/srv/conf.d/b.conf", "\nhz 2")];
    let settings = load_file("include conf.d/*.conf\nport 7", &others).expect("both files are read");
    assert_eq!((settings.keyspace.hz, settings.network.timeout, settings.network.port), (2, 9, 7));
    let settings = load_file("dir conf.d\ninclude a.conf", &others).expect("relative to the new directory");
    assert_eq!(settings.network.timeout, 9);
    assert_eq!(refusal("include /srv/redis.conf").2, "include goes deeper than 16 files");
}

#[test]
fn renames_are_kept_in_order() {
    let settings =
        load_file("rename-command get x\nrename-command X ''\nrename-command set get", &[]).expect("valid");
    let rename = |from: &str, to: &str| Rename { from: bytes(from), to: bytes(to) };
    assert_eq!(settings.security.renames, [rename("get", "x"), rename("X", ""), rename("set", "get")]);
}

#[test]
fn the_operating_systems_disk_expands_wildcards() {
    use super::super::Disk;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = OsDisk.matching(root, "src/conf*/regi?try/[dm]*.rs".as_ref());
    let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, ["dataset.rs", "distribution.rs", "durability.rs", "mod.rs"]);
    assert!(OsDisk.matching(root, "nothing-*/x".as_ref()).is_empty());
    assert_eq!(OsDisk.resolve_dir(&root.join("src/../src")).expect("it exists"), root.join("src"));
}
