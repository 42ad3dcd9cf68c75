//! Which files the program's code comes from, found out in good time, for the addresses in reports.

/// A file with code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    start: usize,
    end: usize,
    /// What is to be taken off an address to get its place in the file's own numbering.
    bias: usize,
    pub(super) path: String,
}

/// The files that are loaded now.
pub(super) fn loaded() -> Vec<Module> {
    // Without it reports have bare addresses.
    parse(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default())
}

/// Understands the system's list of mappings: `start-end flags offset device inode path`.
fn parse(maps: &str) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for line in maps.lines() {
        let Some((range, rest)) = line.split_once(' ') else { continue };
        let Some(at) = rest.find('/') else { continue };
        let path = &rest[at..];
        let bounds = range.split_once('-').and_then(|(start, end)| Some((address(start)?, address(end)?)));
        let Some((start, end)) = bounds else { continue };
        match modules.last_mut() {
            Some(last) if last.path == path => last.end = end,
            _ => modules.push(Module { start, end, bias: start, path: path.to_owned() }),
        }
    }
    modules
}

fn address(text: &str) -> Option<usize> {
    usize::from_str_radix(text, 16).ok()
}

/// The file that an address comes from, and its place there.
pub(super) fn place(modules: &[Module], address: usize) -> Option<(&str, usize)> {
    let module = modules.iter().find(|module| (module.start..module.end).contains(&address))?;
    Some((&module.path, address - module.bias))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_its_file() {
        let modules = parse(
            "55d0c0000000-55d0c0100000 r--p 00000000 fe:01 42 /usr/bin/a server\n\
             55d0c0100000-55d0c0900000 r-xp 00100000 fe:01 42 /usr/bin/a server\n\
             55d0c1000000-55d0c1100000 rw-p 00000000 00:00 0 [heap]\n\
             7f0000000000-7f0000100000 r-xp 00000000 fe:01 43 /lib/libc.so.6\n",
        );
        assert_eq!(modules.len(), 2);
        assert_eq!(place(&modules, 0x55d0_c010_1234), Some(("/usr/bin/a server", 0x10_1234)));
        assert_eq!(place(&modules, 0x7f00_0000_0010), Some(("/lib/libc.so.6", 0x10)));
        assert_eq!(place(&modules, 0x55d0_c100_0000), None);
    }

    #[test]
    fn lines_that_are_no_mappings_are_passed_over() {
        assert_eq!(parse("\n /\nx-y r-xp /a\n1 /\n"), []);
        assert!(loaded().iter().any(|module| module.path.contains("spinel_net")));
    }
}
