//! A process that ends the program under `lock acquire -- CMD` where this one cannot any more, as after `kill -9`.
//!
//! It is this very program, and it waits for the end of its standard input, which the system closes for whoever dies. A signal at
//! the parent's death would reach the program alone, and not the children that it has started.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The first argument of a process that is to be a guard. No command has such a name.
const NAME: &str = "__end-group";

/// What is said to it where there is nothing to end.
const DONE: &str = "done";

/// How often it is looked whether a group is gone; the system tells nobody.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// The guard, as its parent sees it.
pub(super) struct Guard(Child);

impl Guard {
    /// Starts it. `grace` is how long a group may take to end by itself.
    pub(super) fn start(grace: Duration) -> io::Result<Self> {
        let mut command = Command::new(own_program()?);
        command.arg(NAME).arg(grace.as_millis().to_string()).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // What ends its parent's group, at a terminal for example, must not end it.
        Ok(Self(command.process_group(0).spawn()?))
    }

    /// From now on this group ends with this process.
    pub(super) fn watch(&mut self, group: Pid) -> io::Result<()> {
        self.say(&group.to_string())
    }

    /// The group has ended, or was never there.
    pub(super) fn dismiss(&mut self) {
        // A guard that is gone itself needs no word.
        let _ = self.say(DONE);
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }

    fn say(&mut self, word: &str) -> io::Result<()> {
        match &mut self.0.stdin {
            Some(pipe) => pipe.write_all(format!("{word}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

/// It may have been replaced on disk meanwhile; Linux still knows the one that runs.
fn own_program() -> io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() }
}

/// Whether this process is to be a guard: then it is one until its parent has ended, and `true` comes back.
pub fn is_guard(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next().is_none_or(|name| name != NAME) {
        return false;
    }
    let grace = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or_default();
    stand_guard(&mut io::stdin().lock(), Duration::from_millis(grace));
    true
}

fn stand_guard(parent: &mut dyn Read, grace: Duration) {
    let mut said = String::new();
    // Until nobody can write any more.
    let _ = parent.read_to_string(&mut said);
    if let Some(group) = abandoned(&said) {
        end(group, grace);
    }
}

/// The group that nobody has ended, from what the parent said before it was gone.
fn abandoned(said: &str) -> Option<Pid> {
    let words: Vec<&str> = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).collect();
    match words[..] {
        // Below 2 these are "all" and "one's own".
        [group] => group.parse().ok().filter(|group| *group > 1).map(Pid::from_raw),
        _ => None,
    }
}

fn end(group: Pid, grace: Duration) {
    let began = Instant::now();
    let _ = killpg(group, Signal::SIGTERM);
    // Who is stopped hears nothing.
    let _ = killpg(group, Signal::SIGCONT);
    while lives(group) {
        if began.elapsed() > grace {
            let _ = killpg(group, Signal::SIGKILL);
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether there is anybody in this group.
pub(super) fn lives(group: Pid) -> bool {
    killpg(group, None).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_that_was_told_and_not_ended_is_abandoned() {
        assert_eq!(abandoned("4711\n"), Some(Pid::from_raw(4711)));
        for said in ["", "4711", "done\n", "4711\ndone\n", "0\n", "1\n", "-1\n", "x\n"] {
            assert_eq!(abandoned(said), None, "{said:?}");
        }
    }
}
