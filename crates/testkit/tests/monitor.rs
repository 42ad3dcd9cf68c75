//! MONITOR: what is shown of scripts, when, and as whose. The lines are those of Redis 7.0.15.

use spinel_testkit::{TestClient, TestServer};

const MISSING: &str = "EVALSHA 0000000000000000000000000000000000000000 0";

/// The lines that a monitor was sent, without their times.
fn shown(monitor: &TestClient) -> Vec<String> {
    let text = monitor.read();
    text.lines().filter_map(|line| Some(line.strip_prefix('+')?.split_once(' ')?.1.to_owned())).collect()
}

/// What a monitor is shown of commands of another client, which has the second port.
fn of_commands(commands: &[&str]) -> Vec<String> {
    let server = TestServer::sized(4, 1);
    let (monitor, client) = (server.connect(), server.connect());
    assert_eq!(monitor.run("MONITOR"), "+OK\r\n");
    let _ = client.run("FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function(keys) return redis.call('GET', keys[1]) end)\"");
    let _ = shown(&monitor);
    commands.iter().for_each(|line| drop(client.run(line)));
    shown(&monitor)
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.replace("PEER", "127.0.0.1:40001")).collect()
}

#[test]
fn scripts_that_fail_before_they_begin_are_shown() {
    let commands = [
        MISSING,
        "EVALSHA abc 0",
        "EVAL \"this is not Lua\" 0",
        "EVAL \"return 1\" x",
        "EVAL_RO \"return 1\" 2 a",
        "EVAL \"#!lua flags=none\\nreturn 1\" 0",
        "FCALL none 0",
        "FCALL_RO f x",
        "EVAL \"return 1\"",
    ];
    let expected = [
        "[0 PEER] \"EVALSHA\" \"0000000000000000000000000000000000000000\" \"0\"",
        "[0 PEER] \"EVALSHA\" \"abc\" \"0\"",
        "[0 PEER] \"EVAL\" \"this is not Lua\" \"0\"",
        "[0 PEER] \"EVAL\" \"return 1\" \"x\"",
        "[0 PEER] \"EVAL_RO\" \"return 1\" \"2\" \"a\"",
        "[0 PEER] \"EVAL\" \"#!lua flags=none\\nreturn 1\" \"0\"",
        "[0 PEER] \"FCALL\" \"none\" \"0\"",
        "[0 PEER] \"FCALL_RO\" \"f\" \"x\"",
    ];
    assert_eq!(of_commands(&commands), lines(&expected));
}

#[test]
fn a_script_is_shown_before_its_commands_and_once() {
    let long =
        "EVAL \"for i = 1, 2 do redis.call('GET', KEYS[1]) end return redis.call('INCR', 'other')\" 1 k";
    let commands = ["EVAL \"return redis.call('SET', KEYS[1], 'v')\" 1 k", long, long, "FCALL f 1 k"];
    let of_long = [
        "[0 PEER] \"EVAL\" \"for i = 1, 2 do redis.call('GET', KEYS[1]) end return redis.call('INCR', 'other')\" \"1\" \"k\"",
        "[0 lua] \"GET\" \"k\"",
        "[0 lua] \"GET\" \"k\"",
        "[0 lua] \"INCR\" \"other\"",
    ];
    let first = [
        "[0 PEER] \"EVAL\" \"return redis.call('SET', KEYS[1], 'v')\" \"1\" \"k\"",
        "[0 lua] \"SET\" \"k\" \"v\"",
    ];
    let last = ["[0 PEER] \"FCALL\" \"f\" \"1\" \"k\"", "[0 lua] \"GET\" \"k\""];
    let expected = [&first[..], &of_long, &of_long, &last].concat();
    assert_eq!(of_commands(&commands), lines(&expected));
}

#[test]
fn scripts_of_a_transaction_are_shown_before_its_exec() {
    let commands = [
        "MULTI",
        "EVAL \"return redis.call('SET', KEYS[1], 'v')\" 1 k",
        MISSING,
        "FCALL f 1 k",
        "FCALL none 0",
        "GET k",
        "EXEC",
    ];
    let expected = [
        "[0 PEER] \"MULTI\"",
        "[0 PEER] \"EVAL\" \"return redis.call('SET', KEYS[1], 'v')\" \"1\" \"k\"",
        "[0 lua] \"SET\" \"k\" \"v\"",
        "[0 PEER] \"EVALSHA\" \"0000000000000000000000000000000000000000\" \"0\"",
        "[0 PEER] \"FCALL\" \"f\" \"1\" \"k\"",
        "[0 lua] \"GET\" \"k\"",
        "[0 PEER] \"FCALL\" \"none\" \"0\"",
        "[0 PEER] \"GET\" \"k\"",
        "[0 PEER] \"EXEC\"",
    ];
    assert_eq!(of_commands(&commands), lines(&expected));
}

#[test]
fn an_exec_that_is_refused_is_shown() {
    let commands = ["MULTI", "NONE", "EXEC", "MULTI", "EXEC x", "EXEC"];
    let expected = [
        "[0 PEER] \"MULTI\"",
        "[0 PEER] \"EXEC\"",
        "[0 PEER] \"MULTI\"",
        "[0 PEER] \"EXEC\" \"x\"",
        "[0 PEER] \"EXEC\"",
    ];
    assert_eq!(of_commands(&commands), lines(&expected));
}
