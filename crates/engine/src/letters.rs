//! What a session does with a message that reaches it from outside.

use spinel_family::Encoder;

use crate::dispatch::Outcome;
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
                if session.blocked.as_ref().is_some_and(|blocked| blocked.serial == blocking)
                    && let Some(blocked) = self.forget_blocked(session)
                {
                    self.count_unblocked(session, &blocked, reply.starts_with(b"-"), reply.len());
                    if !blocked.keys.is_empty() {
                        self.note_written_elsewhere(session);
                    }
                    let start = out.len();
                    out.extend_raw(&reply);
                    blocked.silence(start, out);
                }
                self.still(session)
            }
            Message::Finished { reply, call } => {
                session.moved = false;
                let outcome = Outcome { failed: call.failed, reply_bytes: reply.len(), is_request: true };
                self.count_call(session, call.command, call.args.args(), call.nanos, outcome);
                self.engine.helpers.free_words(call.args);
                if let Some(db) = call.db {
                    session.select(db);
                }
                self.note_written_elsewhere(session);
                if out.is_empty() {
                    // It may be large: not copied.
                    *out.buffer_mut() = reply;
                } else {
                    out.extend_raw(&reply);
                }
                self.still(session)
            }
            Message::Unblock { with_error } => {
                // Whoever sent this has claimed the waiter.
                if with_error {
                    self.end_failed(session, b"UNBLOCKED client unblocked via CLIENT UNBLOCK", out);
                } else if let Some(blocked) = self.forget_blocked(session) {
                    self.end_timed_out(session, &blocked, out);
                }
                self.still(session)
            }
            Message::Fail { text } => {
                if session.blocked.as_ref().is_some_and(|blocked| blocked.waiter.claim()) {
                    self.end_failed(session, text.as_bytes(), out);
                }
                self.still(session)
            }
            Message::Kill => Flow::Close,
            Message::Retry => self.still(session),
        }
    }

    /// Appends the messages published to a session that still lie in the inbox.
    pub(crate) fn read_published(&self, session: &Session, out: &mut Encoder) {
        for published in self.inbox().take_published(session.id()) {
            if session.subscriptions.has(published.topic, &published.name) {
                published.write(out);
            }
        }
    }

    /// Ends a blocked command, whose waiter is claimed, with an error.
    fn end_failed(&mut self, session: &mut Session, text: &[u8], out: &mut Encoder) {
        if let Some(blocked) = self.forget_blocked(session) {
            self.count_unblocked(session, &blocked, true, 0);
            let start = out.len();
            self.reply_error(text, out);
            blocked.silence(start, out);
        }
    }

    /// Another thread may have written for the session: not after what there is now.
    fn note_written_elsewhere(&self, session: &mut Session) {
        session.note_written(self.engine.journal.log.appended());
    }

    /// Whether a connection may run commands.
    fn still(&self, session: &Session) -> Flow {
        if session.blocked.is_some() || session.moved { Flow::Waiting } else { Flow::Continue }
    }
}
