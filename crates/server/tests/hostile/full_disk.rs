//! A disk without room for a new configuration file leaves the old one as it was.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Resource, Rlimit, prlimit};
use spinel_oracle::reference::Server;

use crate::support::{Raw, names, process};

/// From now on no file of the server grows beyond so many bytes, as if the disk were full.
fn set_room(server: &Server, bytes: Option<u64>) {
    prlimit(Some(process(server)), Resource::Fsize, Rlimit { current: bytes, maximum: None })
        .expect("it runs, and is ours");
}

#[test]
fn a_configuration_file_is_rewritten_whole_or_not_at_all() {
    let home = std::env::temp_dir().join(format!("spinel-full-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let (file, script) = (home.join("spinel.conf"), home.join("start"));
    let before = "# what an administrator wrote\nmaxmemory-samples 5\n";
    std::fs::write(&file, before).expect("a file");
    // A file that would grow too large is a signal to the program, too, if it does not ignore that.
    let text = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec '{}' '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_spinel"),
        file.display()
    );
    std::fs::write(&script, text).expect("a file");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    let server = Server::start(&script, &[]).unwrap_or_else(|error| panic!("{error}"));
    let mut client = Raw::connect(&server);
    assert_eq!(client.ask("CONFIG SET maxmemory-samples 7"), "+OK");
    let mut room = 0;
    loop {
        set_room(&server, Some(room));
        let reply = client.ask("CONFIG REWRITE");
        if reply == "+OK" {
            break;
        }
        assert_eq!(reply, "-ERR Rewriting config file: File too large", "{room} bytes");
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), before, "{room} bytes");
        assert_eq!(names(&home), ["spinel.conf", "start"], "{room} bytes");
        room += 1;
    }
    let after = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(after.len() as u64, room, "it was written as soon as there was room for it");
    assert!(after.starts_with("# what an administrator wrote\nmaxmemory-samples 7\n"), "{after}");
    assert_eq!(names(&home), ["spinel.conf", "start"]);
    set_room(&server, None);
    drop(server);
    std::fs::remove_dir_all(&home).expect("it was made above");
}
