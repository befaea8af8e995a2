//! `watch --live`: the terminal is put in order on every way out.

use std::time::Duration;

use crate::harness::world::{BY_STATE, LIVING, World};
use crate::harness::{Dsctl, Running, child_of, eventually, signal};

/// What enters the alternate screen, and what leaves it.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

const LIMIT: Duration = Duration::from_secs(20);

fn live(world: &World, more: &str) -> Dsctl {
    let state = world.env.home().join("watch.json");
    world
        .dsctl(&format!(
            "watch --live --yes --state-file {} {more}",
            state.display()
        ))
        .on_terminal()
}

/// The program behind the `script` that gives it a terminal.
fn program(terminal: &Running) -> u32 {
    eventually(LIMIT, "the program runs", || {
        child_of(terminal.pid(), "dsctl").ok_or("no child yet")
    })
}

/// Nothing is shown on the alternate screen any more, and the cursor is there.
fn assert_in_order(shown: &str) {
    assert_eq!(shown.matches(ENTER).count(), 1, "{shown:?}");
    let (_, after) = shown
        .split_once(LEAVE)
        .unwrap_or_else(|| panic!("the screen was not left: {shown:?}"));
    assert!(!after.contains('\u{1b}'), "{after:?}");
}

#[test]
fn the_view_shows_masters_and_is_left_on_sigterm() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 1h").spawn();
    terminal.await_stdout(LIVING);
    terminal.await_stdout("grace time");
    signal(program(&terminal), "TERM");
    let output = terminal.finish().exit(143);
    assert_in_order(&output.stdout);
    world.check_untouched();
}

/// The first one waits for a hook that takes its time.
#[test]
fn a_second_ctrl_c_leaves_the_screen_in_order() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 0s --hook-timeout 50s")
        .args(["--on", "post-success=/usr/bin/sleep 50"])
        .spawn();
    terminal.await_stdout(ENTER);
    let program = program(&terminal);
    eventually(LIMIT, "the hook runs", || {
        child_of(program, "sleep").ok_or("no hook yet")
    });
    signal(program, "INT");
    signal(program, "INT");
    let output = terminal.finish().exit(130);
    assert_in_order(&output.stdout);
    world.check_complete();
}

#[test]
fn sigquit_leaves_the_screen_in_order() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 1h").spawn();
    terminal.await_stdout("grace time");
    signal(program(&terminal), "QUIT");
    assert_in_order(&terminal.finish().exit(131).stdout);
}

/// The shell's prompt is not written into the view, and the view comes back with `fg`.
#[test]
fn ctrl_z_gives_the_screen_back_for_as_long_as_it_lasts() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 1h").spawn();
    terminal.await_stdout("grace time");
    let program = program(&terminal);
    signal(program, "TSTP");
    terminal.await_stdout(LEAVE);
    eventually(LIMIT, "it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{program}/stat")).unwrap();
        if stat.contains(") T ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
    signal(program, "CONT");
    terminal.await_stdout_times(ENTER, 2);
    signal(program, "TERM");
    let output = terminal.finish().exit(143);
    let (_, after) = output.stdout.rsplit_once(LEAVE).unwrap();
    assert!(!after.contains('\u{1b}'), "{after:?}");
}

/// Somebody pressed Ctrl-S, or a connection is lost without a word: the loop goes on, and ends when
/// it is asked to.
#[test]
fn a_terminal_that_takes_nothing_holds_nothing() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 1s --interval 10ms").spawn();
    terminal.await_stdout("grace time");
    let program = program(&terminal);
    // The one who reads from the terminal; its buffer is full before the grace time is over.
    terminal.signal("STOP");
    eventually(LIMIT, "all are handed over", || {
        let now = world.command_count();
        if now == 3 { Ok(()) } else { Err(now) }
    });
    let rounds = || {
        std::fs::metadata(world.env.home().join("watch.json"))
            .unwrap()
            .modified()
            .unwrap()
    };
    for _ in 0..20 {
        let before = rounds();
        eventually(LIMIT, "a round", || {
            if rounds() > before {
                Ok(())
            } else {
                Err("none")
            }
        });
    }
    signal(program, "TERM");
    eventually(LIMIT, "it has ended", || {
        let stat = std::fs::read_to_string(format!("/proc/{program}/stat"));
        if stat.as_deref().is_ok_and(|stat| !stat.contains(") Z ")) {
            Err(stat)
        } else {
            Ok(())
        }
    });
    terminal.signal("CONT");
    terminal.finish().exit(143);
}

/// A connection that breaks takes the terminal away: nobody wants the loop any more.
#[test]
fn a_closed_terminal_ends_the_loop() {
    let world = World::in_a_file(BY_STATE, 3);
    let mut terminal = live(&world, "--grace 1h").spawn();
    terminal.await_stdout("grace time");
    let program = program(&terminal);
    terminal.signal("KILL");
    eventually(LIMIT, "it has ended", || {
        let stat = std::fs::read_to_string(format!("/proc/{program}/stat"));
        // A process that waits for its new parent has ended too.
        if stat.as_deref().is_ok_and(|stat| !stat.contains(") Z ")) {
            Err(stat)
        } else {
            Ok(())
        }
    });
    world.check_untouched();
}

/// The journal keeps times of its own, and reads a level from the start of each line.
#[test]
fn lines_for_the_journal_have_levels_and_no_times() {
    let world = World::in_a_file(BY_STATE, 3);
    let state = world.env.home().join("watch.json");
    let script = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1); export JOURNAL_STREAM; exec \"$0\" \"$@\"";
    let words = format!(
        "watch --once --yes --grace 1h --state-file {}",
        state.display()
    );
    let dsctl = Dsctl::new(&world.env).through("/bin/sh", &["-c", script]);
    let output = dsctl.args(words.split_whitespace()).run().exit(0);
    let levels: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        levels,
        [
            "<6>started:",
            "<6>master_registered",
            "<4>grace_started",
            "<6>stopped:"
        ],
        "{output:?}"
    );
    // With the variable inherited, and stdout somewhere else.
    let output = Dsctl::new(&world.env)
        .env("JOURNAL_STREAM", "1:2")
        .args(words.split_whitespace())
        .run()
        .exit(0);
    assert!(
        !output.stdout.contains("<6>") && output.stdout.contains("Z started:"),
        "{output:?}"
    );
}
