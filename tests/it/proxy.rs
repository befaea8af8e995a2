//! The harness' proxy breaks what it is told to break.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{At, Proxy};

/// A server that answers every line with the same line, and says on a channel what it was sent.
fn echo() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 100];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let _ = sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
                    let _ = stream.write_all(&buffer[..length]);
                }
            });
        }
    });
    (port, received)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

fn ask(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes())?;
    let mut buffer = [0; 100];
    match stream.read(&mut buffer)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        length => Ok(String::from_utf8_lossy(&buffer[..length]).into_owned()),
    }
}

#[test]
fn passes_delays_cuts_and_refuses() {
    let mut proxy = Proxy::to(echo().0);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "one").unwrap(), "one");
    proxy.delay(Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(ask(&mut stream, "two").unwrap(), "two");
    assert!(start.elapsed() >= Duration::from_millis(100));
    proxy.pass();
    proxy.cut();
    assert!(ask(&mut stream, "three").is_err());
    assert_eq!(ask(&mut connect(&proxy), "four").unwrap(), "four");
    proxy.refuse();
    assert_eq!(
        TcpStream::connect(proxy.address()).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    proxy.listen();
    assert_eq!(ask(&mut connect(&proxy), "five").unwrap(), "five");
    assert_eq!(proxy.accepted(), 3);
}

#[test]
fn a_black_hole_swallows_silently() {
    let proxy = Proxy::to(echo().0);
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "one").unwrap(), "one");
    proxy.black_hole();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert_eq!(
        ask(&mut stream, "two").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    proxy.pass();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert_eq!(ask(&mut stream, "").unwrap(), "two");
}

#[test]
fn a_trap_springs_at_its_bytes() {
    let (port, received) = echo();
    let proxy = Proxy::to(port);
    let mut stream = connect(&proxy);
    proxy.trap(b"COMMIT", At::SwallowAnswer);
    assert_eq!(ask(&mut stream, "BEGIN").unwrap(), "BEGIN");
    assert!(!proxy.has_sprung());
    assert!(ask(&mut stream, "COMMIT").is_err());
    proxy.await_sprung();
    assert_eq!(
        (received.recv().unwrap(), received.recv().unwrap()),
        ("BEGIN".to_owned(), "COMMIT".to_owned())
    );
    let mut stream = connect(&proxy);
    proxy.trap(b"prepare", At::SwallowNextAnswer);
    assert_eq!(ask(&mut stream, "prepare").unwrap(), "prepare");
    assert!(ask(&mut stream, "execute").is_err());
    assert_eq!(
        (received.recv().unwrap(), received.recv().unwrap()),
        ("prepare".to_owned(), "execute".to_owned())
    );
    proxy.trap(b"COMMIT", At::Cut);
    assert!(ask(&mut connect(&proxy), "COMMIT").is_err());
    assert!(received.recv_timeout(Duration::from_millis(100)).is_err());
}

#[test]
fn a_trap_holds_until_told() {
    let (port, received) = echo();
    let proxy = Proxy::to(port);
    let mut stream = connect(&proxy);
    proxy.trap(b"COMMIT", At::Hold);
    stream.write_all(b"COMMIT").unwrap();
    proxy.await_sprung();
    assert!(received.try_recv().is_err());
    proxy.go_on();
    assert_eq!(ask(&mut stream, "").unwrap(), "COMMIT");
}
