//! Running other programs: with an echo, with retries, with a time limit for a whole process group.
//!
//! A program that hangs takes its children with it: every limited run has a process group of its own, and the group is
//! what gets killed. Killing goes through kill(1), so that this crate needs no unsafe code.

use crate::Outcome;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a transient failure (a mirror, an index) is tried.
const ATTEMPTS: u32 = 3;

/// Prints the command line and runs it, output going where ours goes; a failing status is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    println!("$ {}", describe(command));
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", describe(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", describe(command))) }
}

/// Runs quietly and answers standard output; on failure the error carries the last lines of both outputs.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", describe(command)))?;
    let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(stdout);
    }
    let both = format!("{stdout}{}", String::from_utf8_lossy(&done.stderr));
    Err(format!("{} ended with {}:\n{}", describe(command), done.status, tail(&both, 15)))
}

/// Runs with both outputs shown line by line and kept; answers them with whether the status was a success.
pub(crate) fn transcript(command: &mut Command) -> Outcome<(String, bool)> {
    println!("$ {}", describe(command));
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| format!("cannot start {}: {error}", describe(command)))?;
    let kept = Mutex::new(String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| echo(stdout, &kept));
        scope.spawn(|| echo(stderr, &kept));
    });
    let status = child.wait().map_err(|error| format!("cannot wait for {}: {error}", describe(command)))?;
    Ok((kept.into_inner().expect("an echo does not panic"), status.success()))
}

fn echo(stream: Option<impl Read>, kept: &Mutex<String>) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        let mut kept = kept.lock().expect("an echo does not panic");
        kept.push_str(&line);
        kept.push('\n');
    }
}

/// Like [`output`], repeated with a growing pause when it fails: for whatever crosses a network.
pub(crate) fn output_retrying(mut build: impl FnMut() -> Command) -> Outcome<String> {
    let mut attempt = 1;
    loop {
        match output(&mut build()) {
            Ok(text) => return Ok(text),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => {
                println!("attempt {attempt} of {ATTEMPTS} failed, trying again: {error}");
                std::thread::sleep(Duration::from_secs(2 * u64::from(attempt)));
                attempt += 1;
            }
        }
    }
}

/// Whether a program is found on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// A program that needs root: itself, or through sudo.
pub(crate) fn as_root(program: &str) -> Command {
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if is_root {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--non-interactive").arg(program);
    command
}

/// How a limited run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself, with this status.
    Exit(ExitStatus),
    /// Killed because its time was up.
    TimedOut,
}

/// Runs in a process group of its own with both outputs in `log`; kills the group when `limit` has passed.
pub(crate) fn run_limited(mut command: Command, log: &Path, limit: Duration) -> Outcome<Ended> {
    let file =
        std::fs::File::create(log).map_err(|error| format!("cannot create {}: {error}", log.display()))?;
    let errors = file.try_clone().map_err(|error| format!("cannot share {}: {error}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
    let mut child =
        command.spawn().map_err(|error| format!("cannot start {}: {error}", describe(&command)))?;
    let ended = wait_until(&mut child, limit)?;
    // Also after a normal end: a suite that aborted leaves its servers behind.
    kill_group(child.id());
    match ended {
        Some(status) => Ok(Ended::Exit(status)),
        None => {
            child.wait().map_err(|error| format!("cannot reap a killed process: {error}"))?;
            Ok(Ended::TimedOut)
        }
    }
}

/// Waits at most `limit` for the child's end.
pub(crate) fn wait_until(child: &mut Child, limit: Duration) -> Outcome<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) =
            child.try_wait().map_err(|error| format!("cannot wait for a process: {error}"))?
        {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kills every process of a group; groups that are gone already are no error.
pub(crate) fn kill_group(leader: u32) {
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{leader}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// The last `count` lines of a text.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Ended, output, run_limited, tail};
    use crate::workspace::Scratch;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_run_past_its_limit_is_killed_with_its_children() {
        let scratch = Scratch::new().unwrap();
        let log = scratch.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; wait"]);
        let ended = run_limited(command, &log, Duration::from_millis(300)).unwrap();
        assert!(matches!(ended, Ended::TimedOut));
        let child = std::fs::read_to_string(&log).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            output(Command::new("ps").args(["-o", "stat=", "-p", child.trim()]))
                .map_or(true, |stat| { stat.trim().starts_with('Z') })
        );
    }

    #[test]
    fn a_failing_program_is_an_error_that_shows_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo because >&2; exit 3"])).unwrap_err();
        assert!(error.contains("because") && error.contains('3'), "{error}");
    }

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 5), "a");
    }
}
