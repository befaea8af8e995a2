//! The harness' way to run a program sees what it should see, and above all passwords.

use std::time::{Duration, Instant};

use crate::harness::{Dsctl, assert_in_time};

fn shell(script: &str) -> Dsctl {
    Dsctl::of_program("/bin/sh").args(["-c", script])
}

#[test]
fn streams_code_and_input_are_kept_apart() {
    let output = shell("cat; echo \"$WORD\" >&2; exit 7")
        .env("WORD", "error")
        .stdin("{\"a\": 1}")
        .run();
    let output = output.exit(7).out("{\"a\": 1}").err("error\n");
    assert_eq!(output.json()["a"], 1);
    assert_eq!(output.ndjson().len(), 1);
}

#[test]
fn nothing_of_our_own_environment_is_handed_down() {
    let output = shell("env | cut -d= -f1 | sort | tr '\\n' ' '")
        .run()
        .exit(0);
    assert_eq!(output.stdout.trim(), "HOME LC_ALL PATH PWD TZ");
}

#[test]
#[should_panic(expected = "a password is shown")]
fn a_password_on_stdout_is_found() {
    shell("echo user:mark3r@host").run();
}

#[test]
#[should_panic(expected = "a password is shown")]
fn a_password_on_stderr_is_found() {
    shell("echo user:mark3r@host >&2").run();
}

#[test]
#[should_panic(expected = "expected exit code 0")]
fn a_wrong_exit_code_is_found() {
    shell("exit 3").run().exit(0);
}

#[test]
fn signals_reach_a_run_in_the_background() {
    let mut running =
        shell("trap 'echo caught; exit 130' INT; echo ready; while :; do sleep 0.05; done").spawn();
    running.await_stdout("ready");
    assert!(running.is_running());
    running.signal("STOP");
    running.signal("CONT");
    running.signal("INT");
    running.finish().exit(130).out("caught");
    let running = shell("exec sleep 60").spawn();
    running.signal("KILL");
    running.finish().exit(137);
}

#[test]
#[should_panic(expected = "still runs")]
fn a_run_without_end_is_given_up() {
    let start = Instant::now();
    shell("exec sleep 60")
        .limit(Duration::from_millis(200))
        .run();
    assert_in_time(start, Duration::from_secs(10));
}

#[test]
fn a_terminal_is_a_terminal() {
    let script = "test -t 0 && test -t 1 && test -t 2 && printf 'sure? ' && read answer && echo \"[$answer]\"; exit 4";
    shell(script)
        .on_terminal()
        .stdin("it's\n")
        .run()
        .exit(4)
        .out("sure? ")
        .out("[it's]");
    shell("test -t 0 || test -t 1 || test -t 2").run().exit(1);
}
