//! The frames of masters and workers up to 3.1 (`NettyEncoder`, `NettyDecoder` of
//! `dolphinscheduler-remote`): magic byte, version, type, request number, context and body, the
//! last two each preceded by its length.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const MAGIC: u8 = 0xbe;
const VERSION: u8 = 0;

/// A context that every request has and no worker reads.
const CONTEXT: &[u8] = br#"{"items":{}}"#;

/// No answer is this large; a greater length is invalid.
const LARGEST: u32 = 1024 * 1024;

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The ordinal of upstream's `CommandType`.
    pub(super) kind: u8,
    /// JSON.
    pub(super) body: Vec<u8>,
}

/// The bytes of a request; `number` is chosen by the sender.
pub(super) fn encode(kind: u8, number: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![MAGIC, VERSION, kind];
    bytes.extend(number.to_be_bytes());
    for part in [CONTEXT, body] {
        // Both are short.
        bytes.extend(u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

/// Reads the next message.
///
/// # Errors
/// The connection ended, or the data is not such a message.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let mut head = [0; 11];
    stream.read_exact(&mut head).await?;
    if head[..2] != [MAGIC, VERSION] {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "this is not a worker's answer",
        ));
    }
    part(stream).await?;
    Ok(Frame {
        kind: head[2],
        body: part(stream).await?,
    })
}

async fn part(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    if length > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "this is not a worker's answer",
        ));
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> io::Result<Frame> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async { read(&mut &bytes[..]).await })
    }

    #[test]
    fn a_request_to_the_letter() {
        let bytes = encode(18, 7, b"{}");
        assert_eq!(bytes[..11], [0xbe, 0, 18, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(bytes[11..15], [0, 0, 0, 12]);
        assert_eq!(bytes[15..27], *CONTEXT);
        assert_eq!(bytes[27..], [0, 0, 0, 2, b'{', b'}']);
    }

    #[test]
    fn lengths_that_are_invalid_are_refused() {
        let mut bytes = encode(18, 7, b"{}");
        bytes[11] = 0x7f;
        assert_eq!(
            decoded(&bytes).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kind: u8, number: u64, body: Vec<u8>) {
            prop_assert_eq!(decoded(&encode(kind, number, &body)).unwrap(), Frame { kind, body });
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            prop_assert!(decoded(&bytes).is_err());
        }
    }
}
