//! A proxy between the program and a server, which breaks what a test wants broken.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::ports::free_port;
use super::wait::{runtime, wait, wait_at_most};

/// What to do once a client has sent certain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Keep them back and everything after them, until [`Proxy::go_on`].
    Hold,
    /// Cut the connection; the server never sees them.
    Cut,
    /// Pass them on, swallow the server's answer and cut the connection.
    SwallowAnswer,
    /// As before, one message later: these bytes prepare a statement, and it is its execution whose
    /// answer gets lost.
    SwallowNextAnswer,
}

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Each piece waits so long, in both directions.
    Delay(Duration),
    /// Connections stay open and nothing moves: a half-open connection, as after a lost network.
    BlackHole,
    /// The same for the server; the clients' connections have ended.
    Severed,
}

/// State that all connections share.
#[derive(Debug)]
struct Shared {
    /// The server's port.
    target: AtomicU16,
    mode: watch::Sender<Mode>,
    /// What serves each connection.
    connections: Mutex<Vec<JoinHandle<()>>>,
    trap: Mutex<Option<(Vec<u8>, At)>>,
    sprung: watch::Sender<u64>,
    held: watch::Sender<bool>,
    accepted: watch::Sender<u64>,
}

/// A proxy on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<Listener>,
}

/// What takes connections.
#[derive(Debug)]
struct Listener {
    task: JoinHandle<()>,
    /// Its socket once more. Closing does not end it at once: whoever starts a process at that moment
    /// has a copy of it for as long as that takes.
    socket: std::net::TcpStream,
}

impl Listener {
    fn shut(self) {
        // It may have ended by itself.
        _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.task.abort();
        _ = wait(self.task);
    }
}

/// So often another process may be quicker.
const PORTS_TRIED: usize = 10;

impl Proxy {
    /// A proxy before the server at this port.
    pub fn to(target: u16) -> Self {
        let shared = Shared {
            target: AtomicU16::new(target),
            mode: watch::Sender::new(Mode::Pass),
            connections: Mutex::new(Vec::new()),
            trap: Mutex::new(None),
            sprung: watch::Sender::new(0),
            held: watch::Sender::new(false),
            accepted: watch::Sender::new(0),
        };
        // Another process may take a free port before we do.
        let listener =
            std::iter::repeat_with(|| wait(TcpListener::bind(("127.0.0.1", free_port()))))
                .take(PORTS_TRIED)
                .find_map(Result::ok)
                .expect("a port that nobody takes before us");
        let port = listener.local_addr().unwrap().port();
        let mut proxy = Self {
            port,
            shared: Arc::new(shared),
            listener: None,
        };
        proxy.accept_on(listener);
        proxy
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Passes everything, from now on; what was kept in a black hole arrives.
    pub fn pass(&self) {
        self.shared.mode.send_replace(Mode::Pass);
    }

    /// Every piece waits so long, in each direction.
    pub fn delay(&self, time: Duration) {
        self.shared.mode.send_replace(Mode::Delay(time));
    }

    /// Nothing moves, and nobody is told.
    pub fn black_hole(&self) {
        self.shared.mode.send_replace(Mode::BlackHole);
    }

    /// As [`Proxy::black_hole`], but the clients are told: their connections end, and new ones at
    /// once. The server notices nothing.
    pub fn sever(&self) {
        self.shared.mode.send_replace(Mode::Severed);
    }

    /// Ends every connection there is: when it returns, none passes a byte any more. New ones are
    /// taken.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut *self.shared.connections.lock().unwrap());
        for connection in connections {
            connection.abort();
            let _ = wait(connection);
        }
    }

    /// Ends every connection and refuses new ones until [`Proxy::listen`].
    pub fn refuse(&mut self) {
        self.refuse_new();
        self.cut();
    }

    /// Refuses new connections until [`Proxy::listen`]; those there are go on.
    pub fn refuse_new(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.shut();
        }
    }

    /// Takes connections, again.
    pub fn listen(&mut self) {
        let listener = wait(TcpListener::bind(("127.0.0.1", self.port))).unwrap();
        self.accept_on(listener);
    }

    /// Leads every connection to another server from now on; those there are end.
    pub fn lead_to(&self, target: u16) {
        self.lead_new_to(target);
        self.cut();
    }

    /// Leads new connections to another server; those there are go on.
    pub fn lead_new_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    fn accept_on(&mut self, listener: TcpListener) {
        let socket = listener.as_fd().try_clone_to_owned().unwrap().into();
        let task = runtime().spawn(accept(listener, Arc::clone(&self.shared)));
        self.listener = Some(Listener { task, socket });
    }

    /// How many connections were taken so far.
    pub fn accepted(&self) -> u64 {
        *self.shared.accepted.borrow()
    }

    /// Waits for the `count`th connection.
    pub fn await_accepted(&self, count: u64) {
        let mut accepted = self.shared.accepted.subscribe();
        let waiting = accepted.wait_for(|accepted| *accepted >= count);
        wait_at_most(Duration::from_secs(20), "a connection", waiting).unwrap();
    }

    /// Springs once, when a client sends these bytes.
    pub fn trap(&self, bytes: &[u8], at: At) {
        *self.shared.trap.lock().unwrap() = Some((bytes.to_vec(), at));
    }

    /// Whether a trap has sprung.
    pub fn has_sprung(&self) -> bool {
        *self.shared.sprung.borrow() > 0
    }

    /// Waits until a trap has sprung.
    pub fn await_sprung(&self) {
        self.await_sprung_times(1);
    }

    /// Waits until traps have sprung so many times.
    pub fn await_sprung_times(&self, count: u64) {
        let mut sprung = self.shared.sprung.subscribe();
        wait_at_most(
            Duration::from_secs(30),
            "the trap",
            sprung.wait_for(|sprung| *sprung >= count),
        )
        .unwrap();
    }

    /// How many times traps have sprung.
    pub fn sprung(&self) -> u64 {
        *self.shared.sprung.borrow()
    }

    /// Passes on what [`At::Hold`] kept back.
    pub fn go_on(&self) {
        self.shared.held.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let target = shared.target.load(Ordering::SeqCst);
        let connection = tokio::spawn(serve(client, target, Arc::clone(&shared)));
        let mut connections = shared.connections.lock().unwrap();
        connections.retain(|connection| !connection.is_finished());
        connections.push(connection);
        drop(connections);
        shared.accepted.send_modify(|accepted| *accepted += 1);
    }
}

/// Serves one connection until one side ends it.
async fn serve(client: TcpStream, target: u16, shared: Arc<Shared>) {
    if *shared.mode.borrow() == Mode::Severed {
        return;
    }
    through(&shared).await;
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let swallow = watch::Sender::new(false);
    let mut mode = shared.mode.subscribe();
    tokio::select! {
        () = upwards(from_client, &mut to_server, &shared, &swallow) => return,
        () = downwards(&mut from_server, to_client, &shared, swallow.subscribe()) => return,
        _ = mode.wait_for(|mode| *mode == Mode::Severed) => {}
    }
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(1..) = from_server.read(&mut buffer).await {}
}

/// Waits as the mode wants it.
async fn through(shared: &Shared) {
    let mut mode = shared.mode.subscribe();
    let now = *mode.borrow();
    if let Mode::Delay(time) = now {
        tokio::time::sleep(time).await;
    }
    let _ = mode.wait_for(|mode| *mode != Mode::BlackHole).await;
}

async fn upwards(
    mut from: OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    shared: &Shared,
    swallow: &watch::Sender<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    // Bytes that a trap waits for may come in two pieces.
    let mut seen = Vec::new();
    let mut prepared = false;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen.extend_from_slice(&buffer[..length]);
        if prepared {
            swallow.send_replace(true);
        }
        match spring(shared, &seen) {
            Some(At::Cut) => {
                shared.sprung.send_modify(|sprung| *sprung += 1);
                return;
            }
            Some(At::Hold) => {
                shared.held.send_replace(true);
                shared.sprung.send_modify(|sprung| *sprung += 1);
                let _ = shared.held.subscribe().wait_for(|held| !held).await;
            }
            Some(At::SwallowAnswer) => _ = swallow.send_replace(true),
            Some(At::SwallowNextAnswer) => prepared = true,
            None => {}
        }
        through(shared).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        seen.drain(..seen.len().saturating_sub(unfinished(shared)));
    }
}

async fn downwards(
    from: &mut OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    swallow: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if *swallow.borrow() {
            shared.sprung.send_modify(|sprung| *sprung += 1);
            return;
        }
        through(shared).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// How many bytes may be the beginning of what a trap waits for.
fn unfinished(shared: &Shared) -> usize {
    shared
        .trap
        .lock()
        .unwrap()
        .as_ref()
        .map_or(0, |(bytes, _)| bytes.len().saturating_sub(1))
}

/// The trap, if these bytes spring it; it is then gone.
fn spring(shared: &Shared, seen: &[u8]) -> Option<At> {
    let mut trap = shared.trap.lock().unwrap();
    let (bytes, at) = trap.as_ref()?;
    let at = seen
        .windows(bytes.len())
        .any(|window| window == bytes)
        .then_some(*at)?;
    *trap = None;
    Some(at)
}
