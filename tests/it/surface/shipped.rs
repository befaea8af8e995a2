//! The files that are shipped are what the program prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::harness::{Dsctl, schema};

fn shipped(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "completions", name]
        .iter()
        .collect()
}

#[test]
fn completions_and_manual_are_up_to_date() {
    for (line, name) in [
        ("completions bash", "dsctl.bash"),
        ("completions zsh", "_dsctl"),
        ("completions fish", "dsctl.fish"),
        ("man", "dsctl.1"),
    ] {
        let output = Dsctl::alone().args(line.split(' ')).run().exit(0);
        let kept = std::fs::read_to_string(shipped(name)).unwrap();
        assert!(
            output.stdout == kept && !kept.is_empty(),
            "completions/{name} is not what 'dsctl {line}' prints"
        );
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

/// Whoever redirects it into a unit has typed there what the service shall do.
#[test]
fn a_unit_runs_with_the_options_that_were_typed() {
    for (typed, runs) in [
        (
            "--zk h watch --print-unit --grace 7m --hook /x",
            " --zk h watch --grace 7m --hook /x --yes",
        ),
        ("watch --dry-run --print-unit", " watch --dry-run"),
        ("watch --yes --print-unit", " watch --yes"),
    ] {
        let output = Dsctl::alone().args(typed.split(' ')).run().exit(0);
        let mut lines = output.stdout.lines();
        let line = lines.find(|line| line.starts_with("ExecStart=")).unwrap();
        assert!(line.ends_with(&format!("/dsctl{runs}")), "{line}");
    }
}

/// With `UPDATE_GOLDEN=1` they are written instead.
#[test]
fn schemas_are_those_of_the_types_that_are_written() {
    let folder = schema::folder();
    let made = dsctl::commands::schemas();
    let made = made
        .into_iter()
        .map(|(name, schema)| (format!("{name}.json"), format!("{schema:#}\n")));
    let made: BTreeMap<String, String> = made.collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &made {
            std::fs::write(folder.join(name), text).unwrap();
        }
        return;
    }
    let names = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        made.keys().cloned().collect(),
        "the files of schema/"
    );
    for (name, text) in &made {
        let kept = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            kept == *text,
            "schema/{name} is stale; UPDATE_GOLDEN=1 rewrites it"
        );
    }
}

#[test]
fn bash_understands_its_completions() {
    let script = shipped("dsctl.bash");
    Dsctl::of_program("/bin/bash")
        .args(["-n", script.to_str().unwrap()])
        .run()
        .exit(0);
    // And they complete: a command, and an option of one.
    let ask = |words: &str, current: &str| {
        let count = words.split(' ').count();
        let script = format!(
            "source '{}'; COMP_WORDS=({words} {current}); COMP_CWORD={count}; _dsctl dsctl {current} {}; echo \"${{COMPREPLY[*]}}\"",
            script.display(),
            words.rsplit(' ').next().unwrap()
        );
        Dsctl::of_program("/bin/bash")
            .args(["-c", &script])
            .run()
            .exit(0)
            .stdout
    };
    assert_eq!(ask("dsctl", "fail"), "failover\n");
    assert_eq!(ask("dsctl failover", "--allow-no"), "--allow-no-masters\n");
    assert_eq!(ask("dsctl lock", "acq"), "acquire\n");
}
