//! ACL: who one is, and the categories of commands. Users other than the default one are absent.

use sha2::{Digest, Sha256};
use spinel_family::spec::Category;
use spinel_family::{Command, CommandError, Encoder, Many};

use crate::Flow;
use crate::config::Settings;
use crate::registry::REGISTRY;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands, subcommand_misused};

session_commands! {
    /// ACL.
    pub(super) static COMMANDS;
    container Acl,
    session AclCat,
    session AclGetuser,
    session AclHelp,
    session AclList,
    session AclUsers,
    session AclWhoami,
}

/// Bytes of an unknown word that an error repeats.
const SHOWN_BYTES: usize = 128;
/// The only user.
const USER: &[u8] = b"default";
/// The user may call every command, with every key and channel.
const COMMANDS_RULE: &str = "+@all";
const KEYS_RULE: &str = "~*";
const CHANNELS_RULE: &str = "&*";

/// The digest of the user's password, in hexadecimal digits, if one is needed.
fn password_digest(settings: &Settings) -> Option<String> {
    let password = &settings.security.requirepass;
    (!password.is_empty())
        .then(|| Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Tells about users and categories of commands.
#[derive(Command)]
#[command(group = Server, since = "6.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Acl;

/// Lists the categories of commands, or the commands of one.
#[derive(Command)]
#[command(name = "acl|cat", group = Server, since = "6.0.0")]
#[command(complexity = "O(1) since the categories and commands are a fixed set.")]
#[command(flags(noscript, loading, stale))]
struct AclCat<'a> {
    #[arg(trailing)]
    categoryname: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for AclCat<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        let Some(name) = self.categoryname else {
            out.array(Category::ALL.len());
            Category::ALL.iter().for_each(|category| out.bulk(category.name().as_bytes()));
            return Ok(Flow::Continue);
        };
        let category = Category::ALL
            .into_iter()
            .find(|category| name.eq_ignore_ascii_case(category.name().as_bytes()))
            .ok_or_else(|| {
                CommandError::quoting("ERR Unknown category '", &name[..name.len().min(SHOWN_BYTES)], "'")
            })?;
        let found: Vec<_> = REGISTRY.all().iter().filter(|command| command.in_category(category)).collect();
        out.array(found.len());
        found.iter().for_each(|command| out.bulk(command.spec.name.as_bytes()));
        Ok(Flow::Continue)
    }
}

/// Returns the rules of a user.
#[derive(Command)]
#[command(name = "acl|getuser", group = Server, since = "6.0.0")]
#[command(
    complexity = "O(N). Where N is the number of password, command and pattern rules that the user has."
)]
#[command(flags(admin, noscript, loading, stale))]
#[command(history = &[
    ("6.2.0", "Patterns of channels are told."),
    ("7.0.0", "Selectors are told, and patterns stand as in a rule."),
])]
struct AclGetuser<'a> {
    username: &'a [u8],
}

impl SessionCommand for AclGetuser<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.username != USER {
            out.null();
            return Ok(Flow::Continue);
        }
        let digest = password_digest(cx.worker.settings());
        out.map(6);
        out.bulk(b"flags");
        out.set(if digest.is_some() { 1 } else { 2 });
        out.bulk(b"on");
        if digest.is_none() {
            out.bulk(b"nopass");
        }
        out.bulk(b"passwords");
        out.array(usize::from(digest.is_some()));
        digest.iter().for_each(|digest| out.bulk(digest.as_bytes()));
        for (name, rule) in [("commands", COMMANDS_RULE), ("keys", KEYS_RULE), ("channels", CHANNELS_RULE)] {
            out.bulk(name.as_bytes());
            out.bulk(rule.as_bytes());
        }
        out.bulk(b"selectors");
        out.array(0);
        Ok(Flow::Continue)
    }
}

/// Lists the users with their rules.
#[derive(Command)]
#[command(name = "acl|list", group = Server, since = "6.0.0")]
#[command(complexity = "O(N). Where N is the number of configured users.")]
#[command(flags(admin, noscript, loading, stale))]
struct AclList;

impl SessionCommand for AclList {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let password = match password_digest(cx.worker.settings()) {
            None => "nopass".to_owned(),
            Some(digest) => format!("#{digest}"),
        };
        out.array(1);
        out.bulk(
            format!("user default on {password} {KEYS_RULE} {CHANNELS_RULE} {COMMANDS_RULE}").as_bytes(),
        );
        Ok(Flow::Continue)
    }
}

/// Lists the names of the users.
#[derive(Command)]
#[command(name = "acl|users", group = Server, since = "6.0.0")]
#[command(complexity = "O(N). Where N is the number of configured users.")]
#[command(flags(admin, noscript, loading, stale))]
struct AclUsers;

impl SessionCommand for AclUsers {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.array(1);
        out.bulk(USER);
        Ok(Flow::Continue)
    }
}

/// Returns the name of the user of this connection.
#[derive(Command)]
#[command(name = "acl|whoami", group = Server, since = "6.0.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
struct AclWhoami;

impl SessionCommand for AclWhoami {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.bulk(USER);
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `ACL`.
    AclHelp, "acl|help", "ACL", Server, "6.0.0",
    &[
        "CAT [<category>]",
        "    List the categories of commands, or the commands of <category>.",
        "GETUSER <username>",
        "    Return the rules of the user.",
        "LIST",
        "    List the users with their rules.",
        "USERS",
        "    List the names of the users.",
        "WHOAMI",
        "    Return the name of the user of this connection.",
    ]
);
