//! A cluster of real servers.
//!
//! It is not the harness's `World`: here the masters themselves make rows and registrations, and what
//! is waited for is theirs to do.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::release::{Installed, Release};
use super::server::{Kind, Server, Starting};
use super::{seed, tables};
use crate::harness::guard::{Folder, run};
use crate::harness::{Dsctl, Env, Output, Store, eventually, skipped};

/// Seconds after which the registry gives up a master that is to be killed: more than a busy
/// machine lets it wait.
pub const SHORT: u32 = 12;
/// Seconds after which it gives up everybody else: longer than any pause in a test.
pub const LONG: u32 = 60;

/// A cluster of one release.
#[derive(Debug)]
pub struct World {
    /// Where it is.
    pub env: Env,
    /// Its release.
    pub release: &'static Release,
    installed: Installed,
    folder: Folder,
    // Two clusters at a time: each Java machine wants some hundred megabytes and, while it starts,
    // a processor.
    _place: MutexGuard<'static, ()>,
}

impl World {
    /// An empty cluster in PostgreSQL, or nothing where the release cannot be had; then the test is
    /// noted as skipped.
    pub fn new(test: &str, release: &'static Release) -> Option<Self> {
        Self::on(test, release, Store::Postgres)
    }

    /// As [`World::new`], in another database.
    pub fn on(test: &str, release: &'static Release, store: Store) -> Option<Self> {
        static PLACES: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let installed = match (release.installed)(release.number) {
            Ok(installed) => installed,
            Err(why) => {
                skipped(test, &why);
                return None;
            }
        };
        let place = &PLACES[NEXT.fetch_add(1, Ordering::Relaxed) % PLACES.len()];
        let place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut env = Env::new(store);
        // The program has to find the release by itself.
        env.set("DSCTL_TIMEOUT", "20s");
        let lacking = tables::create(&env, release, &installed);
        assert_eq!(
            lacking, [""; 0],
            "columns that {} has and our tables lack",
            release.number
        );
        seed::cluster(
            &env,
            run(std::process::Command::new("id").arg("-un")).trim(),
        );
        Some(Self {
            env,
            release,
            installed,
            folder: Folder::new("world"),
            _place: place,
        })
    }

    /// Starts a server.
    pub fn start(&self, kind: Kind, session: u32) -> Starting {
        self.start_in(&self.env, kind, session)
    }

    /// Starts a server in another database or namespace.
    pub fn start_in(&self, env: &Env, kind: Kind, session: u32) -> Starting {
        Starting::new(env, self.release, &self.installed, kind, session)
    }

    /// A file in one of the release's jars, of the name that starts so.
    pub fn resource(&self, jar: &str, file: &str) -> String {
        tables::resource(&self.installed.jars[0], jar, file)
    }

    /// Runs the program.
    pub fn dsctl(&self, arguments: &[&str]) -> Output {
        Dsctl::new(&self.env).args(arguments).run()
    }

    /// The script of a task that notes that it ran and ends when [`World::let_go`] was called.
    pub fn waiting_script(&self, name: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "echo $$ >> {folder}/ran-{name}\nwhile [ -d {folder} ] && [ ! -e {folder}/go ]; do sleep 0.1; done\n"
        )
    }

    /// How often such a task was started.
    pub fn runs(&self, name: &str) -> usize {
        fs::read_to_string(self.folder.join(&format!("ran-{name}")))
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// Of the first so many of them, how many have ended by now.
    pub fn ended(&self, name: &str, first: usize) -> usize {
        let processes =
            fs::read_to_string(self.folder.join(&format!("ran-{name}"))).unwrap_or_default();
        let is_gone = |process: &&str| !fs::exists(format!("/proc/{process}")).unwrap();
        processes.lines().take(first).filter(is_gone).count()
    }

    /// Lets all waiting scripts end.
    pub fn let_go(&self) {
        fs::write(self.folder.join("go"), "").unwrap();
    }

    /// The number that a query gives.
    pub fn number(&self, sql: &str) -> i64 {
        self.env.number(&self.release.sql(sql))
    }

    /// Waits until a query gives this number.
    pub fn await_number(&self, limit: Duration, sql: &str, wanted: i64, servers: &[&Server]) {
        self.await_number_in(&self.env, limit, sql, wanted, servers);
    }

    /// The same in a copy of the database.
    pub fn await_number_in(
        &self,
        env: &Env,
        limit: Duration,
        sql: &str,
        wanted: i64,
        servers: &[&Server],
    ) {
        let sql = &self.release.sql(sql);
        let deadline = Instant::now() + limit;
        loop {
            let found = env.number(sql);
            if found == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{}\n{sql}: {found} and not {wanted}\n{}",
                complaints(servers),
                self.rows_told(env)
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What runs, and what waits to be run.
    fn rows_told(&self, env: &Env) -> String {
        let queries = [
            "SELECT id, state, host, command_type FROM t_ds_process_instance ORDER BY id",
            "SELECT id, process_instance_id, task_type, state, host FROM t_ds_task_instance ORDER BY id",
            "SELECT id, command_type, command_param FROM t_ds_command ORDER BY id",
            "SELECT id, command_type, message FROM t_ds_error_command ORDER BY id",
        ];
        let told = queries.map(|sql| {
            let rows = env.rows(&self.release.sql(sql));
            format!("{sql}\n{rows:?}")
        });
        told.join("\n")
    }

    /// Waits until each of these servers has said something.
    pub fn await_log(servers: &[&Server], text: &str) {
        for server in servers {
            eventually(Duration::from_mins(2), text, || {
                let log = server.log();
                if log.contains(text) {
                    Ok(())
                } else {
                    Err(server.log_tail())
                }
            });
        }
    }

    /// Waits until so many running tasks know their new master, where a release takes tasks over.
    /// What a task says before that comes again minutes later.
    pub fn await_taken_over(&self, wanted: usize, servers: &[&Server]) {
        let Some(text) = self.release.taken_over else {
            return;
        };
        eventually(Duration::from_mins(2), text, || {
            let found: usize = servers
                .iter()
                .map(|server| server.log().matches(text).count())
                .sum();
            if found >= wanted {
                Ok(())
            } else {
                Err((found, complaints(servers)))
            }
        });
    }

    /// Waits until so many tasks have been started.
    pub fn await_runs(&self, name: &str, wanted: usize, servers: &[&Server]) {
        let deadline = Instant::now() + Duration::from_mins(5);
        while self.runs(name) < wanted {
            assert!(
                Instant::now() < deadline,
                "{}\n{} runs of {name} and not {wanted}",
                complaints(servers),
                self.runs(name)
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What the logs of servers have of errors, and their ends.
fn complaints(servers: &[&Server]) -> String {
    let one = |server: &&Server| {
        let log = server.log();
        let is_error = |line: &&str| {
            line.contains("ERROR") || line.contains("WARN") || line.starts_with("Caused")
        };
        let errors: Vec<&str> = log.lines().filter(is_error).take(20).collect();
        format!(
            "{} has said\n{}\n...\n{}",
            server.address,
            errors.join("\n"),
            server.log_tail()
        )
    };
    servers.iter().map(one).collect::<Vec<_>>().join("\n----\n")
}
