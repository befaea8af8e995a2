//! A stand-in for what routes MySQL's protocol between a client and its servers: ProxySQL, MySQL
//! Router and MaxScale, none of which Debian or Maven has. Both servers behind it are real ones; it
//! reads packets, decides which of them gets each command, and refuses what those refuse, in their
//! words.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::ports::free_port;
use super::wait::{runtime, wait};
use super::{MariaDb, mariadb_user};

/// What it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MySQL Router 8.2 and newer with `access_mode=auto`, MaxScale's `readwritesplit`, ProxySQL
    /// with a rule for what begins with SELECT: such a statement goes to the replica unless a
    /// transaction is open that may write; a transaction that is begun READ ONLY goes there as a
    /// whole.
    Split,
    /// The same with MySQL Router's `connection_sharing=1`, which such a Router needs and which
    /// forbids several statements in one text.
    Router,
    /// ProxySQL with `transaction_persistent=0`: within transactions, too. What locks rows goes to
    /// the primary.
    SplitInside,
    /// ProxySQL with two groups of hosts: who sends it several statements with a SET among them
    /// stays with the group that got them, and is refused what the rules lead to the other one.
    ProxySql,
    /// ProxySQL with one server and a rule with `cache_ttl` for what begins with SELECT: an answer
    /// is given again to who asks the same within twenty seconds.
    Cache,
    /// A pool that gives a server's connection to the next client as the last one has left it, as
    /// ShardingSphere-Proxy does.
    Pool,
}

/// How long ProxySQL's rule keeps an answer.
const KEPT: Duration = Duration::from_secs(20);

/// Bits of what a server and a client can do.
const SSL: u32 = 1 << 11;
const COMPRESS: u32 = 1 << 5;

const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;
const COM_PREPARE: u8 = 22;
const COM_EXECUTE: u8 = 23;
const COM_CLOSE: u8 = 25;

/// Statements prepared by the replica get this bit in their number, so that they are told from
/// those of the primary.
const OF_REPLICA: u8 = 0x40;

/// Answers that were given, with their time.
type Answers = Mutex<HashMap<Vec<u8>, (Instant, Vec<u8>)>>;

/// Connections to both servers, with what these said when they were made.
struct Backend {
    streams: [TcpStream; 2],
    greeting: Vec<u8>,
    welcome: Vec<u8>,
}

/// What all connections share.
#[derive(Default)]
struct Shared {
    answers: Answers,
    /// What clients of a pool have left.
    free: Mutex<Vec<Backend>>,
}

/// One of a test's own. It ends with the value.
#[derive(Debug)]
pub struct Between {
    port: u16,
    listener: JoinHandle<()>,
}

impl Between {
    /// Stands before these servers; the second one has an older state. The test user may connect to
    /// it with any password.
    pub fn new(kind: Kind, primary: &MariaDb, replica: &MariaDb) -> Self {
        let servers = [primary, replica].map(|server| {
            server.sql("", mariadb_user());
            server.port()
        });
        let listener = wait(TcpListener::bind(("127.0.0.1", free_port()))).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            port,
            listener: runtime().spawn(accept(listener, kind, servers)),
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, kind: Kind, servers: [u16; 2]) {
    let shared = Arc::new(Shared::default());
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        runtime().spawn(async move { serve(client, kind, servers, &shared).await });
    }
}

/// A packet with its head.
async fn packet(from: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet).await.ok()?;
    let length =
        usize::from(packet[0]) | usize::from(packet[1]) << 8 | usize::from(packet[2]) << 16;
    packet.resize(4 + length, 0);
    from.read_exact(&mut packet[4..]).await.ok()?;
    Some(packet)
}

fn framed(number: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], body].concat()
}

/// The server's greeting, without the offer of encryption.
fn without_tls(mut greeting: Vec<u8>) -> Vec<u8> {
    let version_end = 5 + greeting[5..].iter().position(|byte| *byte == 0).unwrap();
    // The thread's number, half of the nonce and a zero come before what the server can do.
    let place = version_end + 1 + 4 + 8 + 1;
    let can = u16::from_le_bytes([greeting[place], greeting[place + 1]]);
    let can = can & !u16::try_from(SSL | COMPRESS).unwrap();
    greeting[place..place + 2].copy_from_slice(&can.to_le_bytes());
    greeting
}

/// What a client says of itself, as one who has no password.
fn without_password(login: &[u8]) -> Vec<u8> {
    let texts = &login[36..];
    let user = texts.iter().position(|byte| *byte == 0).unwrap();
    let rest = &texts[user + 1..];
    let rest = &rest[1 + usize::from(rest[0])..];
    let database = rest.iter().position(|byte| *byte == 0).unwrap();
    let body = [
        &login[4..36],
        super::BETWEEN.as_bytes(),
        &[0, 0],
        &rest[..=database],
        b"mysql_native_password\0",
    ]
    .concat();
    framed(1, &body)
}

/// Gives a client connections that another one has left, or logs on to both servers as it wants it.
async fn log_on(client: &mut TcpStream, servers: [u16; 2], shared: &Shared) -> Option<Backend> {
    client.set_nodelay(true).ok()?;
    let free = shared.free.lock().unwrap().pop();
    if let Some(backend) = free {
        client.write_all(&backend.greeting).await.ok()?;
        packet(client).await?;
        client.write_all(&backend.welcome).await.ok()?;
        return Some(backend);
    }
    let mut primary = TcpStream::connect(("127.0.0.1", servers[0])).await.ok()?;
    let mut replica = TcpStream::connect(("127.0.0.1", servers[1])).await.ok()?;
    let greeting = without_tls(packet(&mut primary).await?);
    packet(&mut replica).await?;
    client.write_all(&greeting).await.ok()?;
    let login = without_password(&packet(client).await?);
    for server in [&mut primary, &mut replica] {
        server.write_all(&login).await.ok()?;
    }
    let welcome = packet(&mut primary).await?;
    assert_eq!(
        packet(&mut replica).await?[4],
        0,
        "the replica lets nobody in"
    );
    client.write_all(&welcome).await.ok()?;
    for stream in [&primary, &replica] {
        stream.set_nodelay(true).ok()?;
    }
    Some(Backend {
        streams: [primary, replica],
        greeting,
        welcome,
    })
}

/// Where the answers of one connection's commands go.
struct Link {
    client: tokio::sync::Mutex<OwnedWriteHalf>,
    /// All that came since the last command.
    heard: Mutex<Vec<u8>>,
    /// Whether the answer that comes is that to a PREPARE.
    prepares: watch::Sender<bool>,
}

async fn serve(mut client: TcpStream, kind: Kind, servers: [u16; 2], shared: &Shared) {
    let Some(Backend {
        streams: [primary, replica],
        greeting,
        welcome,
    }) = log_on(&mut client, servers, shared).await
    else {
        return;
    };
    let ((mut from_client, to_client), (mut from_primary, to_primary)) =
        (client.into_split(), primary.into_split());
    let (mut from_replica, to_replica) = replica.into_split();
    let mut to = [to_primary, to_replica];
    let link = Link {
        client: tokio::sync::Mutex::new(to_client),
        heard: Mutex::default(),
        prepares: watch::Sender::new(false),
    };
    let has_quit = tokio::select! {
        has_quit = upwards(&mut from_client, &mut to, kind, &link, &shared.answers) => has_quit,
        () = downwards(&mut from_primary, 0, &link) => false,
        () = downwards(&mut from_replica, OF_REPLICA, &link) => false,
    };
    if has_quit && kind == Kind::Pool {
        let [to_primary, to_replica] = to;
        let streams = [
            from_primary.reunite(to_primary).unwrap(),
            from_replica.reunite(to_replica).unwrap(),
        ];
        shared.free.lock().unwrap().push(Backend {
            streams,
            greeting,
            welcome,
        });
    }
}

/// A client waits for an answer before it asks again, so whatever comes is the answer to its last
/// command.
async fn downwards(from: &mut OwnedReadHalf, mark: u8, link: &Link) {
    while let Some(mut packet) = packet(from).await {
        if link.prepares.send_replace(false) && packet[4] == 0 {
            packet[8] |= mark;
        }
        link.heard.lock().unwrap().extend_from_slice(&packet);
        if link.client.lock().await.write_all(&packet).await.is_err() {
            return;
        }
    }
}

/// What is known of a connection.
#[derive(Default)]
struct State {
    /// In a transaction that may write, or in one that reads.
    writes: bool,
    reads: bool,
    /// ProxySQL's `locked_on_hostgroup`.
    is_locked: bool,
    /// Texts by the numbers of what was prepared last.
    prepared: HashMap<[u8; 4], Vec<u8>>,
    /// The text whose number is not known yet, and the question whose answer is not whole yet.
    preparing: Option<Vec<u8>>,
    asked: Option<Vec<u8>>,
}

/// Gives whether the client has said goodbye.
async fn upwards(
    from: &mut OwnedReadHalf,
    to: &mut [OwnedWriteHalf; 2],
    kind: Kind,
    link: &Link,
    answers: &Answers,
) -> bool {
    let mut state = State::default();
    while let Some(mut packet) = packet(from).await {
        let heard = std::mem::take(&mut *link.heard.lock().unwrap());
        if let Some(text) = state.preparing.take()
            && let Some(number) = heard.get(5..9).filter(|_| heard[4] == 0)
        {
            state.prepared.insert(number.try_into().unwrap(), text);
        }
        if let Some(asked) = state.asked.take() {
            answers
                .lock()
                .unwrap()
                .insert(asked, (Instant::now(), heard));
        }
        let command = packet[4];
        if command == COM_QUIT {
            return true;
        }
        let text = match command {
            COM_QUERY | COM_PREPARE => String::from_utf8_lossy(&packet[5..]).trim().to_owned(),
            _ => String::new(),
        };
        let refusal = refusal(kind, &mut state, &text);
        if let Some(refusal) = refusal {
            if link
                .client
                .lock()
                .await
                .write_all(&framed(1, &refusal))
                .await
                .is_err()
            {
                return false;
            }
            continue;
        }
        if kind == Kind::Cache
            && let Some(question) = question(&state, &packet, &text)
        {
            let known = answers
                .lock()
                .unwrap()
                .get(&question)
                .filter(|(at, _)| at.elapsed() < KEPT)
                .cloned();
            if let Some((_, answer)) = known {
                if link.client.lock().await.write_all(&answer).await.is_err() {
                    return false;
                }
                continue;
            }
            state.asked = Some(question);
        }
        let to_replica = match command {
            COM_EXECUTE | COM_CLOSE => {
                let by_replica = packet[8] & OF_REPLICA != 0;
                packet[8] &= !OF_REPLICA;
                by_replica
            }
            _ => goes_to_replica(kind, &mut state, &text),
        };
        if command == COM_PREPARE {
            link.prepares.send_replace(true);
            state.preparing = Some(text.into_bytes());
        }
        if to[usize::from(to_replica)]
            .write_all(&packet)
            .await
            .is_err()
        {
            return false;
        }
    }
    false
}

/// What an answer is kept for: the text, and its parameters.
fn question(state: &State, packet: &[u8], text: &str) -> Option<Vec<u8>> {
    match packet[4] {
        COM_QUERY if is_select(text) => Some(text.as_bytes().to_vec()),
        COM_EXECUTE => {
            let number: [u8; 4] = packet[5..9].try_into().unwrap();
            let text = state
                .prepared
                .get(&number)
                .filter(|text| is_select(&String::from_utf8_lossy(text)))?;
            Some([text, &packet[9..]].concat())
        }
        _ => None,
    }
}

fn is_select(text: &str) -> bool {
    text.trim_start_matches('(')
        .to_uppercase()
        .starts_with("SELECT")
}

fn locks_rows(text: &str) -> bool {
    let text = text.to_uppercase();
    text.contains("FOR UPDATE") || text.contains("LOCK IN SHARE MODE")
}

fn statements(text: &str) -> impl Iterator<Item = String> {
    text.split(';')
        .map(|statement| statement.trim().to_uppercase())
        .filter(|statement| !statement.is_empty())
}

/// Follows the transactions, and says whether the replica gets a text.
fn goes_to_replica(kind: Kind, state: &mut State, text: &str) -> bool {
    for statement in statements(text) {
        if statement.starts_with("BEGIN") || statement.starts_with("START TRANSACTION") {
            state.reads = statement.contains("READ ONLY")
                && kind != Kind::SplitInside
                && kind != Kind::ProxySql;
            state.writes = !state.reads;
        } else if statement.starts_with("COMMIT") || statement.starts_with("ROLLBACK") {
            let reads = std::mem::take(&mut state.reads);
            state.writes = false;
            if reads {
                return true;
            }
        }
    }
    let reads = is_select(text) && !locks_rows(text);
    match kind {
        Kind::Cache | Kind::Pool => false,
        Kind::SplitInside => reads,
        _ => state.reads || (reads && !state.writes),
    }
}

/// Why it does not pass this text on.
fn refusal(kind: Kind, state: &mut State, text: &str) -> Option<Vec<u8>> {
    let (number, sql_state, words) = match kind {
        Kind::Router if statements(text).count() > 1 => (
            4501_u16,
            "HY000",
            "Multi-Statements are forbidden if connection-sharing is enabled.",
        ),
        Kind::ProxySql => {
            let sets = text.to_uppercase().starts_with("SET ");
            // What it cannot parse: several statements, and a value that is no literal.
            state.is_locked |= sets && (statements(text).count() > 1 || text.contains('('));
            let to_other = is_select(text) && !locks_rows(text) && !state.writes;
            if !(state.is_locked && to_other) {
                return None;
            }
            let words = "ProxySQL Error: connection is locked to hostgroup 0 but trying to reach hostgroup 1";
            (9006, "Y0000", words)
        }
        _ => return None,
    };
    Some(
        [
            &[0xff][..],
            &number.to_le_bytes(),
            b"#",
            sql_state.as_bytes(),
            words.as_bytes(),
        ]
        .concat(),
    )
}
