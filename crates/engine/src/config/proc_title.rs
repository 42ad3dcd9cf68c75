//! `proc-title-template`: the process's title with variables in braces.

use super::settings::Settings;
use super::value::Reason;

/// What a title's variables stand for, beside what the settings say.
#[derive(Clone, Copy, Debug)]
pub struct Title<'a> {
    /// `{title}`: the program as it was called.
    pub title: &'a [u8],
    /// `{config-file}`: absolute path of the configuration file, if there is one.
    pub config_file: Option<&'a [u8]>,
}

/// The process title that `settings` ask for; `None` when the template is not valid, which loading has
/// excluded.
pub fn expand_title(settings: &Settings, title: Title<'_>) -> Option<Vec<u8>> {
    let network = &settings.network;
    let listen_address = || match (network.port, network.bind.first()) {
        (0, _) => [b"unixsocket:", network.unixsocket.as_slice()].concat(),
        (port, None) => format!("*:{port}").into_bytes(),
        (port, Some(first)) => [first, format!(":{port}").as_bytes()].concat(),
    };
    expand(&settings.process.proc_title_template, |variable| match variable {
        b"title" => Some(title.title.to_vec()),
        b"listen-addr" => Some(listen_address()),
        b"server-mode" => Some(Vec::new()),
        b"port" => Some(network.port.to_string().into_bytes()),
        b"tls-port" => Some(b"0".to_vec()),
        b"unixsocket" => Some(network.unixsocket.clone()),
        b"config-file" => Some(title.config_file.unwrap_or(b"-").to_vec()),
        _ => None,
    })
}

/// Refuses templates with unknown variables, open braces or nothing to show.
pub(super) fn check(template: &[u8]) -> Result<(), Reason> {
    let shown = expand(template, |variable| match variable {
        b"title" | b"server-mode" | b"unixsocket" => Some(Vec::new()),
        b"listen-addr" | b"port" | b"tls-port" | b"config-file" => Some(b"-".to_vec()),
        _ => None,
    });
    match shown {
        Some(text) if !text.is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables".into()),
    }
}

/// Replaces `{name}` by what `value` gives and `{{` by a brace, and trims spaces.
fn expand(template: &[u8], value: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.iter().position(|&byte| byte == b'{') {
        out.extend(&rest[..brace]);
        rest = &rest[brace + 1..];
        if let Some(after) = rest.strip_prefix(b"{") {
            out.push(b'{');
            rest = after;
            continue;
        }
        let end = rest.iter().position(|&byte| byte == b'}')?;
        out.extend(value(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    out.extend(rest);
    Some(out.trim_ascii().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_title_shows_name_and_address() {
        let title = Title { title: b"./server", config_file: None };
        let shown = expand_title(&Settings::default(), title).expect("the default template is valid");
        assert_eq!(shown, b"./server *:6379");
    }

    #[test]
    fn templates_need_known_variables_and_something_to_show() {
        for good in ["x", "{{", "{listen-addr}", "--my--title", "{title}-"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["", " ", "{title}", "{nope}", "{", "a{b", "{server-mode}"] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
