//! `COMMAND LIST`: names, all or those that pass a filter.

use spinel_family::spec::Category;
use spinel_family::{Choice, Command as Grammar, CommandError, Encoder, Parse, Pattern, Words, is_token};
use spinel_structs::glob;

use crate::Flow;
use crate::registry::{Command, REGISTRY};
use crate::session::{SessionCommand, SessionContext};

/// The modules loaded.
const MODULES: [&[u8]; 0] = [];

#[derive(Clone, Copy, Choice)]
enum Filter<'a> {
    #[arg(token = "MODULE", name = "module-name")]
    Module(&'a [u8]),
    #[arg(token = "ACLCAT", name = "category")]
    Category(&'a [u8]),
    #[arg(token = "PATTERN", name = "pattern")]
    Pattern(Pattern<'a>),
}

/// Lists the names of commands and subcommands.
#[derive(Grammar)]
#[command(name = "command|list", group = Server, since = "7.0.0", manual, args = ARGS, arity = -2)]
#[command(complexity = "O(N) where N is the total number of Redis commands")]
#[command(flags(loading, stale), categories(Connection), tips("nondeterministic_output_order"))]
pub(super) struct CommandList<'a> {
    filter: Option<Filter<'a>>,
}

const ARGS: &[spinel_family::spec::ArgSpec] = {
    let mut filter = <Filter<'static> as Choice<'static>>::SHAPE.or_absent().arg("filterby", "FILTERBY");
    filter.flags.optional = true;
    &[filter]
};

impl<'a> Parse<'a> for CommandList<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut filter = None;
        while let Some(word) = words.peek() {
            if !is_token(word, "FILTERBY") || words.len() != 3 {
                return Err(CommandError::Syntax);
            }
            words.skip_one();
            filter =
                Some(Filter::take(words.peek().unwrap_or_default(), words)?.ok_or(CommandError::Syntax)?);
        }
        Ok(Self { filter })
    }
}

impl Filter<'_> {
    fn passes(self, command: &Command) -> bool {
        match self {
            Self::Module(name) => MODULES.contains(&name),
            Self::Category(name) => Category::ALL
                .into_iter()
                .find(|category| name.eq_ignore_ascii_case(category.name().as_bytes()))
                .is_some_and(|category| command.in_category(category)),
            Self::Pattern(Pattern(pattern)) => glob::matches(pattern, command.spec.name.as_bytes(), true),
        }
    }
}

impl SessionCommand for CommandList<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let is_wanted =
            |command: &&Command| command.is_seen() && self.filter.is_none_or(|filter| filter.passes(command));
        let found: Vec<&Command> = REGISTRY.all().iter().filter(is_wanted).collect();
        out.array(found.len());
        found.iter().for_each(|command| out.bulk(command.spec.name.as_bytes()));
        Ok(Flow::Continue)
    }
}
