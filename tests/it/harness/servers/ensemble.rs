//! Three ZooKeeper servers that form one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::ports::free_port;
use super::super::proxy::Proxy;
use super::super::wait::eventually;
use super::Server;
use super::zookeeper::{Release, classpath, command, configuration, four_letters};

/// How many, and so how many may be missing: one.
const SERVERS: usize = 3;

/// How long an election may take.
const ELECTION: Duration = Duration::from_secs(30);

/// Ticks that a follower may be silent, or behind.
const SYNC_LIMIT: u32 = 6;

/// The same for one whose link is slow on purpose: half a minute.
const SLOW_SYNC_LIMIT: u32 = 60;

/// The same where a leader is to take followers for alive that are not his any more: two minutes.
const LONG_SYNC_LIMIT: u32 = 240;

/// The place of the follower that lags behind. The smallest number among equals leads nowhere.
const LAGGARD: usize = 0;

/// An ensemble of a test's own. Its servers are known by their places: 0, 1 and 2.
#[derive(Debug)]
pub struct Ensemble {
    servers: Vec<Server>,
    /// What lies between two servers, as the first one sees the second, where anything does: where
    /// followers speak with a leader, and where all elect one.
    links: BTreeMap<(usize, usize), [Proxy; 2]>,
}

impl Ensemble {
    /// Starts all and waits until they have a leader.
    pub fn private() -> Self {
        Self::start_all(SYNC_LIMIT, |_| false)
    }

    /// As [`Ensemble::private`]; the first server follows, and its link to the leader can be made
    /// slow: see [`Ensemble::lag`].
    pub fn with_slow_link() -> Self {
        let ensemble = Self::start_all(SLOW_SYNC_LIMIT, |follower| follower == LAGGARD);
        assert_ne!(
            ensemble.leader(),
            LAGGARD,
            "the smallest number was elected"
        );
        ensemble
    }

    /// As [`Ensemble::private`]; the leader can be cut off: see [`Ensemble::depose`].
    pub fn with_links() -> Self {
        Self::start_all(LONG_SYNC_LIMIT, |_| true)
    }

    /// `is_linked` says which followers reach a leader through a proxy alone.
    fn start_all(sync_limit: u32, is_linked: impl Fn(usize) -> bool) -> Self {
        let classpath = classpath(Release::Debian).unwrap_or_else(|error| panic!("{error}"));
        // Between themselves they speak on two further ports each: followers with the leader, and
        // for elections.
        let ports: Vec<[u16; 2]> = (0..SERVERS).map(|_| [free_port(), free_port()]).collect();
        let pairs = (0..SERVERS).flat_map(|from| (0..SERVERS).map(move |to| (from, to)));
        let linked = pairs.filter(|(from, to)| from != to && is_linked(*from));
        let links: BTreeMap<(usize, usize), [Proxy; 2]> = linked
            .map(|(from, to)| ((from, to), ports[to].map(Proxy::to)))
            .collect();
        let seen_from = |from: usize| {
            let server_of = |place: usize| {
                let links = links.get(&(from, place));
                let [port, election] =
                    links.map_or(ports[place], |links| [links[0].port(), links[1].port()]);
                format!("server.{}=127.0.0.1:{port}:{election}", place + 1)
            };
            (0..SERVERS).map(server_of).collect::<Vec<_>>().join("\n")
        };
        let servers = (0..SERVERS)
            .map(|place| member(place + 1, &seen_from(place), sync_limit, &classpath))
            .collect::<Vec<_>>();
        let mut ensemble = Self { servers, links };
        ensemble.servers.iter_mut().for_each(Server::spawn);
        for server in &mut ensemble.servers {
            server
                .await_answer()
                .unwrap_or_else(|error| panic!("{error}"));
        }
        ensemble.await_leader();
        ensemble
    }

    /// Whatever the leader and the follower behind the slow link say to each other takes so long
    /// from now on, each way. So that follower shows what was true that long ago.
    pub fn lag(&self, time: Duration) {
        assert!(!self.links.is_empty(), "this ensemble has no slow link");
        self.links.values().for_each(|[link, _]| link.delay(time));
    }

    /// The leader is cut off from both followers without noticing it, and they have elected another
    /// one when this returns. The old one answers its clients' reads, and `sync`, as before.
    pub fn depose(&self) {
        let old = self.leader();
        let cut_off = || {
            self.links
                .iter()
                .filter(|((from, to), _)| *from == old || *to == old)
        };
        // Who hears that the old one leads goes back to it.
        cut_off().for_each(|(_, [_, election])| election.sever());
        cut_off().for_each(|(_, [link, _])| link.sever());
        eventually(ELECTION, "another leader", || {
            let leaders = self.of_mode("leader");
            if leaders.contains(&old) && leaders.len() == 2 {
                Ok(())
            } else {
                Err((old, leaders))
            }
        });
    }

    /// The followers, as clients take them.
    pub fn at_followers(&self) -> String {
        let hosts = self
            .followers()
            .into_iter()
            .map(|place| format!("127.0.0.1:{}", self.servers[place].port));
        hosts.collect::<Vec<_>>().join(",")
    }

    /// The follower behind the slow link, as clients take it.
    pub fn laggard(&self) -> String {
        format!("127.0.0.1:{}", self.servers[LAGGARD].port)
    }

    /// The leader, as clients take it.
    pub fn at_leader(&self) -> String {
        format!("127.0.0.1:{}", self.servers[self.leader()].port)
    }

    /// Every server, as clients take it.
    pub fn connect_string(&self) -> String {
        let hosts: Vec<String> = self
            .servers
            .iter()
            .map(|server| format!("127.0.0.1:{}", server.port))
            .collect();
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
        let running = self
            .servers
            .iter()
            .filter(|server| server.process.is_some())
            .count();
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
                && four_letters(server.port, "srvr")
                    .is_ok_and(|answer| answer.contains(&format!("Mode: {mode}")))
        };
        (0..self.servers.len())
            .filter(|place| is(&self.servers[*place]))
            .collect()
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

fn member(number: usize, members: &str, sync_limit: u32, classpath: &str) -> Server {
    let mut server = Server::new("zookeeper", "TERM", probe);
    let (config, data) = (server.folder.join("zoo.cfg"), server.folder.join("data"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(format!("{data}/myid"), number.to_string()).unwrap();
    // What is set twice counts as it is set last: an election on a busy machine outlasts the others'
    // longest session, and the transaction that waits for it.
    std::fs::write(
        &config,
        format!(
            "{}maxSessionTimeout=900000\ninitLimit=20\nsyncLimit={sync_limit}\n{members}\n",
            configuration(&server)
        ),
    )
    .unwrap();
    server.command = command(
        classpath,
        &config,
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    );
    server
}

fn probe(port: u16) -> Result<(), String> {
    match four_letters(port, "srvr") {
        Ok(answer) if answer.contains("Mode: ") => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}
