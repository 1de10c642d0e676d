//! Runs the commands that print secrets.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use keyweir_policy::config::file::SecretCommand;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::problem::{BYTES_MAX, SecretProblem};

/// Commands that run at once: vaults have limits of their own.
const AT_ONCE: usize = 8;

/// How often is looked whether a command has ended that has closed its output.
const LOOK_EVERY: Duration = Duration::from_millis(2);

pub(super) type Printed = Result<String, SecretProblem>;

/// The commands that run, each the head of a group of processes: they must not outlive the gateway.
static RUNNING: Mutex<Running> = Mutex::new(Running {
    groups: Vec::new(),
    is_over: false,
});

struct Running {
    groups: Vec<Pid>,
    /// No more are to be started.
    is_over: bool,
}

/// Ends all commands that run, with all that they have started, and starts no more.
pub(crate) fn end_all() {
    let mut running = RUNNING.lock();
    running.is_over = true;
    for group in running.groups.drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs `commands` in `folder`, a few at a time, and waits for all. Tells what each printed when it ends.
pub(super) fn run_all<'a>(
    commands: Vec<&'a SecretCommand>,
    folder: &Path,
    ended: impl Fn(&'a SecretCommand, Printed) + Sync,
) {
    let threads = commands.len().min(AT_ONCE);
    let left = Mutex::new(commands);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(command) = left.lock().pop() else {
                        return;
                    };
                    ended(command, run(command, folder));
                }
            });
        }
    });
}

/// The same; what each printed.
pub(super) fn print_all<'a>(
    commands: Vec<&'a SecretCommand>,
    folder: &Path,
) -> HashMap<&'a SecretCommand, Printed> {
    let printed = Mutex::new(HashMap::new());
    run_all(commands, folder, |command, output| {
        printed.lock().insert(command, output);
    });
    printed.into_inner()
}

fn run(command: &SecretCommand, folder: &Path) -> Printed {
    let Some((program, arguments)) = command.words.split_first() else {
        return Err(SecretProblem::CommandNoText);
    };
    let until = Instant::now() + command.timeout;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What it says of its troubles may quote what it knows.
        .stderr(Stdio::null())
        // So that all it has started can be ended with it.
        .process_group(0);
    if !folder.as_os_str().is_empty() {
        process.current_dir(folder);
    }
    let mut child = spawn(&mut process)?;
    let group = group_of(&child);
    let printed = read(&mut child, until, command.timeout);
    let ended = match printed {
        Ok(printed) => wait(&mut child, until, command.timeout).map(|()| printed),
        Err(problem) => Err(problem),
    };
    if let Err(SecretProblem::CommandTooSlow(_) | SecretProblem::CommandNoText) = ended {
        end(&mut child, group);
    }
    RUNNING.lock().groups.retain(|it| Some(*it) != group);
    ended
}

/// Starts a command, so that it ends with the gateway at the latest.
fn spawn(process: &mut Command) -> Result<Child, SecretProblem> {
    // Held meanwhile: none is started behind the back of who ends all.
    let mut running = RUNNING.lock();
    if running.is_over {
        let interrupted = std::io::ErrorKind::Interrupted;
        return Err(SecretProblem::CommandUnusable(interrupted.into()));
    }
    let child = process.spawn().map_err(SecretProblem::CommandUnusable)?;
    running.groups.extend(group_of(&child));
    Ok(child)
}

fn group_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(child.id().cast_signed())
}

/// What it prints until it closes its output. What it leaves behind may hold that open for ever, so nobody
/// waits for it without a limit.
fn read(child: &mut Child, until: Instant, timeout: Duration) -> Printed {
    let mut output = child.stdout.take().expect("it is piped");
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    while is_readable(&output, until) {
        match output.read(&mut piece) {
            Ok(0) => return String::from_utf8(text).map_err(|_| SecretProblem::CommandNoText),
            Ok(count) => text.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(SecretProblem::CommandNoText),
        }
        if text.len() as u64 > BYTES_MAX {
            return Err(SecretProblem::CommandNoText);
        }
    }
    Err(SecretProblem::CommandTooSlow(timeout))
}

/// Waits for something to read, or for the end. `false`: it does not come in time.
fn is_readable(output: &ChildStdout, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        let mut polled = [PollFd::new(output, PollFlags::IN)];
        match poll(&mut polled, left.as_ref()) {
            Err(Errno::INTR) => {}
            come => return come.is_ok_and(|count| count > 0),
        }
    }
}

fn wait(child: &mut Child, until: Instant, timeout: Duration) -> Result<(), SecretProblem> {
    loop {
        match child.try_wait().map_err(SecretProblem::CommandUnusable)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(SecretProblem::CommandFailed(status)),
            None if Instant::now() >= until => {
                return Err(SecretProblem::CommandTooSlow(timeout));
            }
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// Ends a command with all that it has started. Its end has not been asked for yet, so its number is still
/// that of the group, and nobody else's, also where what it has started is all that is left of it.
fn end(child: &mut Child, group: Option<Pid>) {
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Printed {
        let command = SecretCommand {
            words: ["sh", "-c", script].map(str::to_owned).to_vec(),
            timeout,
            refresh: Duration::from_secs(300),
        };
        let mut all = print_all(vec![&command], Path::new(""));
        all.remove(&command).expect("it ran")
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_a_command_prints_is_taken_if_it_ends_well() {
        assert_eq!(shell("echo sk-1", LONG).expect("it ends well"), "sk-1\n");
        for script in ["echo sk-1; exit 3", "kill $$"] {
            let problem = shell(script, LONG).expect_err("it fails").to_string();
            assert!(problem.starts_with("its `command` failed"), "{problem}");
            assert!(!problem.contains("sk-1"), "{problem}");
        }
        let problem = shell("head -c 100000 /dev/zero", LONG).expect_err("no secret");
        assert!(matches!(problem, SecretProblem::CommandNoText), "{problem}");
    }

    #[test]
    fn a_command_that_does_not_end_is_killed_with_its_children() {
        let start = Instant::now();
        let short = Duration::from_millis(200);
        for script in [
            "sleep 600",
            "sleep 600 & echo sk-1; wait",
            "exec >&-; sleep 600",
        ] {
            let problem = shell(script, short).expect_err("it is slow");
            assert!(
                matches!(problem, SecretProblem::CommandTooSlow(_)),
                "{problem}"
            );
        }
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn what_a_command_leaves_behind_is_killed_where_it_holds_its_output_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join("left");
        let script = format!("sleep 600 & echo $! > {}; echo sk-1", left.display());

        let problem = shell(&script, Duration::from_secs(1)).expect_err("it never ends");

        assert!(
            matches!(problem, SecretProblem::CommandTooSlow(_)),
            "{problem}"
        );
        let number = std::fs::read_to_string(left).expect("it was started");
        let number = number.trim().parse().ok().and_then(Pid::from_raw);
        let number = number.expect("a process");
        let until = Instant::now() + LONG;
        // One that is dead is there until somebody has asked for its end.
        while rustix::process::test_kill_process(number).is_ok() && !is_dead(number) {
            assert!(Instant::now() < until, "it runs on");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn is_dead(number: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.as_raw_nonzero()));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    }
}
