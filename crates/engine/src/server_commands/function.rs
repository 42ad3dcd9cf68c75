//! FUNCTION: the library of server-side functions, which is always empty, for nothing runs them.
//!
//! What can be said truthfully of an empty library is answered: its list, and that it is empty after a FLUSH. What
//! would fill it, save it or run it is an unknown subcommand.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Many, is_token};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands, subcommand_misused};

session_commands! {
    /// FUNCTION.
    pub(super) static COMMANDS;
    container Function,
    session FunctionFlush,
    session FunctionHelp,
    session FunctionList,
}

/// Reads and changes the library of functions.
#[derive(Command)]
#[command(group = Scripting, since = "7.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Function;

/// Removes all functions.
#[derive(Command)]
#[command(name = "function|flush", group = Scripting, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of functions deleted", flags(noscript, write))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[Shape {
    optional: true,
    children: &[
        Shape::word(ArgKind::PureToken).arg("async", "ASYNC"),
        Shape::word(ArgKind::PureToken).arg("sync", "SYNC"),
    ],
    ..Shape::word(ArgKind::OneOf)
}
.arg("async", "")])]
struct FunctionFlush<'a> {
    #[arg(trailing, hidden)]
    mode: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for FunctionFlush<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        if self.mode.is_some_and(|mode| !is_token(mode, "ASYNC") && !is_token(mode, "SYNC")) {
            return Err(CommandError::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
        }
        // Those that came from a file would come from it again.
        if cx.engine().persistence.functions.clear() {
            let end = cx.engine().journal.append(cx.session.db, cx.args);
            cx.session.note_written(end);
        }
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Lists the functions, all or those of the libraries whose names match.
#[derive(Command)]
#[command(name = "function|list", group = Scripting, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of functions", flags(noscript))]
#[command(tips("nondeterministic_output_order"))]
#[command(args = &[
    ArgSpec { token: "LIBRARYNAME", ..OPTIONAL.arg("library-name-pattern", "") },
    Shape { kind: ArgKind::PureToken, ..OPTIONAL }.arg("withcode", "WITHCODE"),
])]
struct FunctionList<'a> {
    #[arg(trailing, hidden)]
    options: Option<Many<'a, &'a [u8]>>,
}

const OPTIONAL: Shape = Shape { optional: true, ..Shape::word(ArgKind::String) };

impl SessionCommand for FunctionList<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        self.check_options()?;
        out.array(0);
        Ok(Flow::Continue)
    }
}

impl FunctionList<'_> {
    /// Each option once, a name with its pattern; nothing matches whatever they ask for.
    fn check_options(&self) -> Result<(), CommandError> {
        let (mut has_name, mut has_code) = (false, false);
        let mut words = self.options.iter().flat_map(Many::items);
        while let Some(word) = words.next() {
            if !has_code && is_token(word, "WITHCODE") {
                has_code = true;
            } else if !has_name && is_token(word, "LIBRARYNAME") {
                has_name = true;
                words.next().ok_or(CommandError::text("ERR library name argument was not given"))?;
            } else {
                return Err(CommandError::quoting("ERR Unknown argument ", word, ""));
            }
        }
        Ok(())
    }
}

help_command!(
    /// Lists the subcommands of `FUNCTION`.
    FunctionHelp, "function|help", "FUNCTION", Scripting, "7.0.0",
    &[
        "FLUSH [ASYNC|SYNC]",
        "    Remove all functions.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    Show the libraries, all or those whose names match <pattern>, perhaps with their code.",
    ]
);

#[cfg(test)]
mod tests {
    use crate::config::Settings;
    use crate::testing::Server;

    #[test]
    fn an_empty_library_is_told_and_flushed() {
        let mut server = Server::new(Settings::default());
        let peer = server.connect("127.0.0.1:1");
        let unknown_mode = "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n";
        let misused =
            "-ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.\r\n";
        for (line, reply) in [
            ("FUNCTION FLUSH", "+OK\r\n"),
            ("FUNCTION FLUSH sync", "+OK\r\n"),
            ("FUNCTION FLUSH now", unknown_mode),
            ("FUNCTION flush ASYNC SYNC", misused),
            ("FUNCTION LIST", "*0\r\n"),
            ("FUNCTION LIST WITHCODE LIBRARYNAME *", "*0\r\n"),
            ("FUNCTION LIST LIBRARYNAME", "-ERR library name argument was not given\r\n"),
            ("FUNCTION LIST withcode WithCode", "-ERR Unknown argument WithCode\r\n"),
            ("FUNCTION LOAD x", "-ERR unknown subcommand 'LOAD'. Try FUNCTION HELP.\r\n"),
        ] {
            assert_eq!(server.run(peer, line), reply, "{line}");
        }
    }
}
