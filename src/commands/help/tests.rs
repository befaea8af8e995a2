//! The generated texts are complete.

use super::*;
use crate::commands::cli::definition;

#[test]
fn options_stand_under_headings() {
    let text = topics::help(&["failover".to_owned()], &definition()).unwrap();
    let at = |heading: &str| {
        text.find(heading)
            .unwrap_or_else(|| panic!("{heading} is missing in {text}"))
    };
    assert!(
        at("\nSafety:") < at("      --dry-run")
            && at("\nConnection:") < at("      --zk ")
            && at("\nOutput:") < at("      --no-headers")
    );
    assert!(text.contains("Usage: dsctl failover"), "{text}");
}

#[test]
fn help_knows_topics_and_nested_commands() {
    let words = |line: &str| {
        line.split_whitespace()
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(
        topics::help(&words("lock status"), &definition())
            .unwrap()
            .contains("Usage: dsctl lock status")
    );
    assert!(
        topics::help(&[], &definition())
            .unwrap()
            .contains("Usage: dsctl")
    );
    let codes = topics::help(&words("exit-codes"), &definition()).unwrap();
    for code in crate::exit_code::ExitCode::ALL {
        let line = codes.lines().find(|line| {
            line.trim_start()
                .starts_with(&format!("{} ", code.number()))
        });
        assert!(
            line.is_some_and(|line| line.contains(code.meaning().0)),
            "{codes}"
        );
    }
    let environment = topics::help(&words("environment"), &definition()).unwrap();
    assert!(
        environment.contains("DSCTL_STATEMENT_TIMEOUT")
            && environment.contains("/etc/dsctl/config.toml")
    );
    let unknown = topics::help(&words("lock stat"), &definition()).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no help about \"lock stat\"");
    assert!(topics::known(&definition()).contains("exit-codes, environment, masters"));
}

/// The shipped files are generated from the definition: write them again with `dsctl completions`
/// and `dsctl man`.
#[test]
fn shipped_files_are_up_to_date() {
    let up_to_date = [
        (
            "dsctl.bash",
            completions(CompletionShell::Bash, &definition()),
        ),
        ("_dsctl", completions(CompletionShell::Zsh, &definition())),
        (
            "dsctl.fish",
            completions(CompletionShell::Fish, &definition()),
        ),
        ("dsctl.1", man(&definition()).unwrap()),
    ];
    for (name, text) in up_to_date {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("completions")
            .join(name);
        let shipped = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            shipped == text,
            "completions/{name} is not what the program prints"
        );
    }
}

#[test]
fn the_manual_has_every_command_and_code() {
    let page = man(&definition()).unwrap();
    for part in [
        "dsctl lock acquire",
        "dsctl failover",
        "EXIT STATUS",
        "ENVIRONMENT",
        "DSCTL_DB_PASSWORD",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}
