//! Ports on the loopback interface.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

/// Below the range from which the system takes ports for outgoing connections, so that a server finds its port free
/// after a restart too.
const FIRST: u16 = 18_000;
const LAST: u16 = 32_000;

/// A port that nobody listens on and that this process has not given out yet.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut taken = TAKEN.lock().unwrap();
    // Processes that run side by side start at different places.
    let offset = u16::try_from(std::process::id() * 37 % u32::from(LAST - FIRST)).unwrap();
    let port = (FIRST + offset..LAST)
        .chain(FIRST..FIRST + offset)
        .find(|port| !taken.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port");
    taken.insert(port);
    port
}
