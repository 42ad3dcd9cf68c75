//! Killing the server in a loop, and cutting the power of its disk: what it acknowledged must be there afterwards.
//!
//! The power is cut from a file system of its own, in a file: it is shut down without writing anything back while the
//! server stands still, and mounted anew when the server is dead. A control program writes beside the server: what it
//! synced must be there, and something of what it did not sync must be lost, or nothing was cut.

use crate::args::Args;
use crate::bench::cargo;
use crate::workspace::{Scratch, server};
use crate::{Outcome, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `cargo xtask crash` that take values.
pub(crate) const VALUES: &[&str] = &["cycles", "appendfsync", "server", "life-ms", "seed"];
/// Its switches.
pub(crate) const SWITCHES: &[&str] = &["power-cut"];
/// What is run if nothing else is asked for.
const POLICIES: [&str; 4] = ["always", "everysec", "no", "snapshot"];
/// Bytes of the file system whose power is cut.
const DISK_SIZE: &str = "512M";
/// `FS_IOC_SHUTDOWN` without writing the journal back.
const SHUT_DOWN: &str = "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// `cargo xtask crash`.
pub(crate) fn run(args: &Args) -> Outcome {
    process::run(cargo().args(["build", "--release", "-p", "spinel-server", "-p", "spinel-oracle"]))?;
    let subject = args.value("server").map_or_else(server, PathBuf::from);
    let disk = if args.has("power-cut") { Some(Disk::mount()?) } else { None };
    let mut policies: Vec<&str> = args.all("appendfsync").iter().map(String::as_str).collect();
    if policies.is_empty() {
        // Only `always` promises anything when the power is cut.
        policies.extend(if disk.is_some() { &POLICIES[..1] } else { &POLICIES });
    }
    let mut failed = Vec::new();
    for policy in policies {
        let mut command = command(&subject, policy, args.value("cycles").unwrap_or("100"));
        for option in ["life-ms", "seed"] {
            if let Some(value) = args.value(option) {
                command.arg(format!("--{option}")).arg(value);
            }
        }
        if let Some(disk) = &disk {
            command.arg("--folder").arg(disk.folder(policy)?);
            command.arg("--before-kill").arg(disk.cut()).arg("--after-kill").arg(disk.mount_again());
        }
        if let Err(error) = process::run(&mut command) {
            failed.push(error);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The program that kills, with what every run of it needs.
pub(crate) fn command(subject: &Path, policy: &str, cycles: &str) -> Command {
    let mut command = Command::new(server().with_file_name("spinel-crash"));
    command.arg("--subject").arg(subject).args(["--policy", policy, "--cycles", cycles]);
    command
}

/// A file system in a file, mounted; it goes with the value. Needs root and loop devices.
struct Disk {
    scratch: Scratch,
    device: String,
}

impl Disk {
    fn mount() -> Outcome<Disk> {
        let scratch = Scratch::new()?;
        let image = scratch.path().join("disk");
        process::run(Command::new("truncate").args(["--size", DISK_SIZE]).arg(&image))?;
        process::run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        let device = process::output(process::as_root("losetup").args(["--find", "--show"]).arg(&image))?;
        let disk = Disk { scratch, device: device.trim().to_owned() };
        std::fs::create_dir_all(disk.place())
            .map_err(|error| format!("cannot make a folder to mount at: {error}"))?;
        process::run(process::as_root("mount").arg(&disk.device).arg(disk.place()))?;
        Ok(disk)
    }

    fn place(&self) -> PathBuf {
        self.scratch.path().join("mounted")
    }

    fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.place().join(name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }

    fn cut(&self) -> String {
        format!("python3 -c \"{SHUT_DOWN}\" {}", self.place().display())
    }

    fn mount_again(&self) -> String {
        let place = self.place();
        format!("umount {} && mount {} {}", place.display(), self.device, place.display())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What stays is named by `losetup --list`.
        let _ = process::run(process::as_root("umount").arg(self.place()));
        let _ = process::run(process::as_root("losetup").arg("--detach").arg(&self.device));
    }
}
