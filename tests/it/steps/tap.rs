//! Taps: proxies that number the messages between the program and its servers, and strike at one of
//! them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wire::{Messages, Protocol, SessionKey, is_ping, is_told, words};
use crate::harness::{runtime, wait};

/// What a tap does at the point it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// Nothing moves on any connection until [`Points::go_on`] or [`Points::cut`].
    Hold,
    /// That connection ends.
    Cut,
}

/// What does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Nothing,
    Requests,
    Everything,
}

/// The points that all taps of one run pass, counted from one.
#[derive(Debug)]
pub struct Points {
    state: Mutex<State>,
    sprung: watch::Sender<bool>,
    held: watch::Sender<Held>,
    /// Grows with every [`Points::cut`]; older connections end.
    generation: watch::Sender<u64>,
    /// Open sessions with ZooKeeper: connections on which it has answered.
    sessions: watch::Sender<usize>,
    /// Connections of a program that have not ended.
    links: watch::Sender<usize>,
    /// All that there ever were, for [`Points::end_sessions`].
    begun: Mutex<Vec<SessionKey>>,
}

#[derive(Debug, Default)]
struct State {
    /// What was passed.
    passed: Vec<String>,
    strike: Option<(usize, Strike)>,
}

impl Points {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            sprung: watch::Sender::new(false),
            held: watch::Sender::new(Held::Nothing),
            generation: watch::Sender::new(0),
            sessions: watch::Sender::new(0),
            links: watch::Sender::new(0),
            begun: Mutex::default(),
        })
    }

    /// Begins to count anew, and strikes at this point.
    pub fn arm(&self, strike: Option<(usize, Strike)>) {
        *self.state.lock().unwrap() = State {
            passed: Vec::new(),
            strike,
        };
        self.sprung.send_replace(false);
        self.held.send_replace(Held::Nothing);
    }

    /// The points that were passed since, in words.
    pub fn passed(&self) -> Vec<String> {
        self.state.lock().unwrap().passed.clone()
    }

    /// Waits until the point is reached.
    pub async fn reached(&self) {
        _ = self.sprung.subscribe().wait_for(|sprung| *sprung).await;
    }

    /// Waits until the point is reached, or everything that the program has said was heard: it may
    /// end first.
    pub async fn heard(&self) {
        let mut links = self.links.subscribe();
        tokio::select! {
            () = self.reached() => {}
            _ = links.wait_for(|links| *links == 0) => {}
        }
    }

    pub fn is_reached(&self) -> bool {
        *self.sprung.borrow()
    }

    /// Lets answers go on; they wait in the buffer of a program that stands still.
    pub fn let_answers_go(&self) {
        self.held.send_replace(Held::Requests);
    }

    /// Lets everything go on.
    pub fn go_on(&self) {
        self.held.send_replace(Held::Nothing);
    }

    /// Ends every connection there is; what is held never arrives.
    pub fn cut(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// Waits until ZooKeeper has ended every session by itself.
    pub async fn sessions_ended(&self) {
        _ = self
            .sessions
            .subscribe()
            .wait_for(|sessions| *sessions == 0)
            .await;
    }

    /// Ends every session that ZooKeeper has given so far, at once: as if it had heard nothing for
    /// long enough.
    pub fn end_sessions(&self, zookeeper: u16) {
        for session in self.begun.lock().unwrap().drain(..) {
            session.end(zookeeper);
        }
    }

    /// Passes a point; `false` if the connection is to end here.
    async fn pass(&self, kind: Held, point: impl FnOnce() -> String) -> bool {
        let strike = {
            let mut state = self.state.lock().unwrap();
            state.passed.push(point());
            let number = state.passed.len();
            state
                .strike
                .filter(|(at, _)| *at == number)
                .map(|(_, strike)| strike)
        };
        if strike == Some(Strike::Hold) {
            self.held.send_replace(Held::Everything);
        }
        if strike.is_some() {
            self.sprung.send_replace(true);
        }
        // The program may have something else to say meanwhile, for example on a new connection.
        _ = self.held.subscribe().wait_for(|held| *held < kind).await;
        strike != Some(Strike::Cut)
    }
}

/// One proxy, before the server at one port.
#[derive(Debug)]
pub struct Tap {
    port: u16,
    listener: JoinHandle<()>,
}

impl Tap {
    pub fn new(protocol: Protocol, target: u16, points: &Arc<Points>) -> Self {
        let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let points = Arc::clone(points);
        let listener = runtime().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(protocol, client, target, Arc::clone(&points)));
            }
        });
        Self { port, listener }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Counts something as long as it lives.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn by(counter: &'a watch::Sender<usize>) -> Self {
        counter.send_modify(|count| *count += 1);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

async fn serve(protocol: Protocol, client: TcpStream, target: u16, points: Arc<Points>) {
    let _link = Counted::by(&points.links);
    let mut generation = points.generation.subscribe();
    let born = *generation.borrow_and_update();
    let work = async {
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        let link = Link {
            protocol,
            points: &points,
            asked: AtomicBool::new(false),
        };
        tokio::select! {
            () = link.requests(from_client, to_server) => {}
            () = link.answers(from_server, to_client) => {}
        }
    };
    tokio::select! {
        () = work => {}
        _ = generation.wait_for(|now| *now != born) => {}
    }
}

/// One connection.
struct Link<'a> {
    protocol: Protocol,
    points: &'a Points,
    /// A request was delivered, and nothing has come back since.
    asked: AtomicBool,
}

impl Link<'_> {
    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut messages = Messages::new(self.protocol);
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            messages.push(&buffer[..length]);
            while let Some(message) = messages.next() {
                let counts = !is_ping(self.protocol, &message);
                let point = || format!("{:?} before {}", self.protocol, words(&message));
                if counts && !self.points.pass(Held::Requests, point).await {
                    return;
                }
                self.asked.fetch_or(counts, Ordering::SeqCst);
                if to.write_all(&message).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn answers(&self, from: OwnedReadHalf, to: OwnedWriteHalf) {
        if self.protocol == Protocol::ZooKeeper {
            self.answers_one_by_one(from, to).await;
        } else {
            self.answers_as_they_come(from, to).await;
        }
    }

    /// ZooKeeper is asked more than one thing at a time, and answers come in one piece or in
    /// several: each is a point.
    async fn answers_one_by_one(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut messages = Messages::new(self.protocol);
        let mut buffer = vec![0; 64 * 1024];
        let mut session = None;
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            messages.push(&buffer[..length]);
            while let Some(message) = messages.next() {
                // The first one is the answer to the greeting.
                session.get_or_insert_with(|| {
                    self.points
                        .begun
                        .lock()
                        .unwrap()
                        .extend(SessionKey::read(&message));
                    Counted::by(&self.points.sessions)
                });
                // Nobody has asked for signs of life and what is told of watched nodes.
                let counts = !is_ping(self.protocol, &message) && !is_told(&message);
                let point = || format!("{:?} after {}", self.protocol, words(&message));
                if counts && !self.points.pass(Held::Everything, point).await {
                    return;
                }
                if to.write_all(&message).await.is_err() {
                    return;
                }
            }
        }
    }

    /// A database answers one request after the other: a point is where the first part of an answer
    /// comes.
    async fn answers_as_they_come(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let counts = self.asked.swap(false, Ordering::SeqCst);
            let point = || format!("{:?} after {}", self.protocol, words(&buffer[..length]));
            if counts && !self.points.pass(Held::Everything, point).await {
                return;
            }
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}
