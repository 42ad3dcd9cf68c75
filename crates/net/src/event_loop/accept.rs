//! New connections: accepted by the first loop, handed to all in turn.

use std::io::Write;
use std::sync::Arc;

use spinel_engine::Message;
use spinel_engine::log::LogLevel;

use super::{Arrival, EventLoop};
use crate::connection::Connection;
use crate::listen::Incoming;

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Listeners at which somebody may wait of whom no event will tell again: the loop turned to other work, or the system
/// had no file for the connection. Each is there once, whatever happens at it meanwhile.
#[derive(Default)]
pub(super) struct Left {
    /// To be looked at in the next turn.
    due: Vec<usize>,
    /// To be looked at when some time has passed.
    later: Vec<usize>,
}

impl Left {
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// The loop turned to other work.
    fn look_next_turn(&mut self, listener: usize) {
        if !self.due.contains(&listener) {
            self.due.push(listener);
        }
    }

    /// The system refused.
    fn look_later(&mut self, listener: usize) {
        if !self.later.contains(&listener) {
            self.later.push(listener);
        }
    }

    /// Looks again where the system refused.
    pub(super) fn retry(&mut self) {
        for listener in std::mem::take(&mut self.later) {
            self.look_next_turn(listener);
        }
    }
}

impl EventLoop {
    /// Accepts where an earlier turn did not accept all.
    pub(super) fn accept_left(&mut self) {
        for index in std::mem::take(&mut self.left.due) {
            self.accept(index);
        }
    }

    /// Accepts what waits at a listener and hands it to the loops in turn.
    pub(super) fn accept(&mut self, index: usize) {
        let listeners = Arc::clone(&self.listeners);
        // Limits that another loop's client has just set hold for whoever connects after that.
        self.worker.refresh();
        for _ in 0..self.worker.settings().network.max_new_connections {
            match listeners.accept(index, self.worker.settings()) {
                Ok(Some(incoming)) => {
                    let Some(incoming) = self.admit(incoming) else { continue };
                    let workers = self.arrivals.len();
                    let to = self.next_arrival % workers;
                    self.next_arrival = self.next_arrival.wrapping_add(1);
                    let client = self.worker.register(incoming.endpoint, to);
                    let arrival = Arrival { stream: incoming.stream, client };
                    self.arrivals[to].lock().push(arrival);
                    if to != self.worker.index() {
                        // A letter to nobody wakes the loop.
                        self.worker.engine().inbox(to).post(spinel_engine::ClientId(0), Message::Retry);
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let line = format!("Accepting client connection: {error}");
                    self.worker.engine().log.write(LogLevel::Warning, &line);
                    self.left.look_later(index);
                    return;
                }
            }
        }
        self.left.look_next_turn(index);
    }

    /// Turns a connection away if there are too many or it comes from where it must not.
    fn admit(&self, mut incoming: Incoming) -> Option<Incoming> {
        let settings = self.worker.settings();
        if self.worker.engine().clients.len() >= settings.network.maxclients as usize {
            self.worker.stats().rejected_connections.add(1);
            // Whether the peer hears the reason is up to it.
            let _ = incoming.stream.write(TOO_MANY);
            return None;
        }
        if settings.network.protected_mode && settings.security.requirepass.is_empty() && !incoming.is_local {
            self.worker.stats().rejected_connections.add(1);
            let _ = incoming.stream.write(PROTECTED);
            return None;
        }
        Some(incoming)
    }

    /// Takes over the connections handed to this loop.
    pub(super) fn welcome_arrivals(&mut self) {
        let arrivals = std::mem::take(&mut *self.arrivals[self.worker.index()].lock());
        for Arrival { mut stream, client } in arrivals {
            let slot = self.connections.vacant_key();
            let engine = self.worker.engine();
            if let Err(error) = self.poller.add_connection(&mut stream, slot) {
                engine.log.write(LogLevel::Warning, &format!("A connection could not be watched: {error}"));
                engine.clients.remove(client.id);
                continue;
            }
            engine.log.write(LogLevel::Verbose, &format!("Accepted {}", client.endpoint.peer));
            let session = self.worker.begin_session(client);
            self.slots.insert(session.id(), slot);
            self.connections.insert(Connection::new(stream, session));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_that_refuses_again_and_again_is_looked_at_once() {
        let mut left = Left::default();
        for _ in 0..3 {
            left.look_later(0);
            left.look_later(1);
            left.look_next_turn(1);
        }
        assert!(left.is_due());
        left.retry();
        left.retry();
        assert_eq!((left.due, left.later), (vec![1, 0], vec![]));
    }
}
