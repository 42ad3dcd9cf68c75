//! CONFIG GET.

use super::directive::Flags;
use super::pattern::{Case, is_pattern, matches};
use super::registry::{directives, find_directive};
use super::settings::Settings;

/// The directives that match any of `patterns`, each once, as names and printed values.
///
/// A pattern without wildcards is a name and comes back as it was written; hidden directives answer only to
/// their name. Aliases are listed beside the names they stand for.
pub fn get(settings: &Settings, patterns: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |name: &[u8], value: &dyn Fn() -> Vec<u8>| {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), value()));
        }
    };
    for pattern in patterns {
        if !is_pattern(pattern) {
            if let Some((directive, _)) = find_directive(pattern) {
                add(pattern, &|| directive.print(settings));
            }
            continue;
        }
        for directive in directives().filter(|directive| !directive.flags.contains(Flags::HIDDEN)) {
            for name in [Some(directive.name), directive.alias].into_iter().flatten() {
                if matches(pattern, name.as_bytes(), Case::Ignored) {
                    add(name.as_bytes(), &|| directive.print(settings));
                }
            }
        }
    }
    found
}
