//! What a session does with a message that reaches it from outside.

use spinel_family::Encoder;

use crate::inbox::Message;
use crate::session::Session;
use crate::{Flow, Worker};

impl Worker {
    /// Deals with one message: appends what the client is to be sent and says how its connection goes on.
    pub fn receive(&mut self, session: &mut Session, message: Message, out: &mut Encoder) -> Flow {
        match message {
            Message::Published(published) => {
                if session.subscriptions.has(published.topic, &published.name) {
                    published.write(out);
                }
                self.still(session)
            }
            Message::Monitored(line) => {
                if session.monitor {
                    out.extend_raw(&line);
                }
                self.still(session)
            }
            Message::Served { blocking, reply } => {
                if session.blocked.as_ref().is_some_and(|blocked| blocked.serial == blocking) {
                    let silent = self.forget_blocked(session).is_some_and(|blocked| blocked.silent);
                    if !silent {
                        out.extend_raw(&reply);
                    }
                }
                self.still(session)
            }
            Message::Finished { reply } => {
                session.moved = false;
                out.extend_raw(&reply);
                self.still(session)
            }
            Message::Unblock { with_error } => {
                // Whoever sent this has claimed the waiter.
                if let Some(blocked) = self.forget_blocked(session) {
                    let start = out.len();
                    if with_error {
                        self.reply_error("UNBLOCKED client unblocked via CLIENT UNBLOCK", out);
                    } else {
                        self.reply_timed_out(&blocked, out);
                    }
                    blocked.silence(start, out);
                }
                self.still(session)
            }
            Message::Fail { text } => {
                self.fail_blocked(session, text, out);
                self.still(session)
            }
            Message::Kill => Flow::Close,
            Message::Retry => self.still(session),
        }
    }

    fn fail_blocked(&mut self, session: &mut Session, text: &str, out: &mut Encoder) {
        if session.blocked.as_ref().is_some_and(|blocked| blocked.waiter.claim()) {
            let start = out.len();
            self.reply_error(text, out);
            if let Some(blocked) = self.forget_blocked(session) {
                blocked.silence(start, out);
            }
        }
    }

    /// Whether a connection may run commands.
    fn still(&self, session: &Session) -> Flow {
        if session.blocked.is_some() || session.moved { Flow::Waiting } else { Flow::Continue }
    }
}
