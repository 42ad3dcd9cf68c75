//! All commands by name: those of the families and those of the engine itself.

mod short_names;

use std::sync::LazyLock;

use hashbrown::HashMap;
use spinel_family::spec::{Begin, Category, CommandFlags, Find, Group, KeyFlags, KeySpec, Spec};
use spinel_family::{Args, CommandEntry, KeyRule, Run};

pub(crate) use self::short_names::ShortName;
use self::short_names::ShortNames;
use crate::look_ahead::Ahead;
use crate::scripting::CodeRule;
use crate::session::SessionEntry;
use crate::short_way::Short;

/// The number of a command, for tables indexed by command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u16);

/// How a command is run.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// By a family, on data.
    Data(&'static CommandEntry),
    /// By the engine, on the session.
    Session(&'static SessionEntry),
    /// By one of its subcommands.
    Container,
}

/// A command as the dispatcher sees it.
#[derive(Debug)]
pub struct Command {
    /// Its number.
    pub id: CommandId,
    /// Its description.
    pub spec: &'static Spec,
    /// All its flags; those of its cover, if it has one.
    pub flags: CommandFlags,
    /// How it is run.
    pub action: Action,
    /// Where its keys stand.
    pub keys: KeyRule,
    /// What is fetched before it runs.
    pub(crate) ahead: Ahead,
    /// Its subcommands, for a container.
    pub subcommands: Vec<CommandId>,
    /// Constant time and few words: not timed one by one.
    pub is_fast: bool,
    /// Only run where the configuration lets it be.
    pub is_protected: bool,
    /// It brings code, or says which code may run.
    pub(crate) code_rule: Option<CodeRule>,
    /// Runs on data and may change it.
    pub writes: bool,
    /// How it is run the short way, if it can be.
    pub(crate) short: Option<Short>,
    /// Words of the name: 2 for a subcommand.
    pub name_words: usize,
    /// It covers its subcommands: to clients it is one command, and it is run itself by words that fit none of them.
    pub is_cover: bool,
    /// The command that clients see: its cover, or itself.
    pub seen_as: CommandId,
}

impl Command {
    /// Whether a call reaches keys that no word of it names.
    #[must_use]
    pub fn reaches_beyond(&self, args: Args<'_>) -> bool {
        self.spec.reach.is_some() && self.spec.reach(args.iter()).is_beyond
    }

    /// Whether clients see it as a command of its own.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.seen_as == self.id
    }

    /// Its subcommands, if clients see them.
    #[must_use]
    pub fn seen_subcommands(&self) -> &[CommandId] {
        if self.is_cover { &[] } else { &self.subcommands }
    }

    /// Whether there is a form of it with so many words, the name included. (Where options have names there is no telling,
    /// and none of the covered commands has one.)
    #[must_use]
    pub fn takes(&self, words: usize) -> bool {
        let args = self.spec.args;
        let is_bounded = args.iter().all(|arg| arg.token.is_empty() && !arg.flags.multiple);
        self.spec.accepts(words) && (!is_bounded || words <= self.name_words + args.len())
    }

    /// Its access control categories, those that follow from flags and group included.
    pub fn categories(&self) -> impl Iterator<Item = Category> + '_ {
        Category::ALL.into_iter().filter(|category| self.in_category(*category))
    }

    /// Whether it is in a category.
    #[must_use]
    pub fn in_category(&self, category: Category) -> bool {
        let flags = self.flags;
        if matches!(self.action, Action::Container) {
            return category == Category::Slow || self.spec.categories.contains(&category);
        }
        let implied = match category {
            Category::Write => flags.has(CommandFlags::WRITE),
            Category::Read => flags.has(CommandFlags::READONLY) && self.spec.group != Group::Scripting,
            Category::Admin => flags.has(CommandFlags::ADMIN),
            Category::Dangerous => flags.has(CommandFlags::ADMIN),
            Category::Pubsub => flags.has(CommandFlags::PUBSUB),
            Category::Fast => flags.has(CommandFlags::FAST),
            Category::Slow => !flags.has(CommandFlags::FAST),
            Category::Blocking => flags.has(CommandFlags::BLOCKING),
            Category::String => self.spec.group == Group::String,
            Category::List => self.spec.group == Group::List,
            Category::Set => self.spec.group == Group::Set,
            Category::Hash => self.spec.group == Group::Hash,
            Category::SortedSet => self.spec.group == Group::SortedSet,
            Category::Bitmap => self.spec.group == Group::Bitmap,
            Category::Hyperloglog => self.spec.group == Group::Hyperloglog,
            Category::Geo => self.spec.group == Group::Geo,
            Category::Stream => self.spec.group == Group::Stream,
            Category::Array => self.spec.group == Group::Array,
            Category::Scripting => self.spec.group == Group::Scripting,
            Category::Transaction => self.spec.group == Group::Transactions,
            Category::Connection => self.spec.group == Group::Connection,
            Category::Keyspace => false,
        };
        implied || self.spec.categories.contains(&category)
    }
}

/// The keys as `COMMAND INFO` told them before there were key specifications: first, last and step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacyRange {
    /// The place of the first key, or 0.
    pub first: i32,
    /// The place of the last key; negative: from the end.
    pub last: i32,
    /// Words from key to key.
    pub step: i32,
    /// There may be keys that the range does not tell.
    pub is_partial: bool,
}

impl LegacyRange {
    /// The range that the key specifications amount to: the plain ones at its beginning, one after the other.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let plain = |key: &KeySpec| match (key.begin, key.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) => {
                let last = if last >= 0 { first + last } else { last };
                Some(Self { first, last, step, is_partial: key.flags.has(KeyFlags::INCOMPLETE) })
            }
            _ => None,
        };
        if let [only] = spec.keys {
            return plain(only).unwrap_or(Self { is_partial: true, ..Self::default() });
        }
        let mut range = Self::default();
        for key in spec.keys {
            match plain(key) {
                Some(next) if next.step == 1 && (range.last == 0 || range.last == next.first - 1) => {
                    range = Self {
                        first: if range.first == 0 { next.first } else { range.first },
                        last: next.last,
                        step: 1,
                        is_partial: range.is_partial || next.is_partial,
                    };
                }
                _ => range.is_partial = true,
            }
        }
        range
    }
}

/// Whether it works on data in constant time, whatever its flags say: `SET` is not called fast because it may need memory.
fn is_constant_on_data(spec: &Spec, action: Action) -> bool {
    matches!(action, Action::Data(_)) && spec.complexity == "O(1)"
}

/// The longest command name that is looked up.
const MAX_NAME: usize = 32;

/// All commands.
#[derive(Debug)]
pub struct Registry {
    commands: Vec<Command>,
    by_name: HashMap<&'static [u8], CommandId>,
    short_names: ShortNames,
}

/// The registry of this build.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::build);

impl Registry {
    fn build() -> Self {
        let mut registry =
            Self { commands: Vec::new(), by_name: HashMap::default(), short_names: ShortNames::default() };
        for entry in spinel_commands::FAMILIES.iter().copied().flatten() {
            let id = registry.add_data(entry);
            registry.name(entry.spec, id);
        }
        let own = crate::session::TABLES.iter().chain(crate::server_commands::TABLES);
        for entry in own.copied().flatten() {
            registry.add_session(entry);
        }
        for entry in crate::server_commands::DATA_TABLES.iter().copied().flatten() {
            let id = registry.add_data(entry);
            registry.join(entry.spec, id);
        }
        registry.short_names = ShortNames::of(&registry.by_name);
        registry
    }

    fn add(&mut self, spec: &'static Spec, mut flags: CommandFlags, action: Action) -> CommandId {
        let id = CommandId(self.commands.len() as u16);
        if LegacyRange::of(spec).is_partial {
            flags = flags.with(CommandFlags::MOVABLEKEYS);
        }
        let keys = KeyRule::of(spec);
        let is_fast = (flags.has(CommandFlags::FAST) || is_constant_on_data(spec, action))
            && !flags.has(CommandFlags::BLOCKING);
        let code_rule = CodeRule::of(spec.name);
        let is_protected = flags.has(CommandFlags::PROTECTED) || code_rule.is_some();
        self.commands.push(Command {
            id,
            spec,
            flags,
            action,
            keys,
            ahead: Ahead::of(spec, keys),
            subcommands: Vec::new(),
            is_protected,
            code_rule,
            writes: matches!(action, Action::Data(entry) if entry.writes()),
            is_fast,
            short: if is_fast && !is_protected { Short::of(spec, action, keys) } else { None },
            name_words: if spec.name.contains('|') { 2 } else { 1 },
            is_cover: false,
            seen_as: id,
        });
        id
    }

    fn add_data(&mut self, entry: &'static CommandEntry) -> CommandId {
        let Run::Container(subs) = entry.run else {
            return self.add(entry.spec, entry.flags(), Action::Data(entry));
        };
        let id = self.add(entry.spec, entry.flags(), Action::Container);
        for sub in subs {
            let sub = self.add_data(sub);
            self.commands[usize::from(id.0)].subcommands.push(sub);
        }
        id
    }

    /// A session command; `a|b` joins the container `a`, whose table entry stands before it (in either registry).
    fn add_session(&mut self, entry: &'static SessionEntry) {
        let action = if entry.is_container() { Action::Container } else { Action::Session(entry) };
        let id = self.add(entry.spec, entry.spec.flags, action);
        self.commands[usize::from(id.0)].is_cover = entry.is_cover;
        self.join(entry.spec, id);
    }

    fn name(&mut self, spec: &'static Spec, id: CommandId) {
        let before = self.by_name.insert(spec.name.as_bytes(), id);
        assert!(before.is_none(), "there are two commands `{}`", spec.name);
    }

    /// Makes a command known: by its name, or to its container, which stands before it.
    fn join(&mut self, spec: &'static Spec, id: CommandId) {
        let Some((container, _)) = spec.name.split_once('|') else {
            self.name(spec, id);
            return;
        };
        let parent = self.by_name.get(container.as_bytes()).copied();
        let parent = parent.expect("a container stands before its subcommands");
        let is_there = |sub: &CommandId| self.get(*sub).spec.name == spec.name;
        assert!(!self.get(parent).subcommands.iter().any(is_there), "there are two commands `{}`", spec.name);
        let container = &mut self.commands[usize::from(parent.0)];
        container.subcommands.push(id);
        if container.is_cover {
            let (flags, is_protected) = (container.flags, container.is_protected);
            let covered = &mut self.commands[usize::from(id.0)];
            (covered.flags, covered.is_protected, covered.seen_as) = (flags, is_protected, parent);
        }
    }

    /// A command by its number.
    #[inline]
    #[must_use]
    pub fn get(&self, id: CommandId) -> &Command {
        &self.commands[usize::from(id.0)]
    }

    /// A command by its name in any case; a container is given as itself.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Command> {
        match self.short_names.find(name) {
            Some(id) => Some(self.get(id)),
            None => self.find_long(name),
        }
    }

    fn find_long(&self, name: &[u8]) -> Option<&Command> {
        let mut lower = [0; MAX_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower).map(|&id| self.get(id))
    }

    /// A container's subcommand by its name in any case.
    #[must_use]
    pub fn find_sub(&self, container: &Command, name: &[u8]) -> Option<&Command> {
        container
            .subcommands
            .iter()
            .map(|&id| self.get(id))
            .find(|sub| sub.spec.leaf_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Top-level commands.
    pub fn top_level(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| !command.spec.name.contains('|'))
    }

    /// All commands, subcommands included.
    #[must_use]
    pub fn all(&self) -> &[Command] {
        &self.commands
    }
}
