//! ZooKeeper.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::super::{java, zk};
use super::{Server, private_server};

/// A ZooKeeper server of one's own.
#[derive(Debug)]
pub struct ZooKeeper {
    server: Server,
}

/// Which release of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Debian's, 3.8 or newer.
    Debian,
    /// 3.4.14, the server of DolphinScheduler 1.x to 3.0: it knows no container nodes.
    V3_4,
    /// The newest 3.9.
    V3_9,
}

private_server!(ZooKeeper);

impl ZooKeeper {
    fn start_new() -> Result<Self, String> {
        Self::start_release(Release::Debian)
    }

    /// One of another release for this test alone; `Err` says why that cannot be had here.
    pub fn of_release(release: Release) -> Result<Self, String> {
        classpath(release)?;
        Ok(Self::start_release(release).unwrap_or_else(|error| panic!("{error}")))
    }

    /// One of a test's own, with further lines in its configuration.
    pub fn with_settings(lines: &str) -> Self {
        Self::start_with(Release::Debian, lines).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One of a test's own that lets nobody in without a login with SASL; `users` are names and
    /// passwords. The tests' own clients log in as [`zk::SASL`].
    pub fn demanding_sasl(users: &[(&str, &str)]) -> Self {
        let mut server = Self::start_new().unwrap_or_else(|error| panic!("{error}"));
        server.stop();
        server.demand_sasl(users);
        server.start();
        server
    }

    /// From the next start on it lets nobody in without a login with SASL.
    fn demand_sasl(&mut self, users: &[(&str, &str)]) {
        let users: Vec<String> = users
            .iter()
            .chain([&zk::SASL])
            .map(|(user, password)| format!("user_{user}=\"{password}\""))
            .collect();
        self.log_in_with(&format!(
            "org.apache.zookeeper.server.auth.DigestLoginModule required\n{};",
            users.join("\n")
        ));
        self.add_settings("sessionRequireClientSASLAuth=true\n");
        zk::log_in_at(&self.connect_string());
    }

    /// From the next start on it knows SASL, by this login module of its `jaas.conf`.
    pub fn log_in_with(&mut self, module: &str) {
        let jaas = self.server.folder.join("jaas.conf");
        std::fs::write(&jaas, format!("Server {{\n{module}\n}};\n")).unwrap();
        self.server
            .command
            .insert(1, format!("-Djava.security.auth.login.config={jaas}"));
        self.add_settings(
            "authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
        );
    }

    /// One of a test's own that takes logins with Kerberos, by the key in this file, and demands none.
    pub fn with_kerberos(profile: &str, principal: &str, keytab: &str) -> Self {
        let mut server = Self::start_new().unwrap_or_else(|error| panic!("{error}"));
        server.stop();
        server
            .server
            .command
            .insert(1, format!("-Djava.security.krb5.conf={profile}"));
        server.log_in_with(&format!(
            "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true useTicketCache=false\n\
             keyTab=\"{keytab}\" principal=\"{principal}\";"
        ));
        server.start();
        server
    }

    /// One of a test's own that also takes encrypted connections, at another port, which is given too.
    /// `store` is a PEM file with its certificate and key, `trusted` one with the authorities whose
    /// clients it lets in.
    pub fn with_tls(store: &str, trusted: &str) -> (Self, u16) {
        let port = super::free_port();
        let server = Self::with_settings(&format!(
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\nsecureClientPort={port}\n\
             secureClientPortAddress=127.0.0.1\nssl.keyStore.location={store}\nssl.trustStore.location={trusted}\n\
             authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n"
        ));
        Self::await_port(port);
        (server, port)
    }

    /// The port for TLS is opened after the other one, which is asked whether the server has started.
    pub fn await_port(port: u16) {
        super::super::wait::eventually(super::START, "the port for TLS", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .map(drop)
                .map_err(|error| error.to_string())
        });
    }

    fn start_release(release: Release) -> Result<Self, String> {
        Self::start_with(release, "")
    }

    fn start_with(release: Release, lines: &str) -> Result<Self, String> {
        let mut server = Server::new("zookeeper", "TERM", probe);
        let config = server.folder.join("zoo.cfg");
        std::fs::write(&config, configuration(&server) + lines)
            .map_err(|error| error.to_string())?;
        server.command = command(&classpath(release)?, &config, STANDALONE);
        server.start()?;
        Ok(Self { server })
    }

    /// `host:port`, as clients take it.
    pub fn connect_string(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Adds lines to its configuration, for the next start; of two lines the later one counts.
    pub fn add_settings(&self, lines: &str) {
        let file = self.server.folder.join("zoo.cfg");
        let settings = std::fs::read_to_string(&file).unwrap() + lines;
        std::fs::write(file, settings).unwrap();
    }

    /// Starts it again with an empty data folder.
    pub fn forget(&mut self) {
        self.stop();
        std::fs::remove_dir_all(self.server.folder.join("data")).unwrap();
        self.start();
    }

    /// Starts it again with another count of the children that a node has ever had, from which
    /// sequence numbers are taken.
    pub fn set_counter(&mut self, path: &str, count: i32) {
        self.stop();
        // It writes everything that it knows into a file when it starts.
        self.start();
        self.stop();
        let snapshots = std::fs::read_dir(self.server.folder.join("data/version-2")).unwrap();
        let newest = snapshots
            .map(|entry| entry.unwrap().path())
            .filter_map(|file| {
                let number = file.file_name()?.to_str()?.strip_prefix("snapshot.")?;
                Some((u64::from_str_radix(number, 16).ok()?, file.clone()))
            })
            .max();
        let file = newest.unwrap().1;
        let snapshot = std::fs::read(&file).unwrap();
        std::fs::write(&file, recounted(&snapshot, path, count)).unwrap();
        self.start();
    }

    /// The answer to a four-letter word, for example `srvr`.
    pub fn four_letters(&self, word: &str) -> String {
        four_letters(self.port(), word).unwrap()
    }

    /// One of its own counters.
    pub fn counter(&self, name: &str) -> u64 {
        let text = self.four_letters("mntr");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}\t")));
        line.and_then(|number| number.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }
}

/// Ticks of half a second: sessions can be as short as one second. One client in a thousand tests
/// must never be turned away, so their number has no limit.
pub(super) fn configuration(server: &Server) -> String {
    format!(
        "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\ntickTime=500\nminSessionTimeout=1000\n\
         maxSessionTimeout=120000\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n",
        server.folder.join("data"),
        server.port
    )
}

/// The program of one server by itself.
const STANDALONE: &str = "org.apache.zookeeper.server.ZooKeeperServerMain";

pub(super) fn command(classpath: &str, config: &str, program: &str) -> Vec<String> {
    let options = "java -Xmx192m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dzookeeper.forceSync=no \
                   -Dzookeeper.preAllocSize=1024 -Dznode.container.checkIntervalMs=500 \
                   -Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    let mut command: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    // The user `super:super` sees every node, so that whole trees can be compared.
    command.push(
        "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:gG7s8t3oDEtIqF6DM9LlI/R+9Ss="
            .to_owned(),
    );
    command.extend(["-cp".to_owned(), classpath.to_owned()]);
    command.extend([program.to_owned(), config.to_owned()]);
    command
}

pub(super) fn classpath(release: Release) -> Result<String, String> {
    match release {
        Release::Debian => java::debian(&[
            "zookeeper",
            "zookeeper-jute",
            "slf4j-simple",
            "snappy-java",
            "netty-handler",
            "netty-codec",
        ]),
        Release::V3_4 => java::maven("zookeeper-3.4"),
        Release::V3_9 => java::maven("zookeeper-3.9"),
    }
}

fn probe(port: u16) -> Result<(), String> {
    match four_letters(port, "srvr") {
        Ok(answer) if answer.contains("Mode: standalone") => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn four_letters(port: u16, word: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(word.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A snapshot in which a node has another count of children. Its parts end with the checksum of all
/// that stands before.
fn recounted(snapshot: &[u8], path: &str, count: i32) -> Vec<u8> {
    let mut name = u32::try_from(path.len()).unwrap().to_be_bytes().to_vec();
    name.extend(path.as_bytes());
    let found = snapshot.windows(name.len()).position(|part| part == name);
    // Behind the path stand data with its length, the access list's number, and what is counted.
    let data = found.unwrap() + name.len();
    let length = i32::from_be_bytes(snapshot[data..data + 4].try_into().unwrap());
    let counter = data + 4 + usize::try_from(length.max(0)).unwrap() + 8 + 4 * 8 + 4;
    let mut changed = snapshot.to_vec();
    changed[counter..counter + 4].copy_from_slice(&count.to_be_bytes());
    let (mut before, mut after) = (Adler::default(), Adler::default());
    for place in 0..snapshot.len() {
        if snapshot[place..].starts_with(&before.bytes()) {
            changed[place..place + 8].copy_from_slice(&after.bytes());
        }
        before.take(snapshot[place]);
        after.take(changed[place]);
    }
    changed
}

/// The checksum Adler-32.
struct Adler(u64, u64);

impl Default for Adler {
    fn default() -> Self {
        Self(1, 0)
    }
}

impl Adler {
    fn take(&mut self, byte: u8) {
        self.0 = (self.0 + u64::from(byte)) % 65_521;
        self.1 = (self.1 + self.0) % 65_521;
    }

    fn bytes(&self) -> [u8; 8] {
        (self.1 << 16 | self.0).to_be_bytes()
    }
}
