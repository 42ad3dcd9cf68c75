//! Commands as templates, and the small language they are written in.
//!
//! ```text
//! SET <key> <value> [NX|XX] [EX <seconds>|KEEPTTL]     words; <placeholders>; [optional] and (required) choices
//! DEL <key>+      MSET (<key> <value>)+                 one to four times; * for none to three
//! SPOP <key> ; DEL <same>                               several commands that belong together; <same> is the last key
//! SCRIPT LOAD <script> ; EVALSHA <digest> 0             <digest> is that of the last script
//! ```
//! A choice takes each alternative with equal chance, an option is there half the time.

use sha1::{Digest as _, Sha1};

use super::vocabulary::{Kind, Vocabulary};
use crate::client::Words;
use crate::random::Random;

/// A parsed template: one or more commands.
#[derive(Debug)]
pub(super) struct Template {
    commands: Vec<Vec<Node>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Node {
    Literal(&'static str),
    Word(Kind),
    Choice { alternatives: Vec<Vec<Node>>, optional: bool },
    Repeat { node: Box<Node>, at_least: usize },
}

impl Template {
    /// Parses a template; a mistake in one is a bug of the table it stands in.
    pub(super) fn parse(text: &'static str) -> Template {
        let commands = text.split(" ; ").map(|command| {
            let mut parser = Parser { rest: command };
            let nodes = parser.sequence();
            assert!(parser.rest.is_empty(), "unbalanced bracket in template: {text}");
            nodes
        });
        Template { commands: commands.collect() }
    }

    /// Invents the words of its commands.
    pub(super) fn invent(&self, random: &mut Random, vocabulary: &Vocabulary) -> Vec<Words> {
        let mut writer = Writer { random, vocabulary, last_key: Vec::new(), last_script: Vec::new() };
        self.commands
            .iter()
            .map(|nodes| {
                let mut words = Vec::new();
                writer.write(nodes, &mut words);
                words
            })
            .collect()
    }
}

struct Parser {
    rest: &'static str,
}

impl Parser {
    fn sequence(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            let node = match self.rest.chars().next() {
                None | Some(']' | ')' | '|') => return nodes,
                Some('[') => self.choice(']', true),
                Some('(') => self.choice(')', false),
                Some('<') => self.placeholder(),
                Some(_) => self.literal(),
            };
            nodes.push(self.repeated(node));
        }
    }

    fn choice(&mut self, closing: char, optional: bool) -> Node {
        let mut alternatives = Vec::new();
        loop {
            self.rest = &self.rest[1..];
            alternatives.push(self.sequence());
            match self.rest.chars().next() {
                Some('|') => {}
                Some(found) if found == closing => break,
                _ => panic!("unbalanced bracket in template before: {}", self.rest),
            }
        }
        self.rest = &self.rest[1..];
        Node::Choice { alternatives, optional }
    }

    fn placeholder(&mut self) -> Node {
        let end = self.rest.find('>').expect("a placeholder is closed");
        let kind = Kind::named(&self.rest[1..end]);
        self.rest = &self.rest[end + 1..];
        Node::Word(kind)
    }

    fn literal(&mut self) -> Node {
        let end = self.rest.find([' ', '[', ']', '(', ')', '|', '<']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Node::Literal(word)
    }

    fn repeated(&mut self, node: Node) -> Node {
        let at_least = match self.rest.chars().next() {
            Some('+') => 1,
            Some('*') => 0,
            _ => return node,
        };
        self.rest = &self.rest[1..];
        Node::Repeat { node: Box::new(node), at_least }
    }
}

struct Writer<'a> {
    random: &'a mut Random,
    vocabulary: &'a Vocabulary,
    last_key: Vec<u8>,
    last_script: Vec<u8>,
}

impl Writer<'_> {
    fn write(&mut self, nodes: &[Node], words: &mut Words) {
        for node in nodes {
            self.write_node(node, words);
        }
    }

    fn write_node(&mut self, node: &Node, words: &mut Words) {
        match node {
            Node::Literal(word) => words.push(word.as_bytes().to_vec()),
            Node::Word(Kind::Same) => words.push(self.last_key.clone()),
            Node::Word(Kind::Digest) => {
                let digest = Sha1::digest(&self.last_script);
                words.push(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
            }
            Node::Word(kind) => {
                let word = self.vocabulary.word(*kind, self.random);
                if *kind == Kind::Key {
                    self.last_key.clone_from(&word);
                }
                if *kind == Kind::Script {
                    self.last_script.clone_from(&word);
                }
                words.push(word);
            }
            Node::Choice { optional: true, .. } if self.random.chance(500) => {}
            Node::Choice { alternatives, .. } => {
                let chosen = self.random.below(alternatives.len());
                self.write(&alternatives[chosen], words);
            }
            Node::Repeat { node, at_least } => {
                for _ in 0..at_least + self.random.below(4) {
                    self.write_node(node, words);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::generate::vocabulary::Vocabulary;
    use crate::random::Random;
    use std::collections::BTreeSet;

    fn inventions(text: &'static str) -> BTreeSet<Vec<String>> {
        let template = Template::parse(text);
        let vocabulary = Vocabulary::small();
        let mut random = Random::new(7);
        let plain = |words: Vec<Vec<u8>>| -> Vec<String> {
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        };
        (0..200).flat_map(|_| template.invent(&mut random, &vocabulary)).map(plain).collect()
    }

    #[test]
    fn options_come_and_go_and_choices_take_every_side() {
        let all: BTreeSet<String> =
            inventions("A [B|C D] (E|F)").iter().map(|words| words.join(" ")).collect();
        let expected = ["A B E", "A B F", "A C D E", "A C D F", "A E", "A F"];
        assert_eq!(all.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn repetitions_stay_in_their_bounds() {
        let lengths = |text| inventions(text).iter().map(Vec::len).collect::<BTreeSet<usize>>();
        assert_eq!(lengths("A <db>+"), BTreeSet::from([2, 3, 4, 5]));
        assert_eq!(lengths("A (X Y)*"), BTreeSet::from([1, 3, 5, 7]));
    }

    #[test]
    fn commands_that_belong_together_name_the_same_key() {
        let template = Template::parse("SPOP <key> ; DEL <same>");
        let vocabulary = Vocabulary::small();
        let mut random = Random::new(3);
        for _ in 0..50 {
            let commands = template.invent(&mut random, &vocabulary);
            assert_eq!(commands.len(), 2);
            assert_eq!(commands[0][1], commands[1][1]);
        }
    }

    #[test]
    #[should_panic(expected = "unbalanced")]
    fn an_open_bracket_is_a_bug() {
        Template::parse("A [B");
    }
}
