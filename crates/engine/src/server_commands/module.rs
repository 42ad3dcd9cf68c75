//! MODULE: there are none, and none can be loaded.

use spinel_family::{Command, CommandError, Encoder};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};

session_commands! {
    /// MODULE.
    pub(super) static COMMANDS;
    container Module,
    session ModuleHelp,
    session ModuleList,
}

/// Tells about modules.
#[derive(Command)]
#[command(group = Server, since = "4.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Module;

/// Lists the modules loaded.
#[derive(Command)]
#[command(name = "module|list", group = Server, since = "4.0.0")]
#[command(complexity = "O(N) where N is the number of loaded modules.")]
#[command(flags(admin, noscript), tips("nondeterministic_output_order"))]
struct ModuleList;

impl SessionCommand for ModuleList {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.array(0);
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `MODULE`.
    ModuleHelp, "module|help", "MODULE", Server, "5.0.0",
    &["LIST", "    List the modules loaded; modules cannot be loaded here."]
);
