//! Where a message ends, in the three protocols that the program speaks.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Who understands the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    ZooKeeper,
    MySql,
    Postgres,
}

/// Takes messages out of what one side sends.
#[derive(Debug)]
pub struct Messages {
    protocol: Protocol,
    bytes: Vec<u8>,
    /// PostgreSQL's first messages have no type in front.
    started: bool,
}

/// PostgreSQL: what asks for encryption before the start.
const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

/// PostgreSQL: Parse, Bind, Describe, Execute, Close; Sync follows.
const PARTS: &[u8] = b"PBDEC";

/// ZooKeeper: the number of a sign of life, in both directions.
const PING: [u8; 4] = (-2_i32).to_be_bytes();

/// ZooKeeper: the number of what nobody has asked for.
const EVENT: [u8; 4] = (-1_i32).to_be_bytes();

impl Messages {
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            bytes: Vec::new(),
            started: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message that is whole. Those of PostgreSQL that go together, up to the one that
    /// asks for an answer, are one: the program hands them to the system in one piece.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let mut start = 0;
        let mut end = self.end_of_message(start)?;
        while self.protocol == Protocol::Postgres
            && self.started
            && PARTS.contains(&self.bytes[start])
        {
            start = end;
            end = self.end_of_message(start)?;
        }
        let message: Vec<u8> = self.bytes.drain(..end).collect();
        self.started |= message.get(4..8) != Some(&SSL_REQUEST);
        Some(message)
    }

    fn end_of_message(&self, start: usize) -> Option<usize> {
        let bytes = self.bytes.get(start..)?;
        let number = |from: usize| {
            Some(u32::from_be_bytes(bytes.get(from..from + 4)?.try_into().ok()?) as usize)
        };
        let length = match self.protocol {
            Protocol::ZooKeeper => number(0)? + 4,
            Protocol::MySql => {
                u32::from_le_bytes([*bytes.first()?, *bytes.get(1)?, *bytes.get(2)?, 0]) as usize
                    + 4
            }
            Protocol::Postgres if self.started => number(1)? + 1,
            Protocol::Postgres => number(0)?,
        };
        (bytes.len() >= length).then_some(start + length)
    }
}

/// Whether a message only says that its sender lives.
pub fn is_ping(protocol: Protocol, message: &[u8]) -> bool {
    protocol == Protocol::ZooKeeper && message.get(4..8) == Some(&PING)
}

/// Whether ZooKeeper's message tells of a change that is watched for.
pub fn is_told(message: &[u8]) -> bool {
    message.get(4..8) == Some(&EVENT)
}

/// What it takes to speak for a session of ZooKeeper's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    id: [u8; 8],
    password: Vec<u8>,
}

impl SessionKey {
    /// From ZooKeeper's answer to the greeting: length, version, time, id, password. None if it
    /// refuses.
    pub fn read(answer: &[u8]) -> Option<Self> {
        let (id, password) = (answer.get(12..20)?, answer.get(24..40)?);
        (id != [0; 8]).then(|| Self {
            id: id.try_into().unwrap(),
            password: password.to_vec(),
        })
    }

    /// Takes the session over, and ends it: its nodes are gone when this returns. One that has
    /// ended stays so.
    pub fn end(&self, zookeeper: u16) {
        const CLOSE: [u8; 12] = [0, 0, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf5];
        let mut greeting = vec![0, 0, 0, 44, 0, 0, 0, 0];
        greeting.extend([0; 8]);
        greeting.extend(10_000_u32.to_be_bytes());
        greeting.extend(self.id);
        greeting.extend(16_u32.to_be_bytes());
        greeting.extend(&self.password);
        let mut stream = TcpStream::connect(("127.0.0.1", zookeeper)).unwrap();
        // The server ends the connection after its answer, and a session that is no more at once.
        stream.write_all(&greeting).unwrap();
        _ = stream.write_all(&CLOSE);
        _ = stream.read_to_end(&mut Vec::new());
    }
}

/// The words in a message, for whoever reads a failure.
pub fn words(message: &[u8]) -> String {
    const LONGEST: usize = 3000;
    let visible = message.iter().map(|byte| {
        if byte.is_ascii_graphic() {
            char::from(*byte)
        } else {
            ' '
        }
    });
    let text = visible.collect::<String>();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(LONGEST)
        .collect()
}

#[test]
fn messages_are_told_apart_however_they_arrive() {
    let mut start = 8_u32.to_be_bytes().to_vec();
    start.extend(SSL_REQUEST);
    start.extend([0, 0, 0, 9, 0, 3, 0, 0, b'x']);
    start.extend(b"Q\0\0\0\x06a\0P\0\0\0\x05xS\0\0\0\x04X\0\0\0\x04");
    let mysql = [&[2, 0, 0, 0, 3, b'a'][..], &[1, 0, 0, 1, 14]].concat();
    let zookeeper = [&12_u32.to_be_bytes()[..], &PING, &[0; 8], &[0, 0, 0, 1, 7]].concat();
    for (protocol, bytes, lengths) in [
        (Protocol::Postgres, start, &[8, 9, 7, 11, 5][..]),
        (Protocol::MySql, mysql, &[6, 5]),
        (Protocol::ZooKeeper, zookeeper, &[16, 5]),
    ] {
        for piece in [1, 3, 100] {
            let mut messages = Messages::new(protocol);
            let mut found = Vec::new();
            for bytes in bytes.chunks(piece) {
                messages.push(bytes);
                found.extend(std::iter::from_fn(|| messages.next()));
            }
            assert_eq!(
                found.iter().map(Vec::len).collect::<Vec<_>>(),
                lengths,
                "{protocol:?}"
            );
            assert_eq!(found.concat(), bytes);
            assert_eq!(
                is_ping(protocol, &found[0]),
                protocol == Protocol::ZooKeeper
            );
        }
    }
}
