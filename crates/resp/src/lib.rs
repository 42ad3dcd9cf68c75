//! RESP, the wire protocol of Redis, in its versions 2 and 3: bytes in, meaning out, and back. No I/O happens here.
//!
//! # The wire
//! A request is an array of byte strings; a person at a terminal may type an *inline* line instead:
//!
//! ```text
//! *2\r\n            two words          GET "my key"\r\n      the same, inline
//! $3\r\nGET\r\n     3 bytes
//! $6\r\nmy key\r\n  6 bytes
//! ```
//!
//! A reply starts with the byte that says its type. RESP2 knows the first column, RESP3 all of them:
//!
//! ```text
//! +OK\r\n        simple string     _\r\n             null            %1\r\n k v      map
//! -ERR no\r\n    error             #t\r\n            boolean         ~2\r\n a b      set
//! :7\r\n         integer           ,1.5\r\n          double          >2\r\n a b      push
//! $2\r\nhi\r\n   bulk string       (123456\r\n       big number      |1\r\n k v v2   attribute of v2
//! $-1\r\n        null bulk         =6\r\ntxt:hi\r\n  verbatim        $?\r\n;2\r\nhi\r\n;0\r\n   streamed
//! *2\r\n a b     array, *-1 null   !6\r\nERR no\r\n  long error      *?\r\n a b .\r\n           streamed
//! ```
//!
//! # The two sides
//! - Server: [`RequestParser`] finds the words of a command in the receive buffer and yields [`Span`]s, which together
//!   with the buffer are [`Args`]; [`Encoder`] appends replies and is the only place that knows how the two versions
//!   differ.
//! - Client: [`encode_command`] writes requests, [`ReplyDecoder`] yields [`Value`]s, [`skip_reply`] only measures.
//!
//! ```
//! use spinel_resp::{Args, Encoder, Parsed, Protocol, RequestLimits, RequestParser};
//!
//! let (mut parser, mut spans) = (RequestParser::default(), Vec::new());
//! let received = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n";
//! let parsed = parser.parse(received, &RequestLimits::default(), &mut spans)?;
//! assert_eq!(parsed, Parsed::Complete { consumed: received.len() });
//!
//! let args = Args::new(received, &spans);
//! let mut replies = Encoder::new(Protocol::Resp2);
//! replies.bulk(args.at(1));
//! assert_eq!(replies.as_bytes(), b"$2\r\nhi\r\n");
//! # Ok::<(), spinel_resp::ProtocolError>(())
//! ```
//!
//! # What is hot
//! `RequestParser::parse` on a whole multibulk, `Encoder::bulk`, `Encoder::integer` and the headers: a pipelining client
//! pays for nothing else here. These paths allocate nothing beyond the growth of the vectors they append to, look at each
//! byte of a header once and at no byte of a word. Everything else (pieces, errors, inline lines) is cold and separate.
//!
//! # What this crate does not do
//! No sockets, no buffers' lifetime policy, no commands, no error catalogue beyond the protocol's own errors, no knowledge
//! of clients. It judges bytes as Redis 7.0 does, leniencies included: the two bytes after a word and the byte after a
//! carriage return are skipped unseen, a NUL hides the rest of a line. Replies are read strictly.

#![forbid(unsafe_code)]

mod args;
mod decoder;
mod double;
mod encoder;
#[doc(hidden)]
pub mod fuzzing;
mod inline;
mod number;
mod protocol_error;
mod request;
mod skip;
mod value;

pub use args::{Args, ArgsBuffer, OwnedArgs, Span};
pub use decoder::{DecodeError, DecodeLimits, ReplyDecoder};
pub use double::{DoubleStyle, format_double, format_double_as};
pub use encoder::{DeferredLen, Encoder, Protocol, encode_command};
pub use inline::split_words;
pub use number::parse_integer;
pub use protocol_error::ProtocolError;
pub use request::{Parsed, RequestLimits, RequestParser};
pub use skip::{reply_is_error, skip_reply};
pub use value::Value;
