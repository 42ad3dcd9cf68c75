//! Clients that hang up are gone for all that is done afterwards.

use crate::support::{Raw, first_client, start, wait_until};

#[test]
fn nothing_is_popped_for_a_client_that_waited_and_is_gone() {
    let server = start(&["--threads", "1"]);
    let mut pushing = Raw::connect(&server);
    for round in 0..200 {
        let mut waiting = Raw::connect(&server);
        waiting.line("BLPOP l 0");
        wait_until("it waits", || pushing.info("clients", "blocked_clients") == 1);
        drop(waiting);
        assert_eq!(pushing.ask("RPUSH l x"), ":1");
        assert_eq!(pushing.ask("LPOP l"), "x", "in round {round}");
    }
}

#[test]
fn who_hangs_up_makes_room_for_who_comes_next() {
    let server = start(&["--threads", "1", "--maxclients", "2"]);
    let mut watching = first_client(&server);
    for round in 0..200 {
        let mut next = Raw::connect(&server);
        assert_eq!(next.ask("SUBSCRIBE c"), "*3", "in round {round}");
        drop(next);
        assert_eq!(watching.ask("PUBLISH c x"), ":0", "in round {round}");
    }
}

#[test]
fn who_hangs_up_is_noticed_behind_all_that_was_sent_before() {
    let server = start(&["--threads", "1"]);
    let mut watching = Raw::connect(&server);
    let mut waiting = Raw::connect(&server);
    waiting.line("BLPOP l 0");
    // More than is read while the command waits, and less than the system holds.
    waiting.line(&"x".repeat(2_000_000));
    wait_until("it waits", || watching.info("clients", "blocked_clients") == 1);
    drop(waiting);
    wait_until("it is gone", || watching.info("clients", "connected_clients") == 1);
    assert_eq!(watching.info("clients", "blocked_clients"), 0);
}
