//! `DEBUG PROTOCOL` and `DEBUG ERROR`: replies of every type, for tests of clients.

use spinel_family::{Command, CommandError, Encoder, Protocol};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext};

/// Answers with an example of a type.
#[derive(Command)]
#[command(name = "debug|protocol", group = Server, since = "6.0.0", complexity = "O(1)")]
pub(super) struct DebugProtocol<'a> {
    kind: &'a [u8],
}

impl SessionCommand for DebugProtocol<'_> {
    #[expect(clippy::approx_constant, reason = "clients expect Redis's example, not the constant")]
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        match self.kind.to_ascii_lowercase().as_slice() {
            b"string" => out.bulk(b"Hello World"),
            b"integer" => out.integer(12345),
            b"double" => out.double(3.141),
            b"bignum" => out.big_number("1234567999999999999999999999999999999"),
            b"null" => out.null(),
            b"array" => {
                out.array(3);
                (0..3).for_each(|n| out.integer(n));
            }
            b"set" => {
                out.set(3);
                (0..3).for_each(|n| out.integer(n));
            }
            b"map" => {
                out.map(3);
                for n in 0..3 {
                    out.integer(n);
                    out.boolean(n == 1);
                }
            }
            b"attrib" => with_attribute(out),
            b"push" => after_push(out)?,
            b"true" => out.boolean(true),
            b"false" => out.boolean(false),
            b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
            _ => {
                return Err(CommandError::text(
                    "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
                ));
            }
        }
        Ok(Flow::Continue)
    }
}

/// RESP2 knows no attributes: there the reply goes without.
fn with_attribute(out: &mut Encoder) {
    if out.protocol() == Protocol::Resp3 {
        out.attribute(1);
        out.bulk(b"key-popularity");
        out.array(2);
        out.bulk(b"key:123");
        out.integer(90);
    }
    out.bulk(b"Some real reply following the attribute");
}

fn after_push(out: &mut Encoder) -> Result<(), CommandError> {
    if out.protocol() == Protocol::Resp2 {
        return Err(CommandError::text("ERR RESP2 is not supported by this command"));
    }
    out.push(2);
    out.bulk(b"server-cpu-usage");
    out.integer(42);
    out.bulk(b"Some real reply following the push reply");
    Ok(())
}

/// Answers with an error, which counts nowhere as one.
#[derive(Command)]
#[command(name = "debug|error", group = Server, since = "2.6.0", complexity = "O(1)")]
pub(super) struct DebugError<'a> {
    text: &'a [u8],
}

impl SessionCommand for DebugError<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let line = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        out.extend_raw(b"-");
        out.extend_raw(&self.text.iter().map(line).collect::<Vec<_>>());
        out.extend_raw(b"\r\n");
        Ok(Flow::Continue)
    }
}
