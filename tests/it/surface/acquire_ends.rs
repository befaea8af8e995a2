//! `lock acquire -- CMD`: nothing of CMD goes on once the lock can be somebody else's, however it ends, at a terminal too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DEAD, V3_2, cluster, living, with_zookeeper};
use crate::harness::world::World;
use crate::harness::{Dsctl, Running, Store, child_of, eventually, signal};

const LIMIT: Duration = Duration::from_secs(40);

fn world() -> World {
    world_of_session("9s")
}

fn world_of_session(session: &str) -> World {
    let mut world = cluster();
    world.env.set("DSCTL_SESSION_TIMEOUT", session);
    world
}

/// So long that who is to be ended within two thirds of it is, also where the machine has much else
/// to do.
const LONG: &str = "18s";

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Who waits for its parent has ended.
    !stat.is_empty() && !stat.contains(") Z ")
}

fn program_of(running: &Running, terminal: bool) -> u32 {
    if terminal {
        eventually(LIMIT, "the program", || {
            child_of(running.pid(), "dsctl").ok_or("none")
        })
    } else {
        running.pid()
    }
}

impl World {
    fn file(&self, name: &str) -> PathBuf {
        self.env.home().join(name)
    }

    /// [`World::acquire`], started by another program.
    fn acquire_through(&self, program: &str, arguments: &[&str], words: &[&str]) -> Dsctl {
        Dsctl::new(&self.env)
            .through(program, arguments)
            .args(["lock", "acquire", DEAD])
            .args(words)
    }

    /// CMD and a child of it, which hears of nothing; gives that child.
    fn with_child(&self, terminal: bool, words: &[&str]) -> (Running, u32) {
        let pid = self.file("child");
        _ = std::fs::remove_file(&pid);
        let script = format!(
            "(trap '' INT QUIT TERM HUP; sh -c 'echo $PPID >{0}.new; mv {0}.new {0}'; while :; do sleep 0.1; done) & \
             echo ready; wait",
            pid.display()
        );
        let dsctl = self.acquire(words).args(["--", "sh", "-c", &script]);
        let mut running = if terminal { dsctl.on_terminal() } else { dsctl }.spawn();
        running.await_stdout("ready");
        let child = eventually(LIMIT, "the child's number", || {
            std::fs::read_to_string(&pid)
        });
        (running, child.trim().parse().unwrap())
    }

    fn lose(&self) {
        let node = self.zk().await_queue(&self.lock(), 1).remove(0);
        self.zk().delete(&format!("{}/{node}", self.lock()));
    }
}

#[test]
fn signals_end_the_programs_children_too() {
    let world = world();
    for terminal in [false, true] {
        for (name, code) in [("TERM", 143), ("HUP", 129), ("QUIT", 131)] {
            let (running, child) = world.with_child(terminal, &[]);
            signal(program_of(&running, terminal), name);
            let output = running.finish().exit(code);
            assert!(!is_alive(child), "{terminal} {name}: {output:?}");
            // It was given back, and did not merely expire.
            assert!(
                world.zk().lock_queue(&world.lock()).is_empty(),
                "{terminal} {name}"
            );
        }
    }
}

#[test]
fn the_time_and_a_lost_lock_end_the_programs_children_too() {
    let world = world();
    for terminal in [false, true] {
        let (running, child) = world.with_child(terminal, &["--for", "2s"]);
        running.finish().exit(143);
        assert!(!is_alive(child), "{terminal}");
        let (running, child) = world.with_child(terminal, &[]);
        world.lose();
        running.finish().exit(8);
        assert!(!is_alive(child), "{terminal}");
    }
}

/// What the program has left behind in its group has no lock any more.
#[test]
fn what_the_program_leaves_behind_is_ended() {
    let world = world();
    let pid = world.file("left");
    let script = format!(
        "sleep 600 >/dev/null 2>&1 & echo $! >{}; exit 3",
        pid.display()
    );
    world.acquire(&["--", "sh", "-c", &script]).run().exit(3);
    assert!(!is_alive(
        std::fs::read_to_string(pid)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    ));
}

#[test]
fn kill_9_ends_the_program_before_the_lock_is_free() {
    let world = world_of_session(LONG);
    for terminal in [false, true] {
        let (running, child) = world.with_child(terminal, &[]);
        let program = program_of(&running, terminal);
        signal(program, "KILL");
        // Its session lives on for a while, and the lock with it.
        world.zk().await_queue(&world.lock(), 0);
        assert!(!is_alive(child), "{terminal}");
        running.finish().exit(137);
    }
}

/// Killed by the program's first command, before the guard has heard of the program perhaps.
#[test]
fn a_kill_in_the_first_moment_leaves_nothing() {
    let world = world_of_session(LONG);
    for number in 0..12 {
        let file = world.file(&format!("first{number}"));
        // It kills dsctl itself, before it starts anything.
        let script = format!("echo $$ >{}; kill -KILL $PPID; sleep 600", file.display());
        // A master that nobody else asks for, so that no run waits for the session of the one before.
        let master = format!("10.0.7.{number}:5678");
        let running = Dsctl::new(&world.env)
            .args(["lock", "acquire", &master, "--", "sh", "-c", &script])
            .spawn();
        let program = eventually(LIMIT, "the program", || {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            text.trim().parse::<u32>()
        });
        eventually(LIMIT, "its end", || {
            if is_alive(program) {
                Err(program)
            } else {
                Ok(())
            }
        });
        running.finish();
    }
}

/// In a shell: waits until there is this file.
fn until_there_is(file: &Path) -> String {
    format!("while ! test -e {}; do sleep 0.05; done", file.display())
}

/// A program that waits for a file goes on whatever this signal says.
fn is_not_ended_by(mut running: Running, signal: &str, file: &Path) {
    running.await_stdout("ready");
    running.signal(signal);
    std::fs::write(file, "").unwrap();
    running.finish().exit(0).out("done");
}

#[test]
fn nohup_is_heeded() {
    let world = world();
    let file = world.file("go");
    let script = format!("echo ready; {}; echo done", until_there_is(&file));
    let running = world
        .acquire_through("/usr/bin/nohup", &[], &["--", "sh", "-c", &script])
        .spawn();
    is_not_ended_by(running, "HUP", &file);
}

/// A script's background does not hear Ctrl-C, and neither does what runs there under a lock.
#[test]
fn an_interrupt_that_is_ignored_stays_so() {
    let world = world();
    let file = world.file("go");
    let script = format!("echo ready; {}; echo done", until_there_is(&file));
    let words = ["--", "sh", "-c", &script];
    let running = world
        .acquire_through(
            "/bin/sh",
            &["-c", "trap '' INT; exec \"$0\" \"$@\""],
            &words,
        )
        .spawn();
    is_not_ended_by(running, "INT", &file);
}

/// What is typed is the program's while it runs, and the shell's afterwards.
#[test]
fn the_terminal_is_lent_and_taken_back() {
    let world = world();
    let shell = "\"$0\" \"$@\"; echo code $?; read -r line; echo \"then $line\"";
    let words = ["--", "sh", "-c", "read -r line; echo \"first $line\""];
    let dsctl = world
        .acquire_through("/bin/bash", &["-c", shell], &words)
        .on_terminal()
        .stdin("one\ntwo\n");
    dsctl
        .run()
        .exit(0)
        .out("first one")
        .out("code 0")
        .out("then two");
}

/// Whoever pages what the program writes reads what is typed: the program, which asks for nothing,
/// must not have the terminal.
#[test]
fn a_pager_behind_the_program_has_the_terminal() {
    let world = world();
    let file = world.file("go");
    let pager = format!(
        "read -r first; echo \"paged $first\"; read -r key </dev/tty; echo \"key $key\"; touch {}; cat",
        file.display()
    );
    let shell = format!("set -m; \"$0\" \"$@\" | sh -c '{pager}'; echo codes ${{PIPESTATUS[*]}}");
    let script = format!("echo one; {}; echo ended", until_there_is(&file));
    let words = ["--", "sh", "-c", &script];
    let dsctl = world
        .acquire_through("/bin/bash", &["-c", &shell], &words)
        .on_terminal()
        .stdin("k\n");
    dsctl
        .run()
        .exit(0)
        .out("paged one")
        .out("key k")
        .out("ended")
        .out("codes 0 0");
}

/// The same where the program itself asks.
#[test]
fn a_program_that_writes_into_a_pipe_has_the_terminal_when_it_asks() {
    let world = world();
    let shell = "set -m; \"$0\" \"$@\" | cat; echo codes ${PIPESTATUS[*]}";
    let words = [
        "--",
        "sh",
        "-c",
        "read -r line; echo \"first $line\"; read -r line </dev/tty; echo \"then $line\"",
    ];
    let dsctl = world
        .acquire_through("/bin/bash", &["-c", shell], &words)
        .on_terminal()
        .stdin("one\ntwo\n");
    dsctl
        .run()
        .exit(0)
        .out("first one")
        .out("then two")
        .out("codes 0 0");
}

/// Two files tell shell and program when to go on.
fn stopped(world: &World) -> (Running, u32) {
    let (shell_goes, program_goes) = (world.file("shell"), world.file("program"));
    let script = format!(
        "echo ready; while ! test -e {}; do sleep 0.05; done; echo ended",
        program_goes.display()
    );
    let shell = format!(
        "set -m; \"$0\" \"$@\"; echo code $?; while ! test -e {}; do sleep 0.05; done; fg; echo code $?",
        shell_goes.display()
    );
    let words = ["--", "sh", "-c", &script];
    let mut running = world
        .acquire_through("/bin/bash", &["-c", &shell], &words)
        .on_terminal()
        .spawn();
    running.await_stdout("ready");
    let dsctl = eventually(LIMIT, "the program", || {
        child_of(running.pid(), "dsctl").ok_or("none")
    });
    let program = eventually(LIMIT, "its child", || child_of(dsctl, "sh").ok_or("none"));
    signal(program, "TSTP");
    // 128 and the number of SIGTSTP.
    running.await_stdout("code 148");
    (running, program)
}

#[test]
fn ctrl_z_stops_and_fg_goes_on() {
    let world = world();
    let (mut running, _) = stopped(&world);
    assert_eq!(world.zk().lock_queue(&world.lock()).len(), 1);
    std::fs::write(world.file("shell"), "").unwrap();
    std::fs::write(world.file("program"), "").unwrap();
    running.await_stdout("ended");
    running.finish().exit(0).out("code 0");
}

#[test]
fn a_lock_that_was_lost_meanwhile_ends_what_was_stopped() {
    let world = world();
    let (running, program) = stopped(&world);
    world.lose();
    std::fs::write(world.file("shell"), "").unwrap();
    let output = running.finish().out("code 8");
    assert!(!output.stdout.contains("ended"), "{output:?}");
    assert!(!is_alive(program));
}

/// Starts something that leaves the group, the session and its parent, hears of nothing, and says
/// its number.
fn deserter(file: &std::path::Path) -> String {
    format!(
        "(setsid sh -c 'trap \"\" INT QUIT TERM HUP; echo $$ >{0}.new; mv {0}.new {0}; while :; do sleep 0.1; done' \
         </dev/null >/dev/null 2>&1 &) ; while ! test -e {0}; do sleep 0.05; done; echo ready; ",
        file.display()
    )
}

fn number(file: &std::path::Path) -> u32 {
    std::fs::read_to_string(file)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Its session ends while the program goes on, if nobody looks after that.
#[test]
fn kill_stop_ends_the_program_before_the_lock_is_free() {
    let world = world_of_session(LONG);
    for terminal in [false, true] {
        let (running, child) = world.with_child(terminal, &[]);
        let program = program_of(&running, terminal);
        signal(program, "STOP");
        world.zk().await_queue(&world.lock(), 0);
        assert!(!is_alive(child), "{terminal}");
        signal(program, "CONT");
        running.finish();
    }
}

#[test]
fn who_leaves_the_group_is_ended_too() {
    let world = world_of_session(LONG);
    let file = world.file("deserter");
    let script = deserter(&file);
    // The program ends by itself.
    world
        .acquire(&["--", "sh", "-c", &format!("{script} exit 3")])
        .run()
        .exit(3);
    assert!(!is_alive(number(&file)));
    for name in ["TERM", "KILL", "STOP"] {
        std::fs::remove_file(&file).unwrap();
        let mut running = world
            .acquire(&["--", "sh", "-c", &format!("{script} sleep 600")])
            .spawn();
        running.await_stdout("ready");
        running.signal(name);
        world.zk().await_queue(&world.lock(), 0);
        let program = number(&file);
        assert!(!is_alive(program), "{name}");
        running.signal("CONT");
        running.finish();
    }
}

/// The guard of a running `lock acquire`.
fn guard_of(parent: u32) -> u32 {
    let is_guard = |pid: &u32| {
        let read =
            |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        read("status")
            .lines()
            .any(|line| line == format!("PPid:\t{parent}"))
            && read("cmdline").contains("__end-group")
    };
    let numbers = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
    };
    eventually(LIMIT, "the guard", || {
        numbers().find(is_guard).ok_or("none")
    })
}

/// A guard that comes to look only once dsctl is dead, and its parent asks after it later still.
#[test]
fn who_leaves_the_group_in_the_last_moment_is_ended_too() {
    let world = world_of_session(LONG);
    let (file, go) = (world.file("deserter"), world.file("go"));
    let wait = format!(
        "echo waiting; while ! test -e {}; do sleep 0.05; done;",
        go.display()
    );
    let script = format!("{wait} {} sleep 600", deserter(&file));
    let mut running = world.acquire(&["--", "sh", "-c", &script]).spawn();
    running.await_stdout("waiting");
    let guard = guard_of(running.pid());
    signal(guard, "STOP");
    std::fs::write(go, "").unwrap();
    running.await_stdout("ready");
    running.signal("KILL");
    eventually(LIMIT, "the end", || {
        if is_alive(running.pid()) {
            Err("it lives")
        } else {
            Ok(())
        }
    });
    signal(guard, "CONT");
    world.zk().await_queue(&world.lock(), 0);
    assert!(!is_alive(number(&file)));
    running.finish();
}

/// A program without one would go on without the lock after a kill.
#[test]
fn a_program_whose_guard_is_killed_is_ended() {
    let world = world_of_session(LONG);
    for terminal in [false, true] {
        let (running, child) = world.with_child(terminal, &[]);
        signal(guard_of(program_of(&running, terminal)), "KILL");
        running.finish().exit(1).tells("so it was ended");
        assert!(!is_alive(child), "{terminal}");
        assert!(
            world.zk().lock_queue(&world.lock()).is_empty(),
            "{terminal}"
        );
    }
}

/// A shell that becomes dsctl has children of its own.
#[test]
fn who_was_there_before_the_program_is_spared() {
    let world = world();
    let file = world.file("before");
    let shell = format!(
        "sleep 30 >/dev/null 2>&1 & echo $! >{}; exec \"$0\" \"$@\"",
        file.display()
    );
    world
        .acquire_through("/bin/sh", &["-c", &shell], &["--", "true"])
        .run()
        .exit(0);
    assert!(is_alive(number(&file)));
    signal(number(&file), "KILL");
}

/// Another user's processes hear nothing of us: whoever runs such a program is told at once, and
/// not when it ends by itself.
#[test]
fn what_cannot_be_ended_is_told() {
    if !crate::harness::servers::is_root() {
        return crate::harness::skipped(
            "what_cannot_be_ended_is_told",
            "only root can make a program that is root's",
        );
    }
    let mut env = with_zookeeper(Store::Sqlite, V3_2);
    // The file is closed to other users.
    env.unset("DSCTL_DB");
    env.set("DSCTL_DS_VERSION", &V3_2.to_string());
    env.set("DSCTL_SESSION_TIMEOUT", "6s");
    let (zk, path) = (env.zk(), env.path("lock/master-failover/10.0.0.2:5678"));
    let _living = living(&env, V3_2);
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(folder.path(), open(0o755)).unwrap();
    let (as_root, file) = (folder.path().join("as-root"), env.home().join("number"));
    std::fs::copy("/usr/bin/setpriv", &as_root).unwrap();
    std::fs::set_permissions(&as_root, open(0o4755)).unwrap();
    let script = format!(
        "echo $$ >{}; echo ready; exec sleep 600 >/dev/null 2>&1",
        file.display()
    );
    let words = [
        "--reuid=0",
        "--regid=0",
        "--clear-groups",
        "sh",
        "-c",
        &script,
    ];
    for lost in [true, false] {
        let more = if lost {
            ["--for", "600s"]
        } else {
            ["--for", "2s"]
        };
        let mut running = Dsctl::new(&env)
            .through(
                "/usr/bin/setpriv",
                &["--reuid=65534", "--regid=65534", "--clear-groups"],
            )
            .args(["lock", "acquire", DEAD])
            .args(more)
            .args(["--", as_root.to_str().unwrap()])
            .args(words)
            .spawn();
        running.await_stdout("ready");
        if lost {
            let node = zk.await_queue(&path, 1).remove(0);
            zk.delete(&format!("{path}/{node}"));
        }
        let output = running.finish().exit(if lost { 8 } else { 1 });
        let program = number(&file);
        assert!(
            is_alive(program) && output.stderr.contains(&format!("processes {program}")),
            "{output:?}"
        );
        signal(program, "KILL");
        zk.await_queue(&path, 0);
    }
}
