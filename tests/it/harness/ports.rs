//! Ports on the loopback interface.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;

/// Below the range from which the system takes ports for outgoing connections, so that a server
/// finds its port free after a restart too.
const FIRST: u16 = 18_000;
const LAST: u16 = 32_000;

/// What says that a port is taken, as long as this process lives: a lock on a file of its name.
/// Whoever runs these tests at the same time looks there too; that nobody listens yet says nothing.
fn reserve(port: u16) -> Option<File> {
    let folder = std::env::temp_dir().join("dsctl-test-ports");
    std::fs::create_dir_all(&folder).ok()?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(port.to_string()))
        .ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// A port that nobody listens on and that no process of these tests has given out yet.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<BTreeMap<u16, File>> = Mutex::new(BTreeMap::new());
    let mut taken = TAKEN.lock().unwrap();
    // Processes that run side by side start at different places.
    let offset = u16::try_from(std::process::id() * 37 % u32::from(LAST - FIRST)).unwrap();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let (port, file) = (FIRST + offset..LAST)
        .chain(FIRST..FIRST + offset)
        .filter(|port| !taken.contains_key(port))
        .find_map(|port| Some((port, reserve(port).filter(|_| is_free(&port))?)))
        .expect("a free port");
    taken.insert(port, file);
    port
}
