//! What the masters may still be running with, besides what they are to be started with.

use super::ds_home::{DsHome, SaslOfMasters};
use super::{Key, Origin, Settings, Warning};

/// The warning about settings that a running master may have otherwise, if any of them is used.
pub(super) fn other_at_last_start(settings: &Settings, home: &DsHome) -> Option<Warning> {
    let earlier = home.earlier()?;
    let zk = home.get(Key::Zk).ok().flatten();
    let is_zk_of_home = zk.is_some_and(|zk| zk.origin == *settings.origin(Key::Zk));
    let is_used = |key: &Key| {
        // How the masters log in there and encrypt is for no other servers.
        if key.is_of_zookeepers_client() && !is_zk_of_home {
            return Some(false);
        }
        let origin = settings.listed_key(*key).origin;
        let of_home = match key {
            Key::ZkDigestFile => home.digest().ok()?.map(|(_, origin)| origin),
            Key::ZkSaslFile => match home.sasl().ok()? {
                Some(SaslOfMasters::Digest(_, _, origin)) => Some(origin),
                _ => None,
            },
            Key::DbPasswordFile => home.login().ok()?.password.map(|(_, origin)| origin),
            key => home.get(*key).ok()?.map(|stated| stated.origin),
        };
        // What the file that is used does not say is built in.
        Some(of_home.map_or(origin == Origin::BuiltIn, |of_home| of_home == origin))
    };
    let names: Vec<&'static str> = earlier
        .keys
        .iter()
        .filter(|key| is_used(key) == Some(true))
        .map(|key| settings.listed_key(*key).name)
        .collect();
    (!names.is_empty()).then(|| Warning::OtherAtLastStart {
        names,
        shared: earlier.shared.clone(),
        copy: earlier.copy.clone(),
    })
}
