//! `CLIENT`: what a connection may ask and say about itself and about others.
//!
//! Whatever concerns another connection goes through its shared face ([`crate::Client`]) and its worker's inbox;
//! no session is ever touched from outside. Client tracking is absent: `TRACKING` and `CACHING` are unknown
//! subcommands, and the commands that report on it report that it is off.

mod filters;
mod identity;
mod kill;
mod list;
mod pause;
mod switches;
mod tracking;
mod unblock;

use spinel_family::Command;

use crate::session::{help_command, session_commands};
use identity::{ClientCapa, ClientGetname, ClientId, ClientSetinfo, ClientSetname};
use kill::ClientKill;
use list::{ClientInfo, ClientList};
use pause::{ClientPause, ClientUnpause};
use switches::{ClientNoEvict, ClientNoTouch, ClientReply};
use tracking::{ClientGetredir, ClientTrackinginfo};
use unblock::ClientUnblock;

session_commands! {
    /// The subcommands of `CLIENT`.
    pub(crate) static COMMANDS;
    container Client,
    session ClientCapa,
    session ClientGetname,
    session ClientGetredir,
    session ClientHelp,
    session ClientId,
    session ClientInfo,
    session ClientKill,
    session ClientList,
    session ClientNoEvict,
    session ClientNoTouch,
    exclusive ClientPause,
    session ClientReply,
    session ClientSetinfo,
    session ClientSetname,
    session ClientTrackinginfo,
    session ClientUnblock,
    session ClientUnpause,
}

/// Asks and tells about connections.
#[derive(Command)]
#[command(group = Connection, since = "2.4.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Client;

help_command!(
    /// Lists the subcommands of `CLIENT`.
    ClientHelp, "client|help", "CLIENT", Connection, "5.0.0",
    &[
        "CAPA <capability> ...",
        "    Tell the server what this client is capable of.",
        "GETNAME",
        "    The name of this connection.",
        "GETREDIR",
        "    The client that tracking messages are redirected to.",
        "ID",
        "    The number of this connection.",
        "INFO",
        "    What there is to know about this connection.",
        "KILL <ip:port>",
        "    Close the connection from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close the connections that every option fits:",
        "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
        "      By the address of the client, or by ours.",
        "    * ID <client-id> ..., USER <username>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * NAME <name>, LIB-NAME <name>, LIB-VER <version>, DB <number>, IP <ip>",
        "    * FLAGS <letters>, CAPA <letters>",
        "      Those that have all of these.",
        "    * NOT-... of each of these",
        "      Those that it does not fit.",
        "    * MAXAGE <seconds>, IDLE <seconds>",
        "      Those that have lasted, or been silent, at least so long.",
        "    * SKIPME (YES|NO)",
        "      Spare this connection (default: yes).",
        "LIST [<option> <value> [<option> <value> [...]]]",
        "    What there is to know about all connections, or about those that every option fits, as with KILL",
        "    (but for SKIPME, default: no).",
        "NO-EVICT (ON|OFF)",
        "    Spare this connection when clients are evicted for their memory.",
        "NO-TOUCH (ON|OFF)",
        "    Leave the access times of keys alone.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Let commands, or only those that write, wait for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether commands of this connection are answered.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Say which client library this connection uses.",
        "SETNAME <name>",
        "    Give this connection a name.",
        "TRACKINGINFO",
        "    How keys are tracked for this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    End the blocking command of another connection.",
        "UNPAUSE",
        "    End the pause.",
    ]
);
