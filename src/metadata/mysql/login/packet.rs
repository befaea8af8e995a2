//! The packets of a login in MySQL's protocol.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Capabilities: the server supports TLS.
const TLS: u32 = 1 << 11;
/// `CLIENT_LONG_PASSWORD`, `CLIENT_PROTOCOL_41`, `CLIENT_SECURE_CONNECTION`, `CLIENT_PLUGIN_AUTH`.
const BASIC: u32 = 1 | 1 << 9 | 1 << 15 | 1 << 19;
/// The first response names a database.
const WITH_DATABASE: u32 = 1 << 3;
/// `utf8mb4_general_ci`, which servers of every age know.
const UTF8MB4: u8 = 45;
/// A login's packets are shorter; what says to be longer is not MySQL.
const LONGEST: usize = 1 << 16;

/// What the server says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) supports_tls: bool,
    pub(super) nonce: Vec<u8>,
}

/// What the server says then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Ok,
    Error,
    Switch { plugin: String, nonce: Vec<u8> },
    More(Vec<u8>),
}

/// What carries bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection during its login.
pub(super) struct Channel {
    stream: Box<dyn Stream>,
    sequence: u8,
}

impl Channel {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            sequence: 0,
        }
    }

    pub(super) async fn greeting(&mut self) -> io::Result<Greeting> {
        let packet = self.receive().await?;
        // A server that takes no more connections greets with its error: a number, and why.
        if let Some(words) = packet.strip_prefix(&[0xff]).and_then(|rest| rest.get(2..)) {
            return Err(io::Error::other(
                String::from_utf8_lossy(words).into_owned(),
            ));
        }
        greeting(&packet).ok_or_else(not_mysql)
    }

    pub(super) async fn answer(&mut self) -> io::Result<Reply> {
        answer(&self.receive().await?).ok_or_else(not_mysql)
    }

    pub(super) async fn respond(
        &mut self,
        user: &str,
        database: &str,
        plugin: &str,
        proof: &[u8],
    ) -> io::Result<()> {
        let mut packet = (BASIC | WITH_DATABASE).to_le_bytes().to_vec();
        packet.extend((1_u32 << 24).to_le_bytes());
        packet.push(UTF8MB4);
        packet.extend([0; 23]);
        let text = |text: &str| text.bytes().chain([0]).collect::<Vec<_>>();
        packet.extend(text(user));
        packet.push(u8::try_from(proof.len()).map_err(io::Error::other)?);
        packet.extend(proof);
        packet.extend(text(database));
        packet.extend(text(plugin));
        self.send(&packet).await
    }

    pub(super) async fn send(&mut self, content: &[u8]) -> io::Result<()> {
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut packet = length.to_le_bytes()[..3].to_vec();
        packet.push(self.sequence);
        packet.extend(content);
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&packet).await
    }

    /// COM_QUIT, so that the server does not count a broken connection.
    pub(super) async fn leave(mut self) {
        self.sequence = 0;
        self.send(&[1]).await.ok();
    }

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let [a, b, c, sequence] = head;
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        if length > LONGEST {
            return Err(not_mysql());
        }
        self.sequence = sequence.wrapping_add(1);
        let mut content = vec![0; length];
        self.stream.read_exact(&mut content).await?;
        Ok(content)
    }
}

fn not_mysql() -> io::Error {
    io::Error::other("the server does not speak MySQL's protocol")
}

/// A text that ends with a zero byte, and what follows it.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Some((text, &bytes[end + 1..]))
}

/// Protocol version 10: the server's version, the connection's number (4 bytes), half of the nonce
/// (8), a zero, half of the capabilities (2), character set (1), status (2), the rest of the
/// capabilities (2), the nonce's length (1), ten zeros, the rest of the nonce and a zero.
fn greeting(packet: &[u8]) -> Option<Greeting> {
    let (_, rest) = text(packet.strip_prefix(&[10])?)?;
    let (first, rest) = (rest.get(4..12)?, rest.get(13..)?);
    let (low, high) = (rest.get(0..2)?, rest.get(5..7)?);
    let capabilities = u32::from_le_bytes([low[0], low[1], high[0], high[1]]);
    let second = rest.get(18..30)?;
    Some(Greeting {
        supports_tls: capabilities & TLS != 0,
        nonce: [first, second].concat(),
    })
}

fn answer(packet: &[u8]) -> Option<Reply> {
    let (kind, rest) = packet.split_first()?;
    match kind {
        0x00 => Some(Reply::Ok),
        0x01 => Some(Reply::More(rest.to_vec())),
        0xfe => {
            let (plugin, nonce) = text(rest)?;
            let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce).to_vec();
            Some(Reply::Switch { plugin, nonce })
        }
        0xff => Some(Reply::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MySQL 8.0.15 greets.
    fn greeted(capabilities: u32) -> Vec<u8> {
        let [a, b, c, d] = capabilities.to_le_bytes();
        let mut packet = b"\x0a8.0.15\0\x08\0\0\0".to_vec();
        packet.extend(b"12345678\0");
        packet.extend([a, b, 255, 2, 0, c, d, 21]);
        packet.extend([0; 10]);
        packet.extend(b"abcdefghijkl\0caching_sha2_password\0");
        packet
    }

    #[test]
    fn a_greeting_has_two_halves_of_everything() {
        let greeting = greeting(&greeted(TLS | BASIC)).unwrap();
        assert!(greeting.supports_tls);
        assert_eq!(greeting.nonce, b"12345678abcdefghijkl");
        assert!(!super::greeting(&greeted(BASIC)).unwrap().supports_tls);
    }

    #[test]
    fn half_a_packet_is_none() {
        let whole = greeted(BASIC);
        for length in 0..whole.len() - "l\0caching_sha2_password\0".len() {
            assert_eq!(greeting(&whole[..length]), None, "{length}");
        }
        assert_eq!(answer(&[]), None);
        assert_eq!(answer(b"\xfeno end"), None);
        assert_eq!(answer(&[7]), None);
    }

    #[test]
    fn a_switch_names_the_plugin_and_a_new_nonce() {
        assert_eq!(
            answer(b"\xfesha256_password\0abc\0"),
            Some(Reply::Switch {
                plugin: "sha256_password".to_owned(),
                nonce: b"abc".to_vec()
            })
        );
        assert_eq!(answer(b"\x01\x04"), Some(Reply::More(vec![4])));
    }
}
