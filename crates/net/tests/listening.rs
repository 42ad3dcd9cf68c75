//! Where a server listens, and how that changes while it runs.

use std::net::TcpStream;

use spinel_engine::config::Settings;
use spinel_net::Listeners;

/// Addresses of their own, so that nobody else takes the ports.
const HERE: &str = "127.0.77.1";
const THERE: &str = "127.0.77.2";

fn free_port() -> u16 {
    let taken = std::net::TcpListener::bind((HERE, 0)).expect("a loopback address can be bound");
    taken.local_addr().expect("it is bound").port()
}

fn settings(addresses: &[&str], port: u16) -> Settings {
    let mut settings = Settings::default();
    settings.network.port = port;
    settings.network.bind = addresses.iter().map(|address| address.as_bytes().to_vec()).collect();
    settings
}

fn answers(address: &str, port: u16) -> bool {
    TcpStream::connect((address, port)).is_ok()
}

#[test]
fn listening_moves_to_another_port_and_to_other_addresses() {
    let (first, second) = (free_port(), free_port());
    let listeners = Listeners::open(&settings(&[HERE], first)).unwrap();
    assert!(answers(HERE, first));
    listeners.move_to(&settings(&[HERE], second)).unwrap();
    assert!(answers(HERE, second) && !answers(HERE, first));
    listeners.move_to(&settings(&[HERE, THERE], second)).unwrap();
    assert!(answers(HERE, second) && answers(THERE, second));
    listeners.move_to(&settings(&[], second)).unwrap();
    assert!(listeners.is_empty() && !answers(HERE, second));
}

#[test]
fn a_move_that_fails_leaves_everything_as_it_was() {
    let port = free_port();
    let taken = std::net::TcpListener::bind((THERE, 0)).unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let listeners = Listeners::open(&settings(&[HERE], port)).unwrap();
    let before = listeners.addresses();
    assert!(listeners.move_to(&settings(&[HERE, THERE], taken_port)).is_err());
    assert!(listeners.move_to(&settings(&["no address"], port)).is_err());
    assert_eq!(listeners.addresses(), before);
    assert!(answers(HERE, port));
}

#[test]
fn an_address_that_may_be_missing_is_tried_again_at_the_next_move() {
    let port = free_port();
    let optional = ["-192.0.2.1", HERE];
    let listeners = Listeners::open(&settings(&optional, port)).unwrap();
    assert_eq!(listeners.addresses().len(), 1);
    listeners.move_to(&settings(&optional, port)).unwrap();
    assert!(answers(HERE, port));
}
