//! The text of a report: titles, fields and amounts as people read them.

use std::fmt::{Display, Write};

/// A report under way.
#[derive(Debug, Default)]
pub(in crate::server_commands) struct Report {
    text: String,
}

impl Report {
    /// Begins a section.
    pub(super) fn begin(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    /// One field.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// An amount of bytes, also as people read it.
    pub(super) fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.human(name, bytes);
    }

    /// An amount of bytes as people read it.
    pub(super) fn human(&mut self, name: &str, bytes: u64) {
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("a string takes any text");
        self.text.push_str("\r\n");
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Bytes as people read them: `894.86K`.
pub(in crate::server_commands) fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.2}{}", UNITS[unit])
}

/// A name that does not break the report: what has a meaning in it becomes an underscore.
pub(super) fn safe(name: &str) -> String {
    name.replace(['#', ':', '\n', '\r'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_in_redis() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (916_336, "894.86K"),
            (25_276_502_016, "23.54G"),
            (1 << 50, "1.00P"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
