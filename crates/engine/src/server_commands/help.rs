//! `HELP` of the containers: a line of usage, then the subcommands.

use spinel_family::Encoder;

/// Answers `CONTAINER HELP`. Lines that begin with blanks explain the one before.
pub(super) fn reply(container: &str, lines: &[&str], out: &mut Encoder) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|line| out.simple(line));
    out.simple("HELP");
    out.simple("    Print this list.");
}

/// Declares the `HELP` of a container: its type, name, the container's, group, version, perhaps a category, then the
/// lines.
macro_rules! help_command {
    ($(#[$doc:meta])* $type:ident, $name:tt, $container:tt, $group:ident, $since:tt, $lines:expr) => {
        $crate::server_commands::help::help_command!(
            $(#[$doc])* $type, $name, $container, $group, $since, , $lines
        );
    };
    (
        $(#[$doc:meta])* $type:ident, $name:tt, $container:tt, $group:ident, $since:tt,
        $($category:ident)?, $lines:expr
    ) => {
        $(#[$doc])*
        #[derive(::spinel_family::Command)]
        #[command(name = $name, group = $group, since = $since, complexity = "O(1)", flags(loading, stale))]
        #[command(categories($($category)?))]
        struct $type;

        impl $crate::session::SessionCommand for $type {
            fn run(
                &self,
                _cx: &mut $crate::session::SessionContext<'_>,
                out: &mut ::spinel_family::Encoder,
            ) -> Result<$crate::Flow, ::spinel_family::CommandError> {
                $crate::server_commands::help::reply($container, $lines, out);
                Ok($crate::Flow::Continue)
            }
        }
    };
}
pub(super) use help_command;
