//! What the README tells its readers to type.

use std::path::Path;

use dsctl::model::Version;

use crate::harness::{Dsctl, schema};

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    readme
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// A file made by `dsctl demo` before its failover would be too late: this one still has its dead
/// master.
fn cluster(folder: &Path) -> String {
    let file = folder.join("cluster.db");
    let version: Version = "3.2.2".parse().unwrap();
    crate::harness::wait(async {
        use dsctl::metadata::database::Database as _;
        use dsctl::metadata::sqlite::{OpenMode, SqliteDatabase};
        let limit = std::time::Duration::from_secs(10);
        let mut database = SqliteDatabase::open(&file, OpenMode::Create, limit, limit).unwrap();
        dsctl::demo::create(&mut database, version, jiff::Timestamp::now())
            .await
            .unwrap();
        Box::new(database).close().await;
    });
    format!("sqlite:{}", file.display())
}

fn run(script: &str, database: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_dsctl")).parent().unwrap();
    let script = format!(
        "set -u; cd {}; PATH={}:$PATH; {script}",
        folder.display(),
        program.display()
    );
    let output = Dsctl::of_program("/bin/bash")
        .args(["-c", &script])
        .env("DSCTL_DB", database)
        .run()
        .exit(0);
    output.stdout
}

#[test]
fn the_script_tells_done_from_refused() {
    let script = blocks("sh")
        .into_iter()
        .find(|block| block.contains("case $?"))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = cluster(folder.path());
    assert_eq!(
        run(&script, &database, folder.path()),
        "done, or nothing to do\n"
    );
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("report.json")).unwrap())
            .unwrap();
    schema::assert_document(&report);
    assert_eq!(report["recovered"], 6);
    let file = database.strip_prefix("sqlite:").unwrap();
    rusqlite::Connection::open(file)
        .unwrap()
        .execute("DELETE FROM t_ds_jdbc_registry_data", [])
        .unwrap();
    let refused = run(&script, &database, folder.path());
    assert!(
        refused.starts_with("refused: no master is registered"),
        "{refused}"
    );
}

#[test]
fn the_steps_at_3_a_m_exist() {
    let steps = blocks("sh")
        .into_iter()
        .find(|block| block.contains("DSCTL_DB_PASSWORD_FILE"))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = cluster(folder.path());
    let commands = steps.lines().filter(|line| line.starts_with("dsctl "));
    let commands: Vec<&str> = commands
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(commands.len(), 8);
    for command in &commands[..7] {
        // Something hangs there, which is no failure.
        let found = if *command == "dsctl doctor" {
            "test $? = 3 ||"
        } else {
            ""
        };
        run(
            &format!("{command} || {found} exit $?"),
            &database,
            folder.path(),
        );
    }
    // Without a terminal the last one asks for consent, and gets none.
    let last = run(
        &format!("{} >/dev/null 2>&1; echo $?", commands[7]),
        &database,
        folder.path(),
    );
    assert_eq!(last, "4\n");
}

#[test]
fn the_cron_line_is_silent_where_nothing_hangs() {
    let line = blocks("")
        .into_iter()
        .find(|block| block.contains("* * * *"));
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let line = line
        .unwrap_or(readme)
        .lines()
        .find(|line| line.contains("root  dsctl"))
        .unwrap()
        .to_owned();
    let command = line
        .split("root  ")
        .nth(1)
        .unwrap()
        .replace("logger -t dsctl", "echo");
    let folder = tempfile::tempdir().unwrap();
    let database = cluster(folder.path());
    run(&command, &database, folder.path());
    let second = run(&command, &database, folder.path());
    assert!(!second.contains("exit"), "{second}");
}
