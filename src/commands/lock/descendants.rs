//! All processes that a program has started, even if they have left its process group or session,
//! or lost their parent. From /proc on Linux; elsewhere only the group is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// The variable that a program and all its descendants have in their environment.
pub(super) const MARK: &str = "_DSCTL_LOCK";

/// The longest time between two looks.
const SLOWEST: Duration = Duration::from_millis(500);

/// A process, as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    state: char,
    parent: i32,
    group: i32,
    /// Its start time, which distinguishes it from another process with the same number.
    started: u64,
}

impl Process {
    /// A zombie has ended.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// Tells a process from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pid: i32,
    /// `None` if it had ended already, and where there is no /proc.
    started: Option<u64>,
}

impl Identity {
    pub(super) fn now(pid: Pid) -> Self {
        let pid = pid.as_raw();
        Self {
            pid,
            started: process(pid).map(|process| process.started),
        }
    }

    /// Reads what [`Identity::to_string`] gives.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (pid, started) = text.split_once(':')?;
        let started = match started {
            "" => None,
            number => Some(number.parse().ok()?),
        };
        let pid = pid.parse().ok().filter(|pid| *pid > 0)?;
        Some(Self { pid, started })
    }

    fn pid(self) -> Pid {
        Pid::from_raw(self.pid)
    }

    /// Whether it can lead a group that gets signals: 1 stands for all processes there.
    pub(super) fn can_lead(self) -> bool {
        self.pid > 1
    }

    /// Sends a signal to the group that it leads, or has led.
    pub(super) fn signal_group(self, signal: Signal) {
        if !self.is_anothers_now() {
            // A group that is gone needs none.
            let _ = killpg(self.pid(), signal);
        }
    }

    /// Whether another process has its number.
    fn is_anothers(self, all: &BTreeMap<i32, Process>) -> bool {
        all.get(&self.pid)
            .is_some_and(|process| self.is_not(process))
    }

    /// [`Identity::is_anothers`], at this moment.
    fn is_anothers_now(self) -> bool {
        process(self.pid).is_some_and(|process| self.is_not(&process))
    }

    fn is_not(self, process: &Process) -> bool {
        Some(process.started) != self.started
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.pid)?;
        self.started
            .map_or(Ok(()), |started| write!(f, "{started}"))
    }
}

/// From now on descendants of this process that lose their parent become its own children
/// (subreaper). Without that, processes that leave the group are no longer found.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Processes below a process that belong to a program.
#[derive(Debug)]
pub(super) struct Descendants {
    root: Identity,
    /// The group that the program leads, as soon as it is known.
    pub(super) group: Option<Identity>,
    /// The processes that existed before the program.
    spared: Vec<i32>,
    /// The mark in the environment of all of them.
    mark: String,
    /// The processes at the last look, by number, with their start times.
    known: BTreeMap<i32, u64>,
    /// The processes that do not have the mark, as `known`.
    unmarked: BTreeSet<(i32, u64)>,
    /// How long the last look took.
    took: Duration,
}

impl Descendants {
    /// The descendants of a process, without these that it already had.
    pub(super) fn new(root: Identity, spared: Vec<i32>, mark: &str) -> Self {
        Self {
            root,
            group: None,
            spared,
            mark: mark.to_owned(),
            known: BTreeMap::new(),
            unmarked: BTreeSet::new(),
            took: Duration::ZERO,
        }
    }

    /// How long to wait until the next look: where there are many processes, a look takes long, and
    /// must not keep a processor busy.
    pub(super) fn pace(&self, least: Duration) -> Duration {
        least.max((self.took * 10).min(SLOWEST))
    }

    /// Looks for the processes. One that was seen once is found again after the root's end. `None`
    /// if the list could not be read: this process is always in it.
    fn look(&mut self) -> Option<BTreeMap<i32, Process>> {
        let began = Instant::now();
        let all = all();
        let found = (!all.is_empty()).then(|| self.found(&all));
        self.took = began.elapsed();
        found
    }

    /// Whether any of them can run; a stopped one cannot, but is alive.
    pub(super) fn any_runs(&mut self) -> bool {
        let runs = |process: &Process| !matches!(process.state, 'T' | 't');
        self.look().is_some_and(|found| found.values().any(runs))
    }

    /// Whether there is any process. A zombie has ended.
    pub(super) fn any_alive(&mut self) -> bool {
        let is_there = |group: Identity| killpg(group.pid(), None).is_ok();
        match self.look() {
            Some(found) => !found.is_empty(),
            None => self.group.is_some_and(is_there),
        }
    }

    /// The living processes, by number.
    pub(super) fn left(&mut self) -> Vec<i32> {
        self.look().unwrap_or_default().into_keys().collect()
    }

    /// Sends a signal to all of them.
    pub(super) fn signal(&mut self, signal: Signal) {
        // The group first: whatever holds up the look at all processes does not hold up this.
        if let Some(group) = self.group {
            group.signal_group(signal);
        }
        self.signal_outside(signal);
    }

    /// Sends a signal to those that are not in the group.
    pub(super) fn signal_outside(&mut self, signal: Signal) {
        let group = self.group.map(|group| group.pid);
        for (pid, process) in self.look().unwrap_or_default() {
            if Some(process.group) != group {
                // A process that is gone needs none.
                let _ = kill(Pid::from_raw(pid), signal);
            }
        }
    }

    /// Reaps those of them that this process has adopted and that have ended, but not the program
    /// itself.
    pub(super) fn reap(&self) {
        let all = all();
        let group = self.group.map(|group| group.pid);
        let ended = all
            .iter()
            .filter(|(_, process)| process.state == 'Z' && process.parent == self.root.pid);
        for (pid, _) in ended.filter(|(pid, _)| Some(**pid) != group && !self.spared.contains(pid))
        {
            let _ = waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG));
        }
    }

    fn found(&mut self, all: &BTreeMap<i32, Process>) -> BTreeMap<i32, Process> {
        let known = &self.known;
        let was_known = |pid: i32, process: &Process| known.get(&pid) == Some(&process.started);
        let group = self.group.filter(|group| !group.is_anothers(all));
        let of_group = |process: &Process| group.is_some_and(|group| process.group == group.pid);
        // Without the root, processes that left since the last look were not adopted; a zombie root
        // has ended, too.
        let root_is_anothers = self.root.is_anothers(all);
        let without_root =
            root_is_anothers || all.get(&self.root.pid).is_none_or(Process::has_ended);
        let (unmarked, mark) = (&mut self.unmarked, &self.mark);
        let (oldest, is_started) = (self.group.unwrap_or(self.root).started, group.is_some());
        // An environment is read once, and of processes alone that are no older than the program:
        // it cannot be had while the memory of its process is locked. As long as the program may
        // just be replacing its parent's, what was read there is not kept.
        let mut is_marked = |pid: i32, process: &Process| {
            let identity = (pid, process.started);
            if Some(process.started) < oldest || unmarked.contains(&identity) {
                return false;
            }
            let marked = has_mark(pid, mark);
            if marked == Some(false) && is_started {
                unmarked.insert(identity);
            }
            marked == Some(true)
        };
        let first = |(pid, process): (&i32, &Process)| {
            (was_known(*pid, process)
                || of_group(process)
                || (without_root && is_marked(*pid, process)))
            .then_some(*pid)
        };
        let mut descendants: Vec<i32> = all
            .iter()
            .filter_map(first)
            .chain((!root_is_anothers).then_some(self.root.pid))
            .collect();
        let mut next = 0;
        while let Some(parent) = descendants.get(next).copied() {
            let children = all
                .iter()
                .filter(|(_, process)| process.parent == parent)
                .map(|(pid, _)| *pid);
            let new: Vec<i32> = children
                .filter(|pid| !descendants.contains(pid) && !self.spared.contains(pid))
                .collect();
            descendants.extend(new);
            next += 1;
        }
        let living = |pid: &i32| {
            all.get(pid)
                .filter(|process| *pid != self.root.pid && !process.has_ended())
        };
        let found: BTreeMap<i32, Process> = descendants
            .iter()
            .filter_map(|pid| Some((*pid, *living(pid)?)))
            .collect();
        self.known = found
            .iter()
            .map(|(pid, process)| (*pid, process.started))
            .collect();
        found
    }
}

/// The current descendants of a process.
pub(super) fn below(root: Pid) -> Vec<i32> {
    Descendants::new(Identity::now(root), Vec::new(), "").left()
}

/// A name for [`MARK`] that no other program has.
pub(super) fn mark() -> String {
    // Every `RandomState` has keys of its own.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// `None` if nobody can tell: another user's process has no environment for us, and one that is
/// about to run another program has none for a moment.
fn has_mark(pid: i32, mark: &str) -> Option<bool> {
    let wanted = format!("{MARK}={mark}");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    (!environment.is_empty())
        .then(|| !mark.is_empty() && variables.any(|variable| variable == wanted.as_bytes()))
}

fn all() -> BTreeMap<i32, Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|pid| Some((pid, process(pid)?)))
        .collect()
}

fn process(pid: i32) -> Option<Process> {
    read(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// A line of /proc/PID/stat, see proc(5); the name in parentheses may contain anything.
fn read(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Process {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(parent: i32, group: i32) -> Process {
        Process {
            state: 'S',
            parent,
            group,
            started: 9,
        }
    }

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let line = "12 (a) R 1) T 3 4 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        assert_eq!(
            read(line),
            Some(Process {
                state: 'T',
                parent: 3,
                group: 4,
                started: 777
            })
        );
        assert_eq!(read("12 (a"), None);
    }

    #[test]
    fn an_identity_is_told_and_understood() {
        for started in [None, Some(0), Some(777)] {
            let identity = Identity { pid: 12, started };
            assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        }
        // A container's only program.
        assert!(Identity::parse("1:7").is_some_and(|first| !first.can_lead()));
        for text in ["", "12", ":", "x:7", "12:x", "0:7", "-1:7", "beat"] {
            assert_eq!(Identity::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_process_that_left_is_found_and_an_older_one_is_spared() {
        let mut all: BTreeMap<i32, Process> = [
            (10, process(1, 10)),
            (11, process(10, 11)),
            (20, process(10, 20)),
            (21, process(20, 21)),
            (22, process(21, 22)),
            (30, process(1, 30)),
        ]
        .into();
        let identity = |pid| Identity {
            pid,
            started: Some(9),
        };
        let mut descendants = Descendants::new(identity(10), vec![11], "");
        descendants.group = Some(identity(20));
        let pids =
            |descendants: &Descendants| descendants.known.keys().copied().collect::<Vec<_>>();
        assert_eq!(
            (descendants.found(&all).len(), pids(&descendants)),
            (3, vec![20, 21, 22])
        );
        // The root has ended, and another process has reused a number.
        for gone in [10, 20] {
            all.remove(&gone);
        }
        all.insert(21, process(1, 21));
        all.insert(
            22,
            Process {
                started: 10,
                ..process(1, 22)
            },
        );
        assert_eq!(
            (descendants.found(&all).len(), pids(&descendants)),
            (1, vec![21])
        );
        // Others have the numbers of the root and of the group, too, and children.
        for (pid, parent) in [(10, 1), (20, 1), (40, 10), (41, 20)] {
            all.insert(
                pid,
                Process {
                    started: 10,
                    ..process(parent, if pid > 30 { parent } else { pid })
                },
            );
        }
        assert_eq!(
            (descendants.found(&all).len(), pids(&descendants)),
            (1, vec![21])
        );
    }
}
