//! What the masters may still be running with, besides what they are to be started with.

use super::ds_home::DsHome;
use super::{Key, Origin, Settings, Warning};

/// The warning about settings that a running master may have otherwise, if any of them is used.
pub(super) fn other_at_last_start(settings: &Settings, home: &DsHome) -> Option<Warning> {
    let earlier = home.earlier()?;
    let is_used = |key: &Key| {
        let origin = settings.listed_key(*key).origin;
        let of_home = match key {
            Key::ZkDigestFile => home.digest().ok()?.map(|(_, origin)| origin),
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
