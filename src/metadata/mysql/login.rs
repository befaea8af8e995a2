//! A login of our own, for what the driver's cannot do or tell.
//!
//! After the server has switched to another way of logging in, the driver encrypts the password of a
//! `caching_sha2_password` account with the nonce of before, and the right password is refused (1045).
//! That happens only while the server does not have the password in its cache, as after its restart,
//! and only without TLS. A login by the book puts it into the cache, and then the driver's own, which
//! needs no encryption any more, succeeds. The same through a socket, where the driver asks for a key
//! that the server does not give there.

mod packet;

use std::io;

use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, PublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::net::{TcpStream, UnixStream};

use self::packet::{Channel, Greeting, Reply};
use crate::metadata::target::ServerTarget;

const CACHING: &str = "caching_sha2_password";
const UNCACHED: &str = "sha256_password";

/// Asks for the server's public key: each of the two ways of logging in has its own word.
const KEY_FOR_CACHING: u8 = 2;
const KEY_FOR_UNCACHED: u8 = 1;
/// The server has the password in its cache, or needs the whole of it.
const IN_CACHE: u8 = 3;
const WHOLE: u8 = 4;

/// How a login ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoginEnd {
    /// The server let us in; it has the password in its cache now, if it keeps one.
    In,
    /// The server wants the password encrypted with its public key, which was not to be asked for.
    WantsKey,
    /// The server did not let us in.
    Refused,
}

/// Logs in without TLS, and leaves. The password is never sent unencrypted, except through a socket
/// of this machine. Ways of logging in other than the two that need a key are answered as if there
/// were no password: only an account without one is let in. With `preferred_tls` the driver had TLS
/// where the server has it.
///
/// # Errors
/// The connection broke, or the server said something unknown.
pub(super) async fn log_in(target: &ServerTarget, preferred_tls: bool) -> io::Result<LoginEnd> {
    let mut channel = match target.socket() {
        Some(file) => Channel::new(UnixStream::connect(file).await?),
        None => Channel::new(TcpStream::connect((target.bare_host(), target.port)).await?),
    };
    let greeting = channel.greeting().await?;
    let password = target
        .password
        .as_ref()
        .map_or("", crate::secret::Secret::expose);
    if preferred_tls && greeting.supports_tls && !password.is_empty() {
        // The driver was refused with TLS, where its logins are right: nothing is sent here without.
        return Ok(LoginEnd::Refused);
    }
    let Greeting { nonce, .. } = greeting;
    let proof = proof(CACHING, password, &nonce);
    channel
        .respond(&target.user, &target.database, CACHING, &proof)
        .await?;
    let mut talk = Talk {
        channel,
        password,
        may_ask: target.asks_public_key,
        is_secret: target.socket().is_some(),
        plugin: CACHING.to_owned(),
        nonce,
        hid_password: false,
    };
    let outcome = talk.finish().await?;
    talk.channel.leave().await;
    Ok(outcome)
}

/// The part of a login after the first response.
struct Talk<'a> {
    channel: Channel,
    password: &'a str,
    may_ask: bool,
    /// Whether nobody between can listen: through a socket of this machine.
    is_secret: bool,
    plugin: String,
    nonce: Vec<u8>,
    /// Whether the last answer was that there is no password, although there is one.
    hid_password: bool,
}

impl Talk<'_> {
    async fn finish(&mut self) -> io::Result<LoginEnd> {
        let mut wants_key = false;
        loop {
            match self.channel.answer().await? {
                Reply::Ok | Reply::Error if wants_key => return Ok(LoginEnd::WantsKey),
                // The account has no password: it is not ours that let us in.
                Reply::Ok if self.hid_password => return Ok(LoginEnd::Refused),
                Reply::Ok => return Ok(LoginEnd::In),
                Reply::Error => return Ok(LoginEnd::Refused),
                Reply::Switch { plugin, nonce } => {
                    self.plugin = plugin;
                    self.nonce = nonce;
                    wants_key |= !self.switched().await?;
                }
                Reply::More(data) => match data.first() {
                    Some(&IN_CACHE) => {}
                    Some(&WHOLE) if self.is_secret => self.in_clear().await?,
                    Some(&WHOLE) => wants_key |= !self.encrypted(KEY_FOR_CACHING).await?,
                    _ => return Err(unknown()),
                },
            }
        }
    }

    /// Whether it was answered; if not, the server is going to refuse.
    async fn switched(&mut self) -> io::Result<bool> {
        if self.plugin == UNCACHED && !self.password.is_empty() {
            return self.encrypted(KEY_FOR_UNCACHED).await;
        }
        let proof = proof(&self.plugin, self.password, &self.nonce);
        self.hid_password = proof.is_empty() && !self.password.is_empty();
        self.channel.send(&proof).await?;
        Ok(true)
    }

    /// Through a socket the server takes whatever comes for the password itself, and has no key to give.
    async fn in_clear(&mut self) -> io::Result<()> {
        let password: Vec<u8> = self.password.bytes().chain([0]).collect();
        self.channel.send(&password).await
    }

    /// As [`Talk::switched`], for the whole password. Without the key the answer is that there is no
    /// password: so the server ends the login as one that failed, and not as a broken connection,
    /// after some of which it would refuse this host altogether (`max_connect_errors`).
    async fn encrypted(&mut self, question: u8) -> io::Result<bool> {
        if !self.may_ask {
            self.channel.send(&[0]).await?;
            return Ok(false);
        }
        self.channel.send(&[question]).await?;
        let Reply::More(key) = self.channel.answer().await? else {
            return Err(io::Error::other("the server gave no public key"));
        };
        let encrypted = encrypt(&key, self.password, &self.nonce)?;
        self.channel.send(&encrypted).await?;
        Ok(true)
    }
}

/// What proves that we know the password, without telling it.
fn proof(plugin: &str, password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() || plugin != CACHING {
        return Vec::new();
    }
    let hash = Sha256::digest(password);
    let salted = Sha256::new()
        .chain_update(Sha256::digest(hash))
        .chain_update(nonce)
        .finalize();
    hash.iter()
        .zip(salted)
        .map(|(one, other)| one ^ other)
        .collect()
}

fn encrypt(key: &[u8], password: &str, nonce: &[u8]) -> io::Result<Vec<u8>> {
    let text = std::str::from_utf8(key).map_err(io::Error::other)?;
    let key = PublicKey::from_public_key_pem(text).map_err(io::Error::other)?;
    let hidden: Vec<u8> = password
        .bytes()
        .chain([0])
        .zip(nonce.iter().cycle())
        .map(|(one, other)| one ^ other)
        .collect();
    key.encrypt(&mut rand::rng(), Oaep::<Sha1>::new(), &hidden)
        .map_err(io::Error::other)
}

fn unknown() -> io::Error {
    io::Error::other("the server's answer to the login is unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server knows the hash of the hash, and finds the hash in the proof.
    #[test]
    fn the_server_can_check_the_proof() {
        let nonce = [7_u8; 20];
        let proof = proof(CACHING, "Abc-1", &nonce);
        let hash = Sha256::digest("Abc-1");
        let salted = Sha256::new()
            .chain_update(Sha256::digest(hash))
            .chain_update(nonce)
            .finalize();
        let found: Vec<u8> = proof.iter().zip(salted).map(|(a, b)| a ^ b).collect();
        assert_eq!(found, hash.to_vec());
    }

    #[test]
    fn no_password_and_other_plugins_have_no_proof() {
        assert!(proof(CACHING, "", &[1; 20]).is_empty());
        assert!(proof("mysql_native_password", "Abc-1", &[1; 20]).is_empty());
        assert!(proof("client_ed25519", "Abc-1", &[1; 32]).is_empty());
    }
}
