//! Many clients, and clients without a password.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Honest, Raw, resident_bytes, start, wait_until};

const MIB: u64 = 1 << 20;
/// Files that this process needs besides connections.
const OTHER_FILES: u64 = 200;

/// Connections that this process may hold: those wished for, or fewer where the system does not allow them.
fn allowed_connections(wished: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.unwrap_or(u64::MAX).min(wished + OTHER_FILES);
    // Less than the maximum is always granted.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum });
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) - OTHER_FILES;
    if allowed < wished {
        println!("the system allows this test {allowed} connections instead of {wished}");
    }
    allowed.min(wished)
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_disturb_nobody() {
    let count = allowed_connections(10_000);
    let server = start(&["--maxclients", "11000", "--threads", "2"]);
    let honest = Honest::beside(&server, None);
    let mut asking = Raw::connect(&server);
    let before = resident_bytes(&server);
    let mut clients: Vec<Raw> = (0..count).map(|_| Raw::connect(&server)).collect();
    wait_until("all are connected", || asking.info("clients", "connected_clients") == count + 2);
    for client in &mut clients {
        client.line("PING");
    }
    for client in &mut clients {
        client.expect("+PONG\r\n");
    }
    let each = resident_bytes(&server).saturating_sub(before) / count;
    println!("{count} connections took {each} bytes each");
    assert!(each < 8 * 1024, "an idle connection takes {each} bytes");
    drop(clients);
    wait_until("all have left", || asking.info("clients", "connected_clients") == 2);
    honest.was_served();
}

#[test]
fn connections_that_could_not_be_accepted_are_accepted_when_there_is_room() {
    let server = start(&["--maxclients", "1000"]);
    let mut asking = Raw::connect(&server);
    assert_eq!(asking.ask("PING"), "+PONG");
    let few = Rlimit { current: Some(60), maximum: Some(60) };
    rustix::process::prlimit(
        rustix::process::Pid::from_raw(i32::try_from(server.pid()).expect("a process id")),
        Resource::Nofile,
        few,
    )
    .expect("limits of a child can be lowered");
    let mut clients: Vec<Raw> = (0..100).map(|_| Raw::connect(&server)).collect();
    wait_until("the limit is met", || server.log_tail().contains("Accepting client connection"));
    let late = clients.split_off(50);
    drop(clients);
    for mut client in late {
        assert_eq!(client.ask("PING"), "+PONG");
    }
}

#[test]
fn whoever_has_not_given_the_password_may_send_little() {
    let server = start(&["--requirepass", "secret"]);
    let honest = Honest::beside(&server, Some("secret"));
    let mut client = Raw::connect(&server);
    client.send(b"*11\r\n");
    assert_eq!(client.until_closed(), "-ERR Protocol error: unauthenticated multibulk length\r\n");
    let mut client = Raw::connect(&server);
    client.send(b"*2\r\n$4\r\nPING\r\n$16385\r\n");
    assert_eq!(client.until_closed(), "-ERR Protocol error: unauthenticated bulk length\r\n");
    let mut client = Raw::connect(&server);
    client.send(&[&b"*2\r\n$4\r\nPING\r\n$16384\r\n"[..], &[b'x'; 16_384], b"\r\n"].concat());
    client.expect("-NOAUTH Authentication required.\r\n");
    client.line("AUTH secret");
    client.expect("+OK\r\n");
    client.send(b"*12\r\n$3\r\nDEL\r\n");
    client.send(&b"$1\r\nk\r\n".repeat(11));
    client.expect(":0\r\n");
    honest.was_served();
}

#[test]
fn a_flood_without_password_takes_no_memory() {
    let server = start(&["--requirepass", "secret"]);
    let honest = Honest::beside(&server, Some("secret"));
    let before = resident_bytes(&server);
    let mut clients: Vec<Raw> = (0..50).map(|_| Raw::connect(&server)).collect();
    let commands = b"GET a-key-that-nobody-may-see\r\n".repeat(20_000);
    for client in &mut clients {
        // Whoever does not read the refusals is cut off; one that the server closed cannot send any more.
        client.0.set_nonblocking(true).expect("a socket");
        let _ = std::io::Write::write(&mut client.0, &commands);
    }
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes more than before");
    honest.was_served();
}
