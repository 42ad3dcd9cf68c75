//! Which units run in which mode: `conformance/units.txt`.
//!
//! One line per unit of the suite, `MODES UNIT | reason`, and no unit left unmentioned: what does not run says why. The
//! reason is owed whenever a mode is missing.

use crate::Outcome;
use std::fmt;

/// How the Tcl suite meets the server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// The suite connects to a server we start, all commands allowed.
    External,
    /// The suite starts servers itself, through `src/redis-server` of a copied tree.
    Spawn,
    /// Like external, in one database, without DEBUG and without looking at encodings.
    SingleDb,
}

impl Mode {
    /// Every mode.
    pub(crate) const ALL: [Mode; 3] = [Mode::External, Mode::Spawn, Mode::SingleDb];

    /// The mode of that name.
    pub(crate) fn parse(name: &str) -> Outcome<Mode> {
        Mode::ALL
            .into_iter()
            .find(|mode| mode.to_string() == name)
            .ok_or_else(|| format!("unknown mode '{name}': external, spawn or singledb"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::External => "external",
            Mode::Spawn => "spawn",
            Mode::SingleDb => "singledb",
        })
    }
}

/// One unit of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its name as the suite says it, `unit/type/string`.
    pub(crate) name: String,
    /// The modes it runs in.
    pub(crate) modes: Vec<Mode>,
    /// Why it does not run in the others.
    pub(crate) reason: Option<String>,
}

/// Parses the plan.
pub(crate) fn parse(text: &str) -> Outcome<Vec<Unit>> {
    let mut units: Vec<Unit> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let unit = parse_line(line).map_err(|error| format!("units.txt line {}: {error}", index + 1))?;
        if units.iter().any(|known| known.name == unit.name) {
            return Err(format!("units.txt line {}: {} is listed twice", index + 1, unit.name));
        }
        units.push(unit);
    }
    Ok(units)
}

fn parse_line(line: &str) -> Outcome<Unit> {
    let (head, reason) = match line.split_once(" | ") {
        Some((head, reason)) => (head, Some(reason.trim().to_owned())),
        None => (line, None),
    };
    let mut words = head.split_whitespace();
    let (Some(modes), Some(name), None) = (words.next(), words.next(), words.next()) else {
        return Err("expected 'MODES UNIT | reason'".to_owned());
    };
    let modes = match modes {
        "none" => Vec::new(),
        list => list.split(',').map(Mode::parse).collect::<Outcome<Vec<Mode>>>()?,
    };
    if modes.len() < Mode::ALL.len() && reason.is_none() {
        return Err(format!("{name} does not run in every mode: say why"));
    }
    Ok(Unit { name: name.to_owned(), modes, reason })
}

#[cfg(test)]
mod tests {
    use super::{Mode, parse};

    #[test]
    fn a_line_names_modes_unit_and_reason() {
        let plan = parse("# c\nexternal,spawn,singledb  unit/scan\nspawn unit/auth | needs a fresh start\n")
            .unwrap();
        assert_eq!(plan.len(), 2);
        assert_eq!(plan[0].modes, Mode::ALL);
        assert_eq!(plan[1].modes, [Mode::Spawn]);
        assert_eq!(plan[1].reason.as_deref(), Some("needs a fresh start"));
    }

    #[test]
    fn a_missing_mode_owes_a_reason_and_a_unit_is_listed_once() {
        assert!(parse("none unit/tls").is_err());
        assert!(parse("external,spawn,singledb unit/a\nexternal,spawn,singledb unit/a").is_err());
        assert!(parse("sideways unit/a | x").is_err());
    }

    #[test]
    fn the_plan_of_this_repository_parses() {
        parse(include_str!("../../../conformance/units.txt")).unwrap();
    }
}
