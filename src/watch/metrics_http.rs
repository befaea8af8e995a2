//! Metrics over HTTP: a single page, so a few lines are enough and no framework is needed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How many requests are answered at once; others wait in the system's queue.
const CONNECTIONS: usize = 8;
/// Slower clients are disconnected.
const TIME: Duration = Duration::from_secs(5);
/// A request of Prometheus has a few hundred bytes.
const REQUEST: usize = 8 * 1024;
/// A pause for the system to recover when it has no resources for a connection.
const BREATH: Duration = Duration::from_millis(200);

/// Reads what `--metrics-listen` takes: a port, which is opened on this machine alone, or an
/// address with a port.
///
/// # Errors
/// Anything else, also `:PORT`: it would not say which clients may connect.
pub fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let port = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    if let Some(port) = port(text.strip_prefix("localhost:").unwrap_or(text)) {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    if text.starts_with(':') {
        return Err("use PORT for this machine only, or 0.0.0.0:PORT for all interfaces");
    }
    text.parse()
        .map_err(|_| "expected PORT, or ADDRESS:PORT with an IP address")
}

/// Answers `GET /metrics` with the shared text until it is dropped.
pub async fn serve(listener: TcpListener, shared: Arc<Mutex<String>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(tokio::time::timeout(TIME, answer(stream, Arc::clone(&shared))));
                }
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A client that has disconnected needs no answer.
async fn answer(mut stream: TcpStream, shared: Arc<Mutex<String>>) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    let response = respond(&head, || {
        shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    });
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    // A connection that is closed while bytes wait in it is reset, and the answer may be lost with
    // it.
    tokio::io::copy(&mut stream.take(REQUEST as u64), &mut tokio::io::sink()).await?;
    Ok(())
}

/// Reads up to the empty line, up to the largest size, or up to the end.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    let mut piece = [0; 1024];
    while head.len() <= REQUEST && !is_complete(&head) {
        match stream.read(&mut piece).await? {
            0 => break,
            count => head.extend(piece.iter().take(count)),
        }
    }
    Ok(head)
}

fn is_complete(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n") || head.windows(2).any(|two| two == b"\n\n")
}

fn respond(head: &[u8], page: impl FnOnce() -> String) -> String {
    if !is_complete(head) {
        let status = if head.len() > REQUEST {
            "431 Request Header Fields Too Large"
        } else {
            "400 Bad Request"
        };
        return response(
            status,
            "",
            "this is not an HTTP request\n",
            ResponseBody::Sent,
        );
    }
    let line = head
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target, protocol) = (words.next(), words.next(), words.next());
    if !protocol.is_some_and(|protocol| protocol.starts_with("HTTP/1.")) || words.next().is_some() {
        return response(
            "400 Bad Request",
            "",
            "this is not an HTTP request\n",
            ResponseBody::Sent,
        );
    }
    let body = match method {
        Some("GET") => ResponseBody::Sent,
        Some("HEAD") => ResponseBody::Measured,
        _ => {
            return response(
                "405 Method Not Allowed",
                "Allow: GET, HEAD\r\n",
                "only GET and HEAD are supported\n",
                ResponseBody::Sent,
            );
        }
    };
    match target.and_then(|target| target.split('?').next()) {
        Some("/metrics") => response("200 OK", "", &page(), body),
        _ => response("404 Not Found", "", "the metrics are at /metrics\n", body),
    }
}

/// Whether the body is sent, or only its length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResponseBody {
    Sent,
    Measured,
}

fn response(status: &str, header: &str, text: &str, body: ResponseBody) -> String {
    let length = text.len();
    let text = if body == ResponseBody::Sent { text } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\n{header}Connection: close\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::task::JoinHandle;

    use super::*;

    struct MetricsServer {
        address: SocketAddr,
        shared: Arc<Mutex<String>>,
        task: JoinHandle<()>,
    }

    impl Drop for MetricsServer {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    async fn server() -> MetricsServer {
        let listener = TcpListener::bind(parse_listen("0").unwrap()).await.unwrap();
        let (address, shared) = (
            listener.local_addr().unwrap(),
            Arc::new(Mutex::new("dsctl_up 1\n".to_owned())),
        );
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        MetricsServer {
            address,
            shared,
            task,
        }
    }

    impl MetricsServer {
        async fn ask(&self, request: &str) -> String {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }
    }

    #[tokio::test]
    async fn the_page_is_the_latest() {
        let server = server().await;
        let request = "GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answer = server.ask(request).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\ndsctl_up 1\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nContent-Length: 11\r\n")
                && answer.contains("text/plain; version=0.0.4"),
            "{answer}"
        );
        "dsctl_up 0\n".clone_into(&mut server.shared.lock().unwrap());
        assert!(server.ask(request).await.ends_with("\r\n\r\ndsctl_up 0\n"));
        let head = server.ask("HEAD /metrics HTTP/1.0\r\n\r\n").await;
        assert!(
            head.contains("Content-Length: 11\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }

    #[tokio::test]
    async fn everything_else_is_refused() {
        let server = server().await;
        let large = format!(
            "GET /metrics HTTP/1.1\r\nX: {}\r\n",
            "x".repeat(2 * REQUEST)
        );
        let cases = [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/../etc HTTP/1.1\r\n\r\n", "404"),
            (
                "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                "405",
            ),
            ("GET /metrics\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1 x\r\n\r\n", "400"),
            (&large, "431"),
        ];
        for (request, status) in cases {
            let answer = server.ask(request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}: {answer}"
            );
        }
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /met").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }

    /// No client can block the page for others for longer than the limit of one connection.
    #[tokio::test]
    async fn silent_connections_are_cut_off() {
        let server = server().await;
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS + 2 {
            silent.push(TcpStream::connect(server.address).await.unwrap());
        }
        assert!(
            server
                .ask("GET /metrics HTTP/1.1\r\n\r\n")
                .await
                .contains("200 OK")
        );
        let mut rest = Vec::new();
        let first = silent.first_mut().unwrap();
        first.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }

    #[test]
    fn addresses_to_listen_on() {
        let cases = [
            ("9187", Some("127.0.0.1:9187")),
            ("localhost:9187", Some("127.0.0.1:9187")),
            ("127.0.0.1:9187", Some("127.0.0.1:9187")),
            ("0.0.0.0:9187", Some("0.0.0.0:9187")),
            ("[::]:9187", Some("[::]:9187")),
            (":9187", None),
            ("", None),
            ("+1", None),
            ("65536", None),
            ("host:9187", None),
            ("127.0.0.1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                parse_listen(text)
                    .ok()
                    .map(|address| address.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        }
        assert!(parse_listen(":9187").unwrap_err().contains("0.0.0.0:PORT"));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(head in any::<Vec<u8>>()) {
            let answer = respond(&head, || unreachable!("no request was made"));
            prop_assert!(answer.starts_with("HTTP/1.1 4"));
        }
    }
}
