//! A real master or worker as a process.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::release::{Installed, Place, Registry, Release};
use crate::harness::guard::{Folder, Guarded};
use crate::harness::ports::free_port;
use crate::harness::{Env, java};

/// How long a server may take until it is registered: a cold Java machine on a busy computer.
const START: Duration = Duration::from_mins(6);

/// Which of a release's servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs workflows.
    Master,
    /// Runs tasks.
    Worker,
}

/// A running server. It ends with the value.
#[derive(Debug)]
pub struct Server {
    process: Guarded,
    folder: Folder,
    /// As it registered itself.
    pub address: String,
    /// Its registration.
    pub node: String,
}

/// A server that was started and is not registered yet.
#[derive(Debug)]
pub struct Starting {
    process: Guarded,
    folder: Folder,
    port: u16,
    registry: Registry,
    parent: &'static str,
    ready: Option<&'static str>,
    since: Instant,
}

impl Starting {
    /// Starts a server in this world. Several may start side by side.
    pub fn new(
        env: &Env,
        release: &Release,
        installed: &Installed,
        kind: Kind,
        session: u32,
    ) -> Self {
        let jars = &installed.jars[kind as usize];
        let (folder, port) = (Folder::new("conformance"), free_port());
        // As in a cluster that has run before. Servers of 3.1 that start side by side in an empty
        // one stumble over each other: both make these nodes, and the second one ends.
        for parent in release.registrations {
            env.zk().create_parents(&env.path(&format!("{parent}/any")));
        }
        let settings = folder.join("conf");
        fs::create_dir(&settings).unwrap();
        let text = folder.path().to_str().unwrap().to_owned();
        let place = Place {
            env,
            port,
            folder: &text,
            session,
        };
        for (name, content) in (release.settings)(&place) {
            fs::write(format!("{settings}/{name}"), content).unwrap();
        }
        // Relative paths in its settings lead below its own folder, and it writes its log to its
        // output.
        let mut command = ["env", "-C", &text, "DOCKER=true"]
            .map(str::to_owned)
            .to_vec();
        command.push(format!("PATH={}:/usr/bin:/bin", without_sudo(&folder)));
        // A worker writes a task's script and executes it. A process that it starts for another task
        // meanwhile has the script open for writing as well, until it closes everything: "Text file
        // busy", and the task fails. The usual way to start one is an executable in between.
        let java = "java -Xmx320m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC \
                    -Djdk.lang.Process.launchMechanism=VFORK"
            .split_whitespace();
        command.extend(java.map(str::to_owned));
        command.extend(release.java.iter().map(|&argument| argument.to_owned()));
        let hidden = release.hidden[kind as usize];
        let ours = if release.old_zookeeper {
            host_provider(jars)
        } else {
            settings.clone()
        };
        let theirs = installed.settings[kind as usize]
            .as_ref()
            .unwrap_or(&settings);
        let jars: Vec<String> = [jars]
            .into_iter()
            .chain(&installed.plugins)
            .map(|folder| class_path(folder, hidden))
            .collect();
        command.extend([
            "-cp".to_owned(),
            format!("{settings}:{ours}:{theirs}:{}", jars.join(":")),
        ]);
        command.push(release.main[kind as usize].to_owned());
        let process = Guarded::spawn(folder.path(), "TERM", &command);
        let (registry, parent) = (release.registry, release.registrations[kind as usize]);
        let ready = release.ready.filter(|_| kind == Kind::Worker);
        Self {
            process,
            folder,
            port,
            registry,
            parent,
            ready,
            since: Instant::now(),
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// All that it has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Waits until it is registered, under an address that it chooses itself, and can do its work.
    pub fn registered(mut self, env: &Env) -> Server {
        let end = format!(":{}", self.port);
        loop {
            let is_ready = self.ready.is_none_or(|text| self.log().contains(text));
            if let Some(node) = self
                .registry
                .find(env, self.parent, &end)
                .filter(|_| is_ready)
            {
                let address = node.rsplit('/').next().unwrap().to_owned();
                return Server {
                    process: self.process,
                    folder: self.folder,
                    address,
                    node,
                };
            }
            let state = if !self.process.is_running() {
                "ended"
            } else if self.since.elapsed() > START {
                "does not register"
            } else {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            let pid = self.process.pid().to_string();
            let threads = Command::new("jstack")
                .arg(pid)
                .output()
                .map(|output| output.stdout)
                .unwrap_or_default();
            let threads = String::from_utf8_lossy(&threads).into_owned();
            let main: Vec<&str> = threads
                .split("\n\n")
                .filter(|thread| thread.contains("dolphinscheduler"))
                .collect();
            panic!(
                "{} {state}:\n{}\n{}",
                self.parent,
                self.folder.log_tail(),
                main.join("\n\n")
            );
        }
    }
}

/// Workers of 1.x run every task through `sudo -u`, for the tenant: here that is the user who runs
/// the tests in any case, and no machine has to have `sudo` for that.
fn without_sudo(folder: &Folder) -> String {
    use std::os::unix::fs::PermissionsExt;
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    let sudo = format!("{programs}/sudo");
    fs::write(
        &sudo,
        "#!/bin/sh\n[ \"$1\" = -u ] && shift 2\nexec \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    programs
}

/// The client of ZooKeeper 3.4 finds no server on a newer Java machine: one class of it is
/// replaced.
fn host_provider(jars: &str) -> String {
    java::compile(
        &["StaticHostProvider.java"],
        &format!("{jars}/*"),
        "classes-host-provider",
    )
}

/// Whether a file of this name is a jar.
pub fn is_jar(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "jar")
}

/// All jars of a folder but the hidden ones, always in the same order.
fn class_path(folder: &str, hidden: &[&str]) -> String {
    let mut jars: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| is_jar(name) && !hidden.iter().any(|start| name.starts_with(start)))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    jars.sort();
    jars.join(":")
}

impl Server {
    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.end("KILL");
    }

    /// Stops the process without a word to anybody.
    pub fn freeze(&mut self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.process.signal("CONT");
    }

    /// All that it has written, for the reader of a failed test.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The end of that.
    pub fn log_tail(&self) -> String {
        self.folder.log_tail()
    }
}
