//! Running the commands of a log again: as nobody's, with nobody else there, and whatever the settings ask of clients.
//!
//! What depends on the time it is run at (`EXPIRE`, `SET` with `EX`) gets the time of now; logs of our own hold none of it. Scripts
//! are in logs of other servers: those before Redis 7.0 record the call of a script where we record what it did.

use spinel_family::{Args, CommandEntry, CommandError, Encoder, is_token};
use spinel_resp::skip_reply;

use crate::data::{Call, needs_every_shard};
use crate::registry::{Action, Command};
use crate::scripting::Invocation;
use crate::session::{Session, SessionEntry};
use crate::{Flow, Worker};

/// What a command of a log is.
#[derive(Clone, Copy)]
pub(crate) enum Replayed {
    /// It may change data.
    Data(&'static CommandEntry),
    /// It calls a script or function.
    Script(Invocation),
    /// It tells which scripts can be called by digest.
    KnownScripts(&'static SessionEntry),
    /// It changes nothing that is kept.
    Nothing,
}

impl Replayed {
    pub(crate) fn of(command: &Command) -> Self {
        match command.action {
            Action::Data(entry) => Self::Data(entry),
            Action::Session(entry) => match (Invocation::of(command), command.spec.name) {
                (Some(invocation), _) => Self::Script(invocation),
                (None, "script|load" | "script|flush") => Self::KnownScripts(entry),
                (None, _) => Self::Nothing,
            },
            Action::Container => Self::Nothing,
        }
    }
}

impl Worker {
    /// Runs a command of a log again, at the worker's own time and on this thread however long it takes; to be tried again if it
    /// is [parked](Flow::Parked).
    ///
    /// # Errors
    /// If it fails, which it did not when it was recorded. A script that is called and fails is no error.
    pub(crate) fn run_replayed(
        &mut self,
        session: &mut Session,
        (command, replayed): (&'static Command, Replayed),
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        self.may_move = false;
        self.replaying = true;
        let flow = match replayed {
            Replayed::Data(entry) => {
                self.run_replayed_data(session, Call { command, entry, args, known: None }, out)
            }
            Replayed::Script(invocation) => self.run_script_alone(session, invocation, args, out),
            Replayed::KnownScripts(entry) => self.run_session(session, entry, args, false, out),
            Replayed::Nothing => Ok(Flow::Continue),
        };
        self.replaying = false;
        self.may_move = true;
        flow
    }

    fn run_replayed_data(
        &mut self,
        session: &mut Session,
        call: Call<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        if !needs_every_shard(call.command, call.args) {
            return self.run_data(session, call, out);
        }
        let now = self.now;
        self.with_world(|worker| {
            worker.now = now;
            worker.run_locked(session, call, None, out)
        })
    }
}

/// Whether a command's effect depends on when it is run.
pub(crate) fn is_relative(name: &str, args: Args<'_>) -> bool {
    let has = |word: &str| args.iter().skip(2).any(|arg| is_token(arg, word));
    match name {
        "expire" | "pexpire" | "setex" | "psetex" => true,
        "set" | "getex" => has("EX") || has("PX"),
        "restore" | "restore-asking" => !has("ABSTTL") && args.get(2) != Some(b"0"),
        _ => false,
    }
}

/// Puts a reply to a script in order, from `start` on, if the servers that recorded calls of scripts did so: members of sets and
/// names of keys, whose order differs from server to server.
pub(crate) fn sort_reply(name: &str, reply: &mut Vec<u8>, start: usize) {
    if !matches!(name, "smembers" | "sinter" | "sunion" | "sdiff" | "hkeys" | "hvals" | "keys") {
        return;
    }
    let Some(elements) = elements(&reply[start..]) else { return };
    let mut sorted = elements.clone();
    sorted.sort_unstable_by_key(|element| text_of(element));
    let head = reply.len() - start - elements.iter().map(|element| element.len()).sum::<usize>();
    let sorted = sorted.concat();
    reply.truncate(start + head);
    reply.extend_from_slice(&sorted);
}

/// The elements of an array as they stand there; nothing if it is none.
fn elements(reply: &[u8]) -> Option<Vec<&[u8]>> {
    let head = reply.starts_with(b"*").then(|| line_bytes(reply))??;
    let mut rest = &reply[head..];
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let (element, behind) = rest.split_at(skip_reply(rest).ok()??);
        elements.push(element);
        rest = behind;
    }
    Some(elements)
}

fn text_of(element: &[u8]) -> &[u8] {
    let text = line_bytes(element).and_then(|head| element[head..].strip_suffix(b"\r\n"));
    text.unwrap_or(element)
}

fn line_bytes(reply: &[u8]) -> Option<usize> {
    reply.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::sort_reply;

    fn sorted(name: &str, reply: &str) -> String {
        let mut bytes = [b"before", reply.as_bytes()].concat();
        sort_reply(name, &mut bytes, 6);
        String::from_utf8(bytes).expect("it was text")
    }

    #[test]
    fn what_has_no_order_of_its_own_is_sorted_by_its_bytes() {
        let reply = "*4\r\n$1\r\nb\r\n$2\r\na\n\r\n$1\r\na\r\n$10\r\n0123456789\r\n";
        let expected = "before*4\r\n$10\r\n0123456789\r\n$1\r\na\r\n$2\r\na\n\r\n$1\r\nb\r\n";
        assert_eq!(sorted("smembers", reply), expected);
        assert_eq!(sorted("lrange", reply), format!("before{reply}"));
        for other in ["*0\r\n", "$1\r\nx\r\n", "-WRONGTYPE x\r\n", "*-1\r\n"] {
            assert_eq!(sorted("keys", other), format!("before{other}"));
        }
    }
}
