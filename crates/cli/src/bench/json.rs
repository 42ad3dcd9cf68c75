//! Just enough JSON to write results: objects and lists, in order, on one line.

use std::fmt::Write as _;

/// An object being written.
#[derive(Debug, Clone)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Object {
        Object(String::from("{"))
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Object {
        let mut quoted = String::new();
        quote(value, &mut quoted);
        self.raw(name, &quoted)
    }

    pub(crate) fn integer(self, name: &str, value: u64) -> Object {
        self.raw(name, &value.to_string())
    }

    /// A number with at most four decimals; what is not finite becomes null.
    pub(crate) fn number(self, name: &str, value: f64) -> Object {
        if !value.is_finite() {
            return self.raw(name, "null");
        }
        self.raw(name, &((value * 10_000.0).round() / 10_000.0).to_string())
    }

    pub(crate) fn objects(self, name: &str, values: impl IntoIterator<Item = Object>) -> Object {
        let values: Vec<String> = values.into_iter().map(Object::finish).collect();
        self.raw(name, &format!("[{}]", values.join(",")))
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn raw(mut self, name: &str, value: &str) -> Object {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(name, &mut self.0);
        self.0.push(':');
        self.0.push_str(value);
        self
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..='\x1f' => {
                write!(out, "\\u{:04x}", u32::from(letter)).expect("a String takes everything");
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn objects_are_written_in_order_and_quoted() {
        let inner = || Object::new().integer("n", 1);
        let text = Object::new()
            .text("a\"\\", "x\ny")
            .number("b", 1.23456)
            .number("c", f64::NAN)
            .objects("d", [inner(), inner()])
            .finish();
        let wanted = r#"{"a\"\\":"x\u000ay","b":1.2346,"c":null,"d":[{"n":1},{"n":1}]}"#;
        assert_eq!(text, wanted);
        assert_eq!(Object::new().finish(), "{}");
    }
}
