//! `HELP` of the containers: a line of usage, then the subcommands.

use spinel_family::Encoder;

/// Answers `CONTAINER HELP`. Lines that begin with blanks explain the one before.
pub(crate) fn reply_help(container: &str, lines: &[&str], out: &mut Encoder) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|line| out.simple(line));
    out.simple("HELP");
    out.simple("    Print this list.");
}

/// Declares the `HELP` of a container: its type, name, the container's, group, version, perhaps a category, then the
/// lines.
macro_rules! help_command {
    ($(#[$doc:meta])* $vis:vis $type:ident, $name:tt, $container:tt, $group:ident, $since:tt, $lines:expr) => {
        $crate::session::help_command!(
            $(#[$doc])* $vis $type, $name, $container, $group, $since, , $lines
        );
    };
    (
        $(#[$doc:meta])* $vis:vis $type:ident, $name:tt, $container:tt, $group:ident, $since:tt,
        $($category:ident)?, $lines:expr
    ) => {
        $(#[$doc])*
        #[derive(::spinel_family::Command)]
        #[command(name = $name, group = $group, since = $since, complexity = "O(1)", flags(loading, stale))]
        #[command(categories($($category)?))]
        $vis struct $type;

        impl $crate::session::SessionCommand for $type {
            fn run(
                &self,
                _cx: &mut $crate::session::SessionContext<'_>,
                out: &mut ::spinel_family::Encoder,
            ) -> Result<$crate::Flow, ::spinel_family::CommandError> {
                $crate::session::reply_help($container, $lines, out);
                Ok($crate::Flow::Continue)
            }
        }
    };
}
pub(crate) use help_command;
