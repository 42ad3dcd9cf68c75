//! Programs of the system: those that the tests run and this machine lacks are installed from its own packages.

use crate::{Outcome, process};

/// Installs `package` unless `program` is on the search path.
pub(super) fn ensure_program(program: &str, package: &str) -> Outcome {
    if process::find(program).is_some() { Ok(()) } else { install_package(package) }
}

/// Installs a package, as root or through sudo.
pub(super) fn install_package(package: &str) -> Outcome {
    install_packages(&[package])
}

/// Installs several packages at once.
pub(super) fn install_packages(packages: &[&str]) -> Outcome {
    println!("refs: installing {}", packages.join(", "));
    process::output_retrying(|| {
        let mut command = process::as_root("apt-get");
        command.args(["-q", "-o", "Acquire::Check-Valid-Until=false", "update"]);
        command
    })?;
    process::output_retrying(|| {
        let mut command = process::as_root("apt-get");
        command.args(["-q", "install", "--yes", "--no-install-recommends"]).args(packages);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    })?;
    Ok(())
}
