use std::ffi::OsStr;
use std::time::Duration;

use clap::error::ErrorKind;

use super::*;
use crate::commands::lock::LockCommand;
use crate::config::Key;
use crate::failover::OriginalState;

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(std::iter::once("dsctl").chain(line.split_whitespace()))
}

fn refused(line: &str) -> ErrorKind {
    read(line).expect_err(line).kind()
}

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    for line in [
        "-o json --zk zk1 -v lock status",
        "lock -v status --zk zk1 -o json",
        "lock -o json status --zk zk1 -v",
    ] {
        let global = read(line).unwrap().global;
        assert_eq!(
            global.output.output,
            Some(crate::output::Format::Json),
            "{line}"
        );
        assert_eq!(
            (
                global.connection.zk.map(|zk| zk.to_string()).as_deref(),
                global.output.verbose
            ),
            (Some("zk1:2181"), 1),
            "{line}"
        );
    }
}

#[test]
fn failover_has_its_limits_built_in() {
    let Command::Failover(arguments) = read("failover a:1 b:1 --wait 60s --rate 5/s")
        .unwrap()
        .command
    else {
        panic!()
    };
    assert_eq!(
        (arguments.masters, arguments.wait),
        (
            vec!["a:1".to_owned(), "b:1".to_owned()],
            Some(Duration::from_mins(1))
        )
    );
    let safety = arguments.safety;
    assert_eq!(
        (
            safety.max_instances,
            safety.write.batch,
            safety.lock_timeout
        ),
        (10_000, 1000, Duration::from_secs(30))
    );
    assert_eq!(safety.write.rate.map(|rate| rate.0.get()), Some(5));
    assert!(!(safety.dry_run || safety.yes || safety.allow_no_masters));
    assert!(!(safety.allow_restarted || safety.write.allow_duplicate_tasks));
}

#[test]
fn what_to_fail_over_must_be_said_in_one_way() {
    for command in ["failover", "recover", "clear-hosts", "lock acquire"] {
        assert_eq!(
            refused(command),
            ErrorKind::MissingRequiredArgument,
            "{command}"
        );
    }
    assert_eq!(
        refused("failover a:1 --all-dead"),
        ErrorKind::ArgumentConflict
    );
    assert_eq!(
        refused("recover --instance 1 --orphans"),
        ErrorKind::ArgumentConflict
    );
    assert_eq!(refused("clear-hosts a:1 b:1"), ErrorKind::UnknownArgument);
}

#[test]
fn ids_are_read_not_guessed() {
    let line = "recover --instance 1,2 --instance 3 --original-state ready_stop";
    let Command::Recover(arguments) = read(line).unwrap().command else {
        panic!()
    };
    assert_eq!(
        (arguments.instances, arguments.original_state),
        (vec![1, 2, 3], Some(OriginalState::ReadyStop))
    );
    for ids in ["0", "-1", "1.5", "1,x", "9999999999999999999"] {
        assert!(read(&format!("recover --instance={ids}")).is_err(), "{ids}");
    }
}

#[test]
fn a_program_follows_two_dashes() {
    let Command::Lock(LockCommand::Acquire(arguments)) =
        read("lock acquire a:1 --for 5m -- ./x -o json")
            .unwrap()
            .command
    else {
        panic!()
    };
    assert_eq!(arguments.hold_for, Some(Duration::from_mins(5)));
    assert_eq!(arguments.program, ["./x", "-o", "json"].map(OsStr::new));
    assert_eq!(refused("lock acquire a:1 ./x"), ErrorKind::UnknownArgument);
}

#[test]
fn nothing_is_guessed() {
    for line in ["fail a:1", "mast", "lock stat", "docto", "watc", "plan"] {
        assert_eq!(refused(line), ErrorKind::InvalidSubcommand, "{line}");
    }
    for line in [
        "masters --name x",
        "masters --out json",
        "failover a:1 --force",
        "masters --password x",
    ] {
        assert_eq!(refused(line), ErrorKind::UnknownArgument, "{line}");
    }
    assert!(
        shown(&read("maters").unwrap_err()).contains("masters"),
        "a similar name is suggested"
    );
}

#[test]
fn bare_numbers_are_no_durations() {
    for line in [
        "masters --timeout 30",
        "failover a:1 --wait 60",
        "lock acquire a:1 --for 5",
        "clear-hosts a:1 --lock-timeout 0",
    ] {
        let message = shown(&read(line).unwrap_err());
        assert!(message.contains("the unit is missing"), "{message}");
    }
}

#[test]
fn a_usage_error_shows_no_password() {
    for line in [
        "masters mysql://u:MARKER@h/d",
        "masters --dbx=mysql://u:MARKER@h/d",
        "mysql://u:MARKER@h/d",
    ] {
        let message = shown(&read(line).unwrap_err());
        assert!(!message.contains("MARKER"), "{message}");
    }
    assert!(shown(&read("mysql://u:MARKER@h/d").unwrap_err()).contains("'mysql://***@h/d'"));
    let global = read("masters --db mysql://u:MARKER@h/d").unwrap().global;
    assert!(!format!("{global:?}").contains("MARKER"));
}

#[test]
fn the_version_names_the_supported_releases() {
    let error = read("--version").unwrap_err();
    let text = shown(&error);
    assert_eq!(
        (error.kind(), error.exit_code()),
        (ErrorKind::DisplayVersion, 0)
    );
    assert!(
        text.starts_with(concat!("dsctl ", env!("CARGO_PKG_VERSION")))
            && text.contains("1.2 to 3.4.3"),
        "{text}"
    );
}

#[test]
fn every_command_shows_an_example_before_its_options() {
    fn check(command: &clap::Command) {
        let text = command.clone().render_long_help().to_string();
        let example = text
            .find(&format!("\n  {}", "dsctl "))
            .unwrap_or(usize::MAX);
        assert!(example < text.find("Usage:").unwrap(), "{text}");
        command.get_subcommands().for_each(check);
    }
    let mut definition = definition();
    definition.build();
    check(&definition);
}

#[test]
fn every_option_is_a_global_flag_whose_help_names_its_variable() {
    let definition = definition();
    for key in Key::ALL {
        let flag = definition
            .get_arguments()
            .find(|flag| flag.get_long() == Some(key.name()))
            .unwrap();
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        assert!(
            flag.is_global_set() && help.contains(&format!("[env: {}]", key.variable())),
            "{help}"
        );
    }
}

#[test]
fn every_global_flag_but_config_is_an_option() {
    let definition = definition();
    let flags = definition
        .get_arguments()
        .filter(|flag| flag.is_global_set())
        .filter_map(clap::Arg::get_long);
    let unknown: Vec<&str> = flags.filter(|flag| Key::named(flag).is_none()).collect();
    assert_eq!(unknown, ["config"]);
}
