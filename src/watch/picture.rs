//! The masters of one round, as they are displayed. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::WatchedMaster;
use super::guard::Hold;
use crate::failover::RegistryView;
use crate::family::Family;
use crate::metadata::HostCount;
use crate::model::{Address, Verdict};

/// Every master with a registration or with work.
pub(super) fn masters(
    family: &Family,
    registered: &RegistryView,
    counts: &[HostCount],
    holds: &BTreeMap<String, Hold>,
) -> Vec<WatchedMaster> {
    let now = Timestamp::now().as_millisecond();
    let mut masters: BTreeMap<String, WatchedMaster> = BTreeMap::new();
    // Without any registration it may be a failure of the registry.
    let absent = if registered.masters.prove_nothing() {
        Verdict::Unknown
    } else {
        Verdict::Dead
    };
    for server in &registered.masters.servers {
        let address = server.address.to_string();
        let verdict = Verdict::Alive;
        let master = WatchedMaster {
            address: address.clone(),
            verdict,
            unfinished: 0,
            guard: None,
        };
        masters.insert(address, master);
    }
    for count in counts
        .iter()
        .filter(|count| family.is_unfinished(Some(count.state)))
    {
        let Some(host) = count.host.as_deref() else {
            continue;
        };
        // The text that marks a claim, and other hosts that cannot be a master's.
        if Address::typed(host, family.registry.address_form).is_err() {
            continue;
        }
        let guard = holds.get(host).map(|hold| hold.sentence(now));
        let verdict = if matches!(holds.get(host), Some(Hold::Alive(_))) {
            Verdict::Unknown
        } else {
            absent
        };
        let new = || WatchedMaster {
            address: host.to_owned(),
            verdict,
            unfinished: 0,
            guard,
        };
        let unfinished = u64::try_from(count.count).unwrap_or(0);
        masters
            .entry(host.to_owned())
            .or_insert_with(new)
            .unfinished += unfinished;
    }
    masters.into_values().collect()
}

/// How many unfinished instances name a master.
pub(super) fn unfinished_of(family: &Family, counts: &[HostCount], master: &Address) -> i64 {
    let of_master = |count: &&HostCount| {
        count.host.as_deref() == Some(master.as_str()) && family.is_unfinished(Some(count.state))
    };
    counts
        .iter()
        .filter(of_master)
        .map(|count| count.count)
        .sum()
}
