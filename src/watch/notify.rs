//! Notifications to a service manager: that the loop is ready, what it is doing, and that it is
//! alive (`sd_notify(3)`).

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::config::Environment;
use crate::output::sanitized;

/// The connection to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

/// A service manager that does not read must not block the loop.
const PATIENCE: Duration = Duration::from_secs(1);

impl Notify {
    /// Notifies no service manager.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// The service manager that `NOTIFY_SOCKET` names; without that variable nothing is sent.
    ///
    /// # Errors
    /// The variable does not name a socket that this process can write to.
    pub fn from_environment(environment: &Environment) -> io::Result<Self> {
        let Some(name) = environment.variable("NOTIFY_SOCKET") else {
            return Ok(Self::off());
        };
        let address = address(name)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket: Some((socket, address)),
            watchdog: watchdog(environment, std::process::id()),
        })
    }

    /// How often [`Notify::watchdog`] must be called at least: half of the time after which the
    /// service manager kills this process. `None`: it has no watchdog for it.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// Registry and database have answered; also sent after a reload.
    ///
    /// # Errors
    /// The service manager cannot be reached. This holds for all methods here; there is nothing to
    /// undo.
    pub fn ready(&self, status: &str) -> io::Result<()> {
        self.send(&format!("READY=1\n{}", status_line(status)))
    }

    /// The status, in one line for people.
    ///
    /// # Errors
    /// As [`Notify::ready`].
    pub fn status(&self, status: &str) -> io::Result<()> {
        self.send(&status_line(status))
    }

    /// The configuration is being reloaded; [`Notify::ready`] must follow.
    ///
    /// # Errors
    /// As [`Notify::ready`].
    pub fn reloading(&self) -> io::Result<()> {
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}",
            monotonic_micros()?
        ))
    }

    /// The loop is stopping.
    ///
    /// # Errors
    /// As [`Notify::ready`].
    pub fn stopping(&self) -> io::Result<()> {
        self.send("STOPPING=1")
    }

    /// The loop is alive: to be called by the loop itself, after a round or a batch, never by a
    /// timer.
    ///
    /// # Errors
    /// As [`Notify::ready`].
    pub fn watchdog(&self) -> io::Result<()> {
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1")
        } else {
            Ok(())
        }
    }

    fn send(&self, message: &str) -> io::Result<()> {
        match &self.socket {
            Some((socket, address)) => socket.send_to_addr(message.as_bytes(), address).map(drop),
            None => Ok(()),
        }
    }
}

/// A line break would start another assignment.
fn status_line(status: &str) -> String {
    format!("STATUS={}", sanitized(status))
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        [b'@', name @ ..] => abstract_address(name),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "NOTIFY_SOCKET is neither a path nor an abstract name",
        )),
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The watchdog's limit, if the service manager watches this process.
fn watchdog(environment: &Environment, own_pid: u32) -> Option<Duration> {
    let number = |name: &str| {
        environment
            .variable(name)
            .map(|value| value.to_str()?.parse::<u64>().ok())
    };
    if number("WATCHDOG_PID").is_some_and(|pid| pid != Some(u64::from(own_pid))) {
        return None;
    }
    number("WATCHDOG_USEC")
        .flatten()
        .filter(|micros| *micros > 0)
        .map(Duration::from_micros)
}

fn monotonic_micros() -> io::Result<u128> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(io::Error::from)?;
    Ok(Duration::from(now).as_micros())
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Environment {
            variables,
            ..Environment::default()
        }
    }

    /// A service manager: its end of a socket.
    struct Manager {
        socket: UnixDatagram,
        _folder: tempfile::TempDir,
        path: String,
    }

    impl Manager {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("notify").to_str().unwrap().to_owned();
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            Self {
                socket,
                _folder: folder,
                path,
            }
        }

        /// A datagram can be received as soon as it is sent.
        fn told(&self) -> Option<String> {
            told(&self.socket)
        }
    }

    fn told(socket: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    #[test]
    fn what_is_reported() {
        let manager = Manager::new();
        let notify =
            Notify::from_environment(&environment(&[("NOTIFY_SOCKET", &manager.path)])).unwrap();
        notify.ready("2 masters").unwrap();
        assert_eq!(manager.told().unwrap(), "READY=1\nSTATUS=2 masters");
        notify.status("paused by x\nREADY=0\u{1b}[2J").unwrap();
        assert_eq!(
            manager.told().unwrap(),
            "STATUS=paused by x\\nREADY=0\\u{1b}[2J"
        );
        notify.stopping().unwrap();
        assert_eq!(manager.told().unwrap(), "STOPPING=1");
        notify.watchdog().unwrap();
        assert_eq!(manager.told(), None, "no watchdog was asked for");
        assert_eq!(notify.watchdog_interval(), None);
    }

    #[test]
    fn a_reload_is_reported_with_the_clock_of_the_service_manager() {
        let manager = Manager::new();
        let notify =
            Notify::from_environment(&environment(&[("NOTIFY_SOCKET", &manager.path)])).unwrap();
        let before = monotonic_micros().unwrap();
        notify.reloading().unwrap();
        let told = manager.told().unwrap();
        let micros: u128 = told
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            (before..=monotonic_micros().unwrap()).contains(&micros),
            "{told}"
        );
    }

    #[test]
    fn abstract_names_work() {
        let name = format!("dsctl-notify-test-{}", std::process::id());
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let name = format!("@{name}");
        let notify = Notify::from_environment(&environment(&[("NOTIFY_SOCKET", &name)])).unwrap();
        notify.stopping().unwrap();
        assert_eq!(told(&socket).unwrap(), "STOPPING=1");
    }

    #[test]
    fn the_watchdog_is_fed_if_it_waits_for_us() {
        let manager = Manager::new();
        let own = std::process::id().to_string();
        let fed = |variables: &[(&str, &str)]| {
            let socket = [("NOTIFY_SOCKET", manager.path.as_str())];
            let notify =
                Notify::from_environment(&environment(&[variables, &socket].concat())).unwrap();
            notify.watchdog().unwrap();
            assert_eq!(
                manager.told().as_deref(),
                notify.watchdog_interval().map(|_| "WATCHDOG=1")
            );
            notify.watchdog_interval()
        };
        let half = Some(Duration::from_secs(15));
        assert_eq!(
            fed(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", &own)]),
            half
        );
        assert_eq!(fed(&[("WATCHDOG_USEC", "30000000")]), half);
        assert_eq!(
            fed(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")]),
            None
        );
        assert_eq!(
            fed(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "x")]),
            None
        );
        for odd in ["0", "-1", "", "x", "99999999999999999999999"] {
            assert_eq!(fed(&[("WATCHDOG_USEC", odd)]), None, "{odd}");
        }
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        for variables in [
            &[][..],
            &[("NOTIFY_SOCKET", "")],
            &[("WATCHDOG_USEC", "1000")],
        ] {
            let notify = Notify::from_environment(&environment(variables)).unwrap();
            assert_eq!(notify.watchdog_interval(), None);
            notify
                .ready("x")
                .and_then(|()| notify.reloading())
                .and_then(|()| notify.watchdog())
                .unwrap();
        }
    }

    #[test]
    fn a_service_manager_that_is_gone_is_an_error() {
        let long = format!("/{}", "x".repeat(200));
        for name in ["relative", "vsock:2:1234", &long] {
            assert!(
                Notify::from_environment(&environment(&[("NOTIFY_SOCKET", name)])).is_err(),
                "{name}"
            );
        }
        let manager = Manager::new();
        let notify =
            Notify::from_environment(&environment(&[("NOTIFY_SOCKET", &manager.path)])).unwrap();
        drop(manager);
        notify.ready("x").unwrap_err();
    }

    /// A queue that is never read fills up; the loop goes on after a moment.
    #[test]
    fn a_service_manager_that_does_not_read_does_not_hold_the_loop() {
        let manager = Manager::new();
        let notify =
            Notify::from_environment(&environment(&[("NOTIFY_SOCKET", &manager.path)])).unwrap();
        let failed = (0..100_000).find_map(|_| notify.status(&"x".repeat(1000)).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::WouldBlock);
    }
}
