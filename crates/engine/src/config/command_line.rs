//! The command line: `spinel [file] [-] [--directive value ...]`.
//!
//! Options are not parsed here but written as lines of a configuration file, to be read after the file's own;
//! so they override it, obey the same rules and give the same errors. What looks odd is the reference's and
//! is relied upon: the word after a directive's name is its value even when it begins with `--`, only further
//! ones end at `--`; `--save` without a value means no save points; a name and its value may come in one
//! argument; and words before the first `--` continue the line that came before them.

use super::lexer::{push_quoted, split_words};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// Print the version and exit with status 0.
    Version,
    /// Print the usage and exit with status 1, as the reference does.
    Help,
    /// Something the reference's binary does and this one does not; say so on standard error and exit with
    /// status 1.
    Refused(&'static str),
    /// Serve.
    Serve(Invocation),
}

/// Where a server's configuration comes from, in the order in which later parts override earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// Path of the configuration file.
    pub file: Option<Vec<u8>>,
    /// Whether standard input is read as well.
    pub reads_stdin: bool,
    /// The options as lines of a configuration file.
    pub options: Vec<u8>,
}

/// Reads the arguments, without the program's name.
pub fn parse_command_line(args: &[Vec<u8>]) -> CommandLine {
    match args.first().map(Vec::as_slice) {
        Some(b"-v" | b"--version") => return CommandLine::Version,
        Some(b"-h" | b"--help") => return CommandLine::Help,
        Some(b"--test-memory") => {
            return CommandLine::Refused(
                "--test-memory: there is no memory test here; use a tool such as memtester",
            );
        }
        Some(b"--check-system") => {
            return CommandLine::Refused("--check-system: there are no checks of the system here");
        }
        _ => {}
    }
    if args.iter().any(|arg| arg == b"--sentinel") {
        return CommandLine::Refused("--sentinel: sentinel mode is not supported yet by this version");
    }
    let (file, options) = match args {
        [first, rest @ ..] if !first.starts_with(b"-") => (Some(first.clone()), rest),
        _ => (None, args),
    };
    let (reads_stdin, options) = write_options(options, file.is_none());
    CommandLine::Serve(Invocation { file, reads_stdin, options })
}

/// Writes the arguments as lines; also says whether one of them asked for standard input.
fn write_options(args: &[Vec<u8>], may_start_with_stdin: bool) -> (bool, Vec<u8>) {
    let mut lines = Vec::new();
    let mut reads_stdin = false;
    let mut may_name_follow = true;
    for (position, arg) in args.iter().enumerate() {
        let next = args.get(position + 1);
        let is_edge = next.is_none() || position == 0 && may_start_with_stdin;
        if arg == b"-" && is_edge {
            reads_stdin = true;
        } else if let (true, Some(name)) = (may_name_follow, arg.strip_prefix(b"--")) {
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            lines.extend(name);
            lines.push(b' ');
            may_name_follow = split_words(arg).is_none_or(|words| words.len() != 1);
            let is_followed_by_name = next.is_none_or(|next| next.starts_with(b"--"));
            if !may_name_follow && arg.eq_ignore_ascii_case(b"--save") && is_followed_by_name {
                lines.extend(b"\"\"");
                may_name_follow = true;
            }
        } else {
            push_quoted(&mut lines, arg);
            lines.push(b' ');
            may_name_follow = true;
        }
    }
    (reads_stdin, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> CommandLine {
        parse_command_line(&args.iter().map(|arg| arg.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    fn lines(args: &[&str]) -> String {
        match parse(args) {
            CommandLine::Serve(invocation) => {
                String::from_utf8(invocation.options).expect("the cases are ASCII")
            }
            other => panic!("{args:?} gave {other:?}"),
        }
    }

    #[test]
    fn options_become_lines() {
        for (args, expected) in [
            (&["--save", "100", "100"][..], "save \"100\" \"100\" "),
            (&["--save", ""], "save \"\" "),
            (&["--save", "--loglevel", "verbose"], "save \"\"\nloglevel \"verbose\" "),
            (&["--loglevel", "verbose", "--save"], "loglevel \"verbose\" \nsave \"\""),
            (&["--maxmemory 700mb", "--hz 5"], "maxmemory 700mb \nhz 5 "),
            (&["c.conf", "loglevel", "verbose", "--hz 5"], "\"loglevel\" \"verbose\" \nhz 5 "),
            (&["--proc-title-template", "--a", "--hz", "5"], "proc-title-template \"--a\" \nhz \"5\" "),
            (&["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\" "),
            (
                &["--proc-title-template", "--save", "--save", "", "--hz", "1"],
                "proc-title-template \"--save\" \nsave \"\" \nhz \"1\" ",
            ),
        ] {
            assert_eq!(lines(args), expected, "{args:?}");
        }
    }

    #[test]
    fn a_dash_at_either_end_reads_standard_input() {
        let reads = |args: &[&str]| match parse(args) {
            CommandLine::Serve(invocation) => (invocation.file.is_some(), invocation.reads_stdin),
            other => panic!("{args:?} gave {other:?}"),
        };
        assert_eq!(reads(&["-"]), (false, true));
        assert_eq!(reads(&["-", "--port", "1"]), (false, true));
        assert_eq!(reads(&["a.conf", "-"]), (true, true));
        assert_eq!(reads(&["a.conf", "--port", "1", "-"]), (true, true));
        assert_eq!(reads(&["a.conf", "-", "x"]), (true, false));
    }

    #[test]
    fn special_first_arguments_are_actions() {
        assert_eq!(parse(&["-v"]), CommandLine::Version);
        assert_eq!(parse(&["--help", "x"]), CommandLine::Help);
        assert!(matches!(parse(&["--test-memory", "4"]), CommandLine::Refused(_)));
        assert!(matches!(parse(&["--check-system"]), CommandLine::Refused(_)));
        assert!(matches!(parse(&["a.conf", "--sentinel"]), CommandLine::Refused(_)));
        assert_eq!(parse(&[]), CommandLine::Serve(Invocation::default()));
    }
}
