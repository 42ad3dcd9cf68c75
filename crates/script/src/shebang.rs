//! The first line: `#!lua flags=no-writes,allow-oom` of scripts, `#!lua name=mylib` of libraries.

use spinel_resp::{OwnedArgs, split_words};

use crate::engine::Language;

/// What a script says it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags {
    /// It declared its flags at all; scripts without a first line run as ever.
    pub is_declared: bool,
    /// `no-writes`
    pub no_writes: bool,
    /// `allow-oom`
    pub allow_oom: bool,
    /// `allow-stale`
    pub allow_stale: bool,
    /// `no-cluster`
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`
    pub allow_cross_slot_keys: bool,
    /// `atomic`, which is ours: if it fails, nothing has happened.
    pub atomic: bool,
}

impl ScriptFlags {
    /// The flags that are set, by name, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
            (self.atomic, "atomic"),
        ]
        .into_iter()
        .filter_map(|(is_set, name)| is_set.then_some(name))
    }

    /// Sets a flag by its name; whether there is one of that name.
    pub(crate) fn set(&mut self, name: &[u8]) -> bool {
        match name {
            b"no-writes" => self.no_writes = true,
            b"allow-oom" => self.allow_oom = true,
            b"allow-stale" => self.allow_stale = true,
            b"no-cluster" => self.no_cluster = true,
            b"allow-cross-slot-keys" => self.allow_cross_slot_keys = true,
            b"atomic" => self.atomic = true,
            _ => return false,
        }
        true
    }
}

/// What the first line of a script says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptHead {
    /// The engine; Lua if there is no such line.
    pub language: Language,
    /// The flags.
    pub flags: ScriptFlags,
    /// Python: strings are texts and not bytes.
    pub decode: bool,
    /// How long the line is, its end not counted; zero if there is none.
    pub len: usize,
}

impl ScriptHead {
    fn new(language: Language) -> Self {
        Self { language, flags: ScriptFlags::default(), decode: false, len: 0 }
    }
}

/// Reads the first line of a script.
///
/// # Errors
/// What is wrong with it.
pub fn script_head(source: &[u8]) -> Result<ScriptHead, Vec<u8>> {
    if !source.starts_with(b"#!") {
        return Ok(ScriptHead::new(Language::Lua));
    }
    // What C calls a string ends with a zero.
    let visible = up_to_zero(source);
    let len = memchr::memchr(b'\n', visible).ok_or(b"Invalid script shebang")?;
    let words = words_of(&source[..len]).ok_or(b"Invalid engine in script shebang")?;
    let mut words = words.args().iter();
    let engine = words.next().unwrap_or_default();
    let Some(language) = engine.strip_prefix(b"#!").and_then(Language::of_name) else {
        return Err([&b"Unexpected engine in script shebang: "[..], engine].concat());
    };
    let mut head = ScriptHead { len, ..ScriptHead::new(language) };
    head.flags.is_declared = true;
    for word in words {
        if let Some(list) = word.strip_prefix(b"flags=") {
            read_flags(list, &mut head.flags)?;
        } else if !read_option(word, &mut head) {
            let name = language.name();
            return Err([b"Unknown ", name.as_bytes(), b" shebang option: ", word].concat());
        }
    }
    Ok(head)
}

/// A source without its first line, if that is a shebang.
pub(crate) fn without_head(source: &[u8]) -> &[u8] {
    let len =
        if source.starts_with(b"#!") { memchr::memchr(b'\n', source).unwrap_or(source.len()) } else { 0 };
    &source[len..]
}

/// The flags in a list with commas.
fn read_flags(list: &[u8], flags: &mut ScriptFlags) -> Result<(), Vec<u8>> {
    // An empty list has no elements, as the splitter has it.
    for name in list.split(|byte| *byte == b',').filter(|_| !list.is_empty()) {
        if !flags.set(name) {
            return Err([&b"Unexpected flag in script shebang: "[..], name].concat());
        }
    }
    Ok(())
}

/// Reads an option that only some engines have; whether it is one.
fn read_option(word: &[u8], head: &mut ScriptHead) -> bool {
    let decode = match word {
        b"decode=yes" => true,
        b"decode=no" => false,
        _ => return false,
    };
    if head.language == Language::Lua {
        return false;
    }
    head.decode = decode;
    true
}

/// What the first line of a library says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryHead {
    /// The engine's name, as given.
    pub engine: Vec<u8>,
    /// The library's name.
    pub name: Vec<u8>,
    /// Python: strings are texts and not bytes.
    pub decode: bool,
    /// How long the line is, its end not counted.
    pub len: usize,
}

impl LibraryHead {
    /// The engine, if there is one of that name, whatever its case.
    pub fn language(&self) -> Option<Language> {
        Language::of_name(&self.engine.to_ascii_lowercase())
    }
}

/// Reads the first line of a library.
///
/// # Errors
/// What is wrong with it.
pub fn library_head(source: &[u8]) -> Result<LibraryHead, Vec<u8>> {
    let visible = up_to_zero(source);
    if !visible.starts_with(b"#!") {
        return Err(b"Missing library metadata".to_vec());
    }
    let len = memchr::memchr(b'\n', visible).ok_or(b"Invalid library metadata")?;
    let words = words_of(&source[..len]).ok_or(b"Invalid library metadata")?;
    let mut words = words.args().iter();
    let engine = words.next().and_then(|word| word.get(b"#!".len()..)).unwrap_or_default().to_vec();
    let mut head = ScriptHead::new(Language::of_name(&engine.to_ascii_lowercase()).unwrap_or(Language::Lua));
    let mut name = None;
    for word in words {
        if read_option(word, &mut head) {
            continue;
        }
        let (key, value) = word.split_at(b"name=".len().min(word.len()));
        if !key.eq_ignore_ascii_case(b"name=") {
            return Err([&b"Invalid metadata value given: "[..], word].concat());
        }
        if name.replace(value.to_vec()).is_some() {
            return Err(b"Invalid metadata value, name argument was given multiple times".to_vec());
        }
    }
    let name = name.ok_or(b"Library name was not given")?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_plain) {
        return Err(b"Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
            .to_vec());
    }
    Ok(LibraryHead { engine, name, decode: head.decode, len })
}

/// What C sees of a text: up to the first zero.
pub(crate) fn up_to_zero(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The words of a line; nothing if quotes do not match, or if there are none.
fn words_of(line: &[u8]) -> Option<OwnedArgs> {
    split_words(line).ok().filter(|words| !words.args().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        String::from_utf8(script_head(source.as_bytes()).expect_err("an error")).expect("text")
    }

    #[test]
    fn scripts_declare_flags_in_their_first_line() {
        assert_eq!(script_head(b"return 1"), Ok(ScriptHead::new(Language::Lua)));
        let head = script_head(b"#!lua flags=no-writes,allow-oom\nreturn 1").expect("flags");
        assert_eq!(head.flags.names().collect::<Vec<_>>(), ["no-writes", "allow-oom"]);
        assert!(head.flags.is_declared);
        assert_eq!((head.language, head.len), (Language::Lua, 31));
        assert!(script_head(b"#!lua\n").expect("no flags").flags.is_declared);
    }

    #[test]
    fn a_wrong_first_line_is_told_in_the_words_of_redis() {
        assert_eq!(error("#!lua"), "Invalid script shebang");
        assert_eq!(error("#!not-lua\n"), "Unexpected engine in script shebang: #!not-lua");
        assert_eq!(error("#!lua badger=data\n"), "Unknown lua shebang option: badger=data");
        assert_eq!(error("#!lua decode=yes\n"), "Unknown lua shebang option: decode=yes");
        assert_eq!(error("#!lua flags=allow-what\n"), "Unexpected flag in script shebang: allow-what");
        assert_eq!(error("#!\"lua\n"), "Invalid engine in script shebang");
    }

    #[cfg(feature = "python")]
    #[test]
    fn a_first_line_asks_for_python() {
        let head = script_head(b"#!python decode=yes flags=no-writes\n1").expect("a head");
        assert_eq!((head.language, head.decode, head.flags.no_writes), (Language::Python, true, true));
        assert_eq!(error("#!python decode=maybe\n"), "Unknown python shebang option: decode=maybe");
        let head = library_head(b"#!python name=lib decode=yes\n").expect("a head");
        assert!(head.decode);
        assert!(library_head(b"#!lua name=lib decode=yes\n").is_err());
    }

    #[cfg(not(feature = "python"))]
    #[test]
    fn without_python_it_is_an_engine_that_there_is_not() {
        assert_eq!(error("#!python\n"), "Unexpected engine in script shebang: #!python");
    }

    #[test]
    fn libraries_have_a_name() {
        let head = library_head(b"#!LUA name=\"lib_1\"\ncode").expect("a head");
        assert_eq!((head.engine.as_slice(), head.name.as_slice()), (&b"LUA"[..], &b"lib_1"[..]));
        for (source, text) in [
            ("code", "Missing library metadata"),
            ("#!lua", "Invalid library metadata"),
            ("#!lua\n", "Library name was not given"),
            ("#!lua foo=bar\n", "Invalid metadata value given: foo=bar"),
            ("#!lua name=a name=b\n", "Invalid metadata value, name argument was given multiple times"),
        ] {
            assert_eq!(library_head(source.as_bytes()), Err(text.as_bytes().to_vec()), "{source}");
        }
    }
}
