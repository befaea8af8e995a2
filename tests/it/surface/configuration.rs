//! Where settings come from, and what is done about passwords.

use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use super::{V3_2, living, rehearsal, run, with_zookeeper};
use crate::harness::{Dsctl, Env, MariaDb, PASSWORD, PASSWORD_IN_URL, Store, USER, eventually};

/// Which namespace a run takes, seen in what it says about a ZooKeeper that is not there.
fn namespace(program: Dsctl) -> String {
    let output = program
        .args(["masters", "-o", "json", "--timeout", "300ms"])
        .run()
        .exit(6);
    let message = output.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    message
        .strip_prefix("cannot reach the registry at 127.0.0.1:1/")
        .unwrap_or_else(|| panic!("{message}"))
        .to_owned()
}

fn bare() -> Env {
    let mut env = rehearsal(V3_2);
    env.unset("DSCTL_NAMESPACE");
    env.set("DSCTL_ZK", "127.0.0.1:1");
    env
}

fn user_file(env: &Env, text: &str) {
    std::fs::create_dir_all(env.home().join(".config/dsctl")).unwrap();
    env.file(".config/dsctl/config.toml", text);
}

#[test]
fn the_closest_place_wins() {
    let env = bare();
    assert_eq!(namespace(Dsctl::new(&env)), "dolphinscheduler");
    user_file(&env, "namespace = \"of-the-user\"");
    assert_eq!(namespace(Dsctl::new(&env)), "of-the-user");
    let named = env.file("named.toml", "namespace = \"of-a-variable\"");
    assert_eq!(
        namespace(Dsctl::new(&env).env("DSCTL_CONFIG", &named)),
        "of-a-variable"
    );
    let asked = env.file("asked.toml", "namespace = \"of-the-file\"");
    let with_file = || {
        Dsctl::new(&env)
            .env("DSCTL_CONFIG", &named)
            .args(["--config", &asked])
    };
    assert_eq!(namespace(with_file()), "of-the-file");
    assert_eq!(
        namespace(with_file().env("DSCTL_NAMESPACE", "of-the-environment")),
        "of-the-environment"
    );
    assert_eq!(
        namespace(
            with_file()
                .env("DSCTL_NAMESPACE", "x")
                .args(["--namespace", "of-the-line"])
        ),
        "of-the-line"
    );
    assert_eq!(
        namespace(with_file().env("DSCTL_NAMESPACE", "")),
        "of-the-file"
    );
}

#[test]
fn a_file_that_is_asked_for_stands_alone() {
    let mut env = rehearsal(V3_2);
    user_file(&env, "zk = \"127.0.0.1:1\"\ntimeout = \"300ms\"");
    run(&env, "masters")
        .exit(6)
        .err("cannot reach the registry at 127.0.0.1:1");
    // Its database must not be put together with the usual file's ZooKeeper.
    let url = env.url();
    env.unset("DSCTL_DB");
    let rehearsed = env.file("rehearsal.toml", &format!("db = \"{url}\""));
    run(&env, &format!("masters --config {rehearsed}"))
        .exit(0)
        .out("dead");
    Dsctl::new(&env)
        .env("DSCTL_CONFIG", &rehearsed)
        .args(["masters"])
        .run()
        .exit(0)
        .out("dead");
}

#[test]
fn mistakes_in_files_name_their_line() {
    let env = bare();
    let asked = env.file("asked.toml", "zk = \"127.0.0.1:1\"\n\nnamespaze = \"x\"");
    let output = run(&env, &format!("masters --config {asked}")).exit(2);
    output
        .err("asked.toml, line 3: unknown key \"namespaze\"")
        .err("hint: ");
    user_file(&env, "timeout = 30");
    run(&env, "masters")
        .exit(2)
        .err("config.toml, line 1")
        .err("use 30s for seconds");
}

/// The first one ends other commands.
#[test]
fn every_value_that_cannot_be_used_is_named() {
    let mut env = bare();
    env.set("DSCTL_TIMEOUT", "30");
    env.set("DSCTL_ZK_DIGEST", "mark3r");
    user_file(&env, "namespaze = \"x\"\nnamespace = \"mine\"");
    let output = run(&env, "config").exit(2);
    output
        .out("mine")
        .err("config.toml, line 1: unknown key \"namespaze\"")
        .out("also: timeout from DSCTL_TIMEOUT cannot be used")
        .out("also: the ZooKeeper digest from DSCTL_ZK_DIGEST cannot be used");
    let document = run(&env, "config -o json").exit(2).json();
    assert_eq!(
        document["problems"].as_array().unwrap().len(),
        3,
        "{document}"
    );
    assert!(!document.to_string().contains("mark3r"));
    let settings = document["settings"].as_array().unwrap();
    let timeout = settings
        .iter()
        .find(|row| row["name"] == "timeout")
        .unwrap();
    assert!(
        timeout["value"].is_null() && timeout["place"] == "DSCTL_TIMEOUT",
        "{timeout}"
    );
    run(&env, "masters").exit(2).err("unknown key");
}

/// MariaDB with the living master in ZooKeeper, and a URL without a password.
fn server() -> (Env, String) {
    let mut env = Env::new(Store::MariaDb);
    env.create_schema(V3_2);
    let url = format!(
        "mysql://{USER}@127.0.0.1:{}/{}",
        MariaDb::shared().port(),
        env.database
    );
    env.set("DSCTL_DB", &url);
    (env, url)
}

#[test]
fn passwords_come_from_files() {
    let (mut env, url) = server();
    let _living = living(&env, V3_2);
    run(&env, "masters")
        .exit(6)
        .err("check --db and the password's file; --db-password-file - asks for the password");
    let file = env.file("password", &format!("{PASSWORD}\n"));
    run(&env, &format!("masters --db-password-file {file}"))
        .exit(0)
        .out("alive");
    Dsctl::new(&env)
        .args(["masters", "--db-password-file", "-"])
        .stdin(PASSWORD)
        .run()
        .exit(0)
        .out("alive");
    Dsctl::new(&env)
        .env("DSCTL_DB_PASSWORD_FILE", &file)
        .args(["masters"])
        .run()
        .exit(0)
        .out("alive");
    Dsctl::new(&env)
        .env("DSCTL_DB_PASSWORD", PASSWORD)
        .args(["masters"])
        .run()
        .exit(0)
        .out("alive");
    env.unset("DSCTL_DB");
    let whole = env.file(
        "whole.toml",
        &format!("db = \"{url}\"\ndb-password-file = \"{file}\""),
    );
    run(&env, &format!("masters --config {whole}"))
        .exit(0)
        .out("alive");
    let wrong = env.file("wrong", "wrong");
    run(
        &env,
        &format!("masters --db {url} --db-password-file {wrong}"),
    )
    .exit(6)
    .err("hint: ");
}

/// The files of the servers' own clients, as these clients read them.
#[test]
fn passwords_come_from_the_files_of_the_clients() {
    use std::os::unix::fs::PermissionsExt;
    for store in [Store::MariaDb, Store::Postgres] {
        let mut env = Env::new(store);
        env.create_schema(V3_2);
        let _living = living(&env, V3_2);
        let (port, database) = (env.server_port(), env.database.clone());
        let url = env.url().replace(&format!(":{PASSWORD_IN_URL}@"), "@");
        env.set("DSCTL_DB", &url);
        run(&env, "masters").exit(6);
        let password = PASSWORD.replace(':', "\\:");
        let (name, of_ours, of_others) = if store == Store::MariaDb {
            (
                ".my.cnf",
                format!(
                    "[client]\nuser = {USER}\nport = {port}\npassword = \"{PASSWORD}\" # ours\n"
                ),
                format!("[client]\nuser = {USER}\nhost = db1\npassword = {PASSWORD}\n"),
            )
        } else {
            (
                ".pgpass",
                format!(
                    "db1:*:*:*:wrong\n127.0.0.1:{port}:{database}:*:{password}\n*:*:*:*:wrong\n"
                ),
                format!("db1:{port}:{database}:{USER}:{password}\n"),
            )
        };
        let path = env.file(name, &of_ours);
        run(&env, "masters").exit(0).out("alive");
        run(&env, "config").exit(0).out(&format!("{path}, line "));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        run(&env, "masters -vv")
            .exit(6)
            .err(&format!("chmod 600 {path}"));
        env.file(name, &of_others);
        run(&env, "masters").exit(6);
        if store == Store::Postgres {
            let named = env.file("named", &of_ours);
            let named = Dsctl::new(&env).env("PGPASSFILE", &named);
            named.args(["masters"]).run().exit(0).out("alive");
        }
    }
}

/// What is typed is not shown, and behind it the terminal shows again what is typed.
#[test]
fn a_password_is_asked_for_on_a_terminal() {
    let (env, url) = server();
    let _living = living(&env, V3_2);
    let on_terminal = || {
        let script = "trap : INT; \"$@\"; stty -a | grep -o -- '-*echo ' | sed s/^/mode:/";
        let shell = Dsctl::new(&env).through("/bin/sh", &["-c", script, "sh"]);
        shell
            .args(["masters", "--db", &url, "--db-password-file", "-"])
            .typed()
    };
    let question = format!("Password of the database {url}: ");
    let mut running = on_terminal().spawn();
    running.await_stdout(&question);
    running.type_text(&format!("{PASSWORD}\n"));
    let output = running.finish().out("alive").out("mode:echo");
    assert!(!output.stdout.contains("mode:-echo"), "{output:?}");
    let mut running = on_terminal().spawn();
    running.await_stdout(&question);
    running.type_text("\u{3}");
    let output = running.finish().out("mode:echo");
    assert!(!output.stdout.contains("mode:-echo"), "{output:?}");
    assert!(!output.stdout.contains("alive"), "{output:?}");
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (env, _) = server();
    let file = env.file("password", PASSWORD);
    for mode in [0o640, 0o604, 0o644, 0o666] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let output = run(&env, &format!("masters --db-password-file {file}")).exit(2);
        output
            .err("other than its owner have access")
            .err(&format!("hint: chmod 600 {file}"));
    }
    let config = env.file("config.toml", &format!("db = \"{}\"", env.url()));
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    Dsctl::new(&env)
        .env_remove("DSCTL_DB")
        .args(["masters", "--config", &config])
        .run()
        .exit(2)
        .err("chmod 600");
}

#[test]
fn a_password_on_the_command_line_is_warned_of() {
    const WARNING: &str = "visible to every user of this machine";
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let (server, _) = server();
    let _living = living(&server, V3_2);
    let url = server.url();
    for (words, code) in [
        (vec!["masters"], 0),
        (vec!["lock", "status"], 0),
        (vec!["lock", "acquire", "10.0.0.2:5678", "--for", "5ms"], 0),
        (vec!["failover", "--all-dead"], 4),
    ] {
        Dsctl::new(&server)
            .args(["--db", &url])
            .args(&words)
            .run()
            .exit(code)
            .err(WARNING);
        let output = Dsctl::new(&server)
            .args(["--db", &url, "-o", "json"])
            .args(&words)
            .run()
            .exit(code);
        assert!(
            output.json()["warnings"].to_string().contains(WARNING),
            "{output:?}"
        );
    }
    // Also where it comes to nothing.
    let output = Dsctl::new(&env).args([
        "--db",
        &url.replace(&format!(":{}", MariaDb::shared().port()), ":1"),
        "masters",
    ]);
    output.run().exit(6).err(WARNING);
    assert!(!run(&server, "masters").stderr.contains(WARNING));
}

/// Every output of the program is searched for the password by the harness itself.
#[test]
fn a_password_in_a_wrong_place_of_the_url_is_not_shown() {
    for url in [
        "jdbc:mysql://address=(host=127.0.0.1)(port=1)(user=x)(password=mark3r)/ds?user=x",
        "jdbc:mysql://127.0.0.1:1/ds;password=mark3r?user=x",
        "jdbc:mysql://127.0.0.1:1/ds;mark3r?user=x",
        "postgres://x;password=mark3r@127.0.0.1:1/ds",
    ] {
        let mut env = rehearsal(V3_2);
        env.set("DSCTL_DB", url);
        for line in [
            "masters -o json",
            "masters",
            "masters -vv",
            "failover --all-dead --yes -o ndjson",
        ] {
            run(&env, line).exit(2).err("DSCTL_DB");
        }
    }
}

/// A password from a pipe that nobody writes to: whoever waits for it in vain can end that.
#[test]
fn a_secret_that_never_comes_can_be_given_up() {
    let env = rehearsal(V3_2);
    let pipe = env.home().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for (option, more) in [
        ("--db-password-file", "--db mysql://ds@127.0.0.1:1/ds"),
        ("--zk-digest-file", "--zk 127.0.0.1:1"),
    ] {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let words = format!("failover 10.0.0.2:5678 --yes -o json {more} {option}");
            let program = Dsctl::new(&env)
                .args(words.split_whitespace())
                .args([pipe.to_str().unwrap()]);
            let running = program.env_remove("DSCTL_REGISTRY").spawn();
            // The pipe can be opened so once somebody has opened it to read.
            let writer = eventually(Duration::from_secs(20), "a reader of the pipe", || {
                let mut options = std::fs::OpenOptions::new();
                options
                    .write(true)
                    .custom_flags(nix::libc::O_NONBLOCK)
                    .open(&pipe)
            });
            running.signal(signal);
            let output = running.finish().exit(code);
            assert_eq!(output.json()["error"]["kind"], "stopped", "{output:?}");
            drop(writer);
        }
    }
}
