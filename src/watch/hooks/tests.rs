//! Hooks with real programs.

use std::fs::Permissions;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use super::*;

const LONG: Duration = Duration::from_mins(1);

/// Another process writes the program: a file that this process has open for writing, perhaps in a
/// fork made by another test, cannot be executed.
fn program(path: &Path, script: &str) {
    let install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn();
    let mut install = install.unwrap();
    install
        .stdin
        .take()
        .unwrap()
        .write_all(format!("#!/bin/sh\n{script}\n").as_bytes())
        .unwrap();
    assert!(install.wait().unwrap().success());
}

fn of_folder(dir: &Path) -> Hooks {
    Hooks {
        dir: Some(dir.to_owned()),
        on: Vec::new(),
        timeout: LONG,
    }
}

fn with_pre(dir: &Path, script: &str) -> Hooks {
    program(&dir.join("pre"), script);
    of_folder(dir)
}

async fn run(hooks: &Hooks, moment: HookMoment) -> HookOutcome {
    hooks.run(moment, &json!({}), &[], false).await
}

fn ok(output: &str) -> HookOutcome {
    HookOutcome::Ok {
        output: output.to_owned(),
    }
}

#[tokio::test]
async fn a_hook_gets_all_data() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = with_pre(
        folder.path(),
        "echo \"$DSCTL_HOOK $DSCTL_DRY_RUN $DSCTL_MASTER $LANG <$DSCTL_DB_PASSWORD>\"; cat; echo 1>&2; echo last; echo $#",
    );
    let path = std::env::var_os("PATH").unwrap();
    let variables = [
        ("PATH", path),
        ("LANG", "C".into()),
        ("DSCTL_DB_PASSWORD", "MARKER".into()),
    ];
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    let environment = Environment {
        variables,
        ..Environment::default()
    };
    let given = [("DSCTL_MASTER", "10.0.0.1:5678 $(id) `id`".to_owned())];
    let outcome = hooks
        .run_in(
            &environment,
            HookMoment::Pre,
            &json!({"a": "b\n"}),
            &given,
            true,
        )
        .await;
    assert_eq!(
        outcome,
        ok("pre 1 10.0.0.1:5678 $(id) `id` C <>\n{\"a\":\"b\\n\"}\nlast\n0\n")
    );
    let outcome = hooks
        .run_in(&environment, HookMoment::Pre, &json!(1), &[], false)
        .await;
    assert_eq!(outcome, ok("pre 0  C <>\n1\nlast\n0\n"));
}

#[tokio::test]
async fn only_a_pre_hook_can_veto() {
    let folder = tempfile::tempdir().unwrap();
    let pre = folder.path().join("pre");
    let hooks = with_pre(folder.path(), "echo not now; exit 3");
    let veto = HookOutcome::Veto {
        program: pre.display().to_string(),
        code: 3,
        output: "not now\n".to_owned(),
    };
    assert_eq!(run(&hooks, HookMoment::Pre).await, veto);
    assert!(!veto.permits());
    assert_eq!(
        run(&hooks, HookMoment::Blocked).await,
        ok(""),
        "there is no such hook"
    );
    program(&folder.path().join("post-failure"), "exit 3");
    let failed = run(&hooks, HookMoment::PostFailure).await;
    assert!(
        matches!(&failed, HookOutcome::Failed { why, .. } if why.ends_with("ended with exit code 3")),
        "{failed:?}"
    );
    program(&pre, "kill -9 $$");
    let failed = run(&hooks, HookMoment::Pre).await;
    assert!(
        matches!(&failed, HookOutcome::Failed { why, .. } if why.ends_with("by signal 9")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn no_shell_reads_a_program_line() {
    let on = |moment, line: &str| (moment, line.to_owned());
    let mut hooks = Hooks {
        dir: None,
        on: vec![on(HookMoment::Pre, "echo a;b  $HOME  'c'")],
        timeout: LONG,
    };
    assert_eq!(run(&hooks, HookMoment::Pre).await, ok("a;b $HOME 'c'\n"));
    hooks
        .on
        .push(on(HookMoment::Pre, "dsctl-no-such-program x"));
    hooks.on.push(on(HookMoment::Pre, "echo never"));
    hooks.on.push(on(HookMoment::Blocked, "false"));
    hooks
        .on
        .push(on(HookMoment::Blocked, "echo told all the same"));
    let failed = run(&hooks, HookMoment::Pre).await;
    assert_eq!(failed.output(), "a;b $HOME 'c'\n");
    assert!(
        matches!(&failed, HookOutcome::Failed { why, .. } if why.starts_with("dsctl-no-such-program cannot be run"))
    );
    let failed = run(&hooks, HookMoment::Blocked).await;
    assert!(
        matches!(&failed, HookOutcome::Failed { output, .. } if output == "told all the same\n"),
        "{failed:?}"
    );
    assert_eq!(
        run(
            &Hooks {
                on: Vec::new(),
                ..hooks
            },
            HookMoment::Pre
        )
        .await,
        ok("")
    );
}

#[test]
fn what_is_unsafe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pre = folder.path().join("pre");
    let hooks = with_pre(folder.path(), "exit 0");
    let refused_with = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        hooks.check().err()
    };
    assert_eq!(refused_with(&pre, 0o755), None);
    for mode in [0o775, 0o757, 0o777] {
        assert!(
            refused_with(&pre, mode)
                .unwrap()
                .ends_with("pre: users other than its owner can write to it"),
            "{mode:o}"
        );
    }
    assert!(
        refused_with(&pre, 0o644)
            .unwrap()
            .ends_with("pre: it is not executable")
    );
    refused_with(&pre, 0o700);
    assert!(
        refused_with(folder.path(), 0o770)
            .unwrap()
            .ends_with("can write to this folder of hooks")
    );
    assert_eq!(refused_with(folder.path(), 0o755), None);
    std::fs::remove_file(&pre).unwrap();
    assert_eq!(hooks.check(), Ok(()));
    std::os::unix::fs::symlink("nowhere", &pre).unwrap();
    assert!(
        hooks.check().is_err() && hooks.has(HookMoment::Pre) && !hooks.has(HookMoment::Blocked)
    );
    assert!(of_folder(&folder.path().join("missing")).check().is_err());
}

#[tokio::test]
async fn a_refused_hook_does_not_permit() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = with_pre(folder.path(), "exit 0");
    std::fs::set_permissions(folder.path().join("pre"), Permissions::from_mode(0o777)).unwrap();
    assert!(!run(&hooks, HookMoment::Pre).await.permits());
    assert!(
        !run(&of_folder(&folder.path().join("missing")), HookMoment::Pre)
            .await
            .permits()
    );
}

/// Whether a process is there and not merely waiting to be reaped.
fn runs(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    state.is_ok_and(|state| {
        !state
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z')
    })
}

/// Signals take effect after the call that sends them.
async fn wait_until_gone(pid: &str) {
    for _ in 0..1000 {
        if !runs(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {pid} is still there");
}

#[tokio::test]
async fn a_hook_that_takes_too_long_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let mut hooks = with_pre(
        folder.path(),
        "sleep 600 & echo $!; trap '' TERM; sleep 600; sleep 600",
    );
    hooks.timeout = Duration::from_secs(2);
    let start = Instant::now();
    let outcome = run(&hooks, HookMoment::Pre).await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    let HookOutcome::TimedOut { program, output } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(program.ends_with("/pre"));
    wait_until_gone(&output).await;
}

#[tokio::test]
async fn a_hook_may_end_in_order() {
    let folder = tempfile::tempdir().unwrap();
    // The shell may print a message about its child, which gets the signal too.
    let script =
        "exec 2>/dev/null; trap 'echo in order; exit 0' TERM; sleep 600 & echo ready; wait";
    let mut hooks = with_pre(folder.path(), script);
    hooks.timeout = Duration::from_secs(3);
    let outcome = run(&hooks, HookMoment::Pre).await;
    assert!(
        matches!(&outcome, HookOutcome::TimedOut { output, .. } if output == "ready\nin order\n"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_a_hook_leaves_running_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = with_pre(folder.path(), "sleep 600 & echo $!");
    let outcome = run(&hooks, HookMoment::Pre).await;
    let HookOutcome::Ok { output } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(runs(&output), "it may go on");
    let killed = Command::new("kill").arg(output.trim()).status().unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn a_dropped_run_ends_the_hook() {
    let folder = tempfile::tempdir().unwrap();
    let (pid, fifo) = (folder.path().join("pid"), folder.path().join("fifo"));
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let hooks = with_pre(
        folder.path(),
        &format!(
            "echo $$ > {}; echo > {}; sleep 600",
            pid.display(),
            fifo.display()
        ),
    );
    // Opening the other end waits until the hook is that far.
    let started = tokio::task::spawn_blocking(move || std::fs::read(fifo).unwrap());
    tokio::select! {
        outcome = run(&hooks, HookMoment::Pre) => panic!("{outcome:?}"),
        _ = started => {}
    }
    wait_until_gone(&std::fs::read_to_string(pid).unwrap()).await;
}

#[tokio::test]
async fn much_is_printed_and_much_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = with_pre(
        folder.path(),
        "head -c 300000 /dev/zero | tr '\\0' 'x'; echo end",
    );
    let outcome = hooks
        .run(HookMoment::Pre, &json!("y".repeat(1_000_000)), &[], false)
        .await;
    let HookOutcome::Ok { output } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(output.len() == 8192 && output.starts_with('x') && output.ends_with("xend\n"));
    let hooks = with_pre(folder.path(), "wc -c");
    let outcome = hooks
        .run(HookMoment::Pre, &json!("y".repeat(1_000_000)), &[], false)
        .await;
    assert_eq!(outcome.output().trim(), "1000002");
}

#[test]
fn events_and_programs_of_the_command_line() {
    assert_eq!(
        parse_on("pre=/opt/ask now"),
        Ok((HookMoment::Pre, "/opt/ask now".to_owned()))
    );
    assert_eq!(
        parse_on("post-success=env A=b x"),
        Ok((HookMoment::PostSuccess, "env A=b x".to_owned()))
    );
    for text in ["", "pre", "pre=", "pre=  ", "Pre=x", "post=x", "=x"] {
        assert!(parse_on(text).is_err(), "{text}");
    }
    for &moment in HookMoment::ALL {
        assert_eq!(moment.keyword().parse(), Ok(moment));
    }
}
