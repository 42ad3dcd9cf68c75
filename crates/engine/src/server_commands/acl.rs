//! ACL: who one is, and the categories of commands. Users other than the default one are absent.

use spinel_family::spec::Category;
use spinel_family::{Command, CommandError, Encoder, Many};

use super::help::help_command;
use crate::Flow;
use crate::registry::REGISTRY;
use crate::session::{SessionCommand, SessionContext, session_commands, subcommand_misused};

session_commands! {
    /// ACL.
    pub(super) static COMMANDS;
    container Acl,
    session AclCat,
    session AclHelp,
    session AclUsers,
    session AclWhoami,
}

/// The only user.
const USER: &[u8] = b"default";

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
                let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
                CommandError::Text(format!("ERR Unknown category '{name}'").into())
            })?;
        let found: Vec<_> = REGISTRY.all().iter().filter(|command| command.in_category(category)).collect();
        out.array(found.len());
        found.iter().for_each(|command| out.bulk(command.spec.name.as_bytes()));
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
        "USERS",
        "    List the names of the users.",
        "WHOAMI",
        "    Return the name of the user of this connection.",
    ]
);
