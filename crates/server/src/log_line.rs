//! What a line of the log looks like: Redis's form, and those of Valkey 9.
//!
//! ```text
//! legacy    PID:M TIME MARK text
//! logfmt    pid=PID role=primary timestamp="TIME" level=LEVEL message="text"
//! json      {"pid":PID,"role":"primary","timestamp":"TIME","level":"LEVEL","message":"text"}
//! ```
//!
//! The mark tells the level: `.` `-` `*` `#`. In words of logfmt quotes are apostrophes and ends of lines are blanks.

use std::fmt::Write;

use jiff::Zoned;
use spinel_engine::config::{LogFormat, TimestampFormat};
use spinel_engine::log::LogLevel;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) format: LogFormat,
    pub(crate) timestamps: TimestampFormat,
}

/// A line, with its end.
pub(crate) fn render(style: Style, pid: u32, now: &Zoned, level: LogLevel, text: &str) -> String {
    let time = match style.timestamps {
        TimestampFormat::Legacy => now.strftime("%d %b %Y %H:%M:%S%.3f").to_string(),
        TimestampFormat::Iso8601 => now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        TimestampFormat::Milliseconds => now.timestamp().as_millisecond().to_string(),
    };
    let (mark, word) = match level {
        LogLevel::Debug => ('.', "debug"),
        LogLevel::Verbose => ('-', "info"),
        LogLevel::Notice => ('*', "notice"),
        LogLevel::Warning => ('#', "warning"),
    };
    match style.format {
        LogFormat::Legacy => format!("{pid}:M {time} {mark} {text}\n"),
        LogFormat::Logfmt => {
            let text = text.replace('"', "'").replace(['\n', '\r'], " ");
            format!("pid={pid} role=primary timestamp=\"{time}\" level={word} message=\"{text}\"\n")
        }
        LogFormat::Json => format!(
            "{{\"pid\":{pid},\"role\":\"primary\",\"timestamp\":\"{time}\",\"level\":\"{word}\",\"message\":{}}}\n",
            quoted(text)
        ),
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '\\' | '"' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\x0c' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x08' => quoted.push_str("\\b"),
            ..='\x1f' => write!(quoted, "\\u{:04x}", u32::from(letter)).expect("a string takes any text"),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, timestamps: TimestampFormat, level: LogLevel, text: &str) -> String {
        // What Valkey 9.1 printed for this moment in this zone.
        let zone = jiff::tz::TimeZone::fixed(
            jiff::tz::offset(-3).saturating_sub(jiff::SignedDuration::from_mins(30)),
        );
        let now = jiff::Timestamp::from_millisecond(1_795_422_853_317).expect("a time").to_zoned(zone);
        render(Style { format, timestamps }, 8283, &now, level, text)
    }

    #[test]
    fn lines_are_those_of_the_references() {
        use LogFormat::{Json, Legacy, Logfmt};
        use TimestampFormat::{Iso8601, Milliseconds};
        const TEXT: &str = "Configuration loaded";
        for (format, timestamps, level, expected) in [
            (
                Legacy,
                TimestampFormat::Legacy,
                LogLevel::Notice,
                "8283:M 23 Nov 2026 05:04:13.317 * Configuration loaded\n",
            ),
            (
                Legacy,
                Iso8601,
                LogLevel::Warning,
                "8283:M 2026-11-23T05:04:13.317-03:30 # Configuration loaded\n",
            ),
            (Legacy, Milliseconds, LogLevel::Verbose, "8283:M 1795422853317 - Configuration loaded\n"),
            (
                Logfmt,
                TimestampFormat::Legacy,
                LogLevel::Debug,
                "pid=8283 role=primary timestamp=\"23 Nov 2026 05:04:13.317\" level=debug message=\"Configuration loaded\"\n",
            ),
            (
                Logfmt,
                Iso8601,
                LogLevel::Verbose,
                "pid=8283 role=primary timestamp=\"2026-11-23T05:04:13.317-03:30\" level=info message=\"Configuration loaded\"\n",
            ),
            (
                Json,
                Milliseconds,
                LogLevel::Notice,
                "{\"pid\":8283,\"role\":\"primary\",\"timestamp\":\"1795422853317\",\"level\":\"notice\",\"message\":\"Configuration loaded\"}\n",
            ),
        ] {
            assert_eq!(line(format, timestamps, level, TEXT), expected);
        }
    }

    #[test]
    fn a_line_stays_one_line_and_its_text_one_word() {
        let told = |format| {
            let line = line(
                format,
                TimestampFormat::Milliseconds,
                LogLevel::Warning,
                "a \"b\"\r\n\t\\\x01\x0c\x08é",
            );
            line.split_once("message").expect("a message").1.to_owned()
        };
        assert_eq!(told(LogFormat::Logfmt), "=\"a 'b'  \t\\\x01\x0c\x08é\"\n");
        assert_eq!(told(LogFormat::Json), "\":\"a \\\"b\\\"\\r\\n\\t\\\\\\u0001\\f\\bé\"}\n");
    }
}
