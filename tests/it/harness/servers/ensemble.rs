//! Three ZooKeeper servers that form one.

use std::time::Duration;

use super::super::ports::free_port;
use super::super::wait::eventually;
use super::Server;
use super::zookeeper::{Release, classpath, command, configuration, four_letters};

/// How many, and so how many may be missing: one.
const SERVERS: usize = 3;

/// How long an election may take.
const ELECTION: Duration = Duration::from_secs(30);

/// An ensemble of a test's own. Its servers are known by their places: 0, 1 and 2.
#[derive(Debug)]
pub struct Ensemble {
    servers: Vec<Server>,
}

impl Ensemble {
    /// Starts all and waits until they have a leader.
    pub fn private() -> Self {
        let classpath = classpath(Release::Debian).unwrap_or_else(|error| panic!("{error}"));
        // Between themselves they speak on two further ports each.
        let member_line = |number| format!("server.{number}=127.0.0.1:{}:{}", free_port(), free_port());
        let members = (1..=SERVERS).map(member_line).collect::<Vec<_>>().join("\n");
        let servers = (1..=SERVERS).map(|number| member(number, &members, &classpath)).collect();
        let mut ensemble = Self { servers };
        ensemble.servers.iter_mut().for_each(Server::spawn);
        for server in &mut ensemble.servers {
            server.await_answer().unwrap_or_else(|error| panic!("{error}"));
        }
        ensemble.await_leader();
        ensemble
    }

    /// Every server, as clients take it.
    pub fn connect_string(&self) -> String {
        let hosts: Vec<String> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        hosts.join(",")
    }

    /// Which one leads.
    pub fn leader(&self) -> usize {
        self.of_mode("leader").first().copied().expect("a leader")
    }

    /// Which ones follow.
    pub fn followers(&self) -> Vec<usize> {
        self.of_mode("follower")
    }

    /// Waits until there is one that leads, and all others that run follow it.
    pub fn await_leader(&self) -> usize {
        let running = self.servers.iter().filter(|server| server.process.is_some()).count();
        eventually(ELECTION, "a leader", || {
            let (leaders, followers) = (self.of_mode("leader"), self.of_mode("follower"));
            if leaders.len() == 1 && followers.len() + 1 == running {
                Ok(leaders[0])
            } else {
                Err((leaders, followers))
            }
        })
    }

    fn of_mode(&self, mode: &str) -> Vec<usize> {
        let is = |server: &Server| {
            server.process.is_some()
                && four_letters(server.port, "srvr").is_ok_and(|answer| answer.contains(&format!("Mode: {mode}")))
        };
        (0..self.servers.len()).filter(|place| is(&self.servers[*place])).collect()
    }

    /// `kill -9` of one.
    pub fn kill(&mut self, place: usize) {
        self.servers[place].end("KILL");
    }

    /// Starts one again; whether it answers depends on the others.
    pub fn start(&mut self, place: usize) {
        self.servers[place].spawn();
    }
}

fn member(number: usize, members: &str, classpath: &str) -> Server {
    let mut server = Server::new("zookeeper", "TERM", probe);
    let (config, data) = (server.folder.join("zoo.cfg"), server.folder.join("data"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(format!("{data}/myid"), number.to_string()).unwrap();
    std::fs::write(&config, format!("{}initLimit=20\nsyncLimit=6\n{members}\n", configuration(&server))).unwrap();
    server.command = command(classpath, &config, "org.apache.zookeeper.server.quorum.QuorumPeerMain");
    server
}

fn probe(port: u16) -> Result<(), String> {
    match four_letters(port, "srvr") {
        Ok(answer) if answer.contains("Mode: ") => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}
