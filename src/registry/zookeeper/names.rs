//! Names of nodes: which children are servers, which are lock nodes, and their order.

use crate::model::{Address, AddressForm};

/// The part of a lock node's name before the sequence number (Curator's `InterProcessMutex`).
pub(super) const LOCK: &str = "lock-";

/// ZooKeeper writes a sequence number with at least this many digits.
const SEQUENCE_DIGITS: usize = 10;

/// It counts in 31 bits.
const LAST_SEQUENCE: &str = "2147483647";

/// The address in the name of a server's node. 1.2.0 appends the sequence number of the node:
/// `10.0.0.1_0000000007`.
pub(super) fn address(name: &str, form: AddressForm) -> Address {
    let host = match (form, name.rsplit_once('_')) {
        (AddressForm::Host, Some((host, sequence)))
            if !host.is_empty() && is_sequence(sequence) =>
        {
            host
        }
        _ => name,
    };
    Address::seen(host)
}

/// Whether a child of the workers' parent is a worker; otherwise it is a group of workers (1.3 to
/// 3.1.0).
pub(super) fn is_worker(name: &str, form: AddressForm) -> bool {
    match form {
        AddressForm::Host => true,
        AddressForm::HostPort => name
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok()),
    }
}

/// The sequence number of a lock node, by which the queue is ordered; `None` for every other node,
/// for example the parents of per-master locks below the path of a global lock.
pub(super) fn sequence(name: &str) -> Option<&str> {
    let (_, sequence) = name.rsplit_once(LOCK)?;
    is_sequence(sequence).then_some(sequence)
}

/// Whether a node next to lock nodes belongs to another kind of client, for example kazoo's
/// `<uuid>__lock__0000000001`: it has a sequence number, but not in Curator's form. Masters ignore
/// it.
pub(super) fn is_foreign(name: &str) -> bool {
    let before = name.trim_end_matches(|c: char| c.is_ascii_digit());
    // A host's address ends in a port, which is shorter.
    sequence(name).is_none() && name.len() - before.len() >= SEQUENCE_DIGITS
}

/// Whether the sequence number of a lock node is the last one that ZooKeeper has, or later. Some
/// servers use the last one again and again; others go on with negative ones, and Curator, which
/// compares the text, then puts every new node before all others.
pub(super) fn is_spent(name: &str) -> bool {
    sequence(name).is_some_and(|sequence| sequence.starts_with('-') || sequence == LAST_SEQUENCE)
}

/// Only the lock nodes, in the order in which they get the lock.
pub(super) fn queue(mut children: Vec<String>) -> Vec<String> {
    children.retain(|name| sequence(name).is_some());
    // Curator compares the text; longer numbers come after 2,147,483,647 on servers that count on.
    children.sort_by(|a, b| order(a).cmp(&order(b)));
    children
}

fn order(name: &str) -> Option<(bool, usize, &str)> {
    sequence(name).map(|sequence| (!sequence.starts_with('-'), sequence.len(), sequence))
}

/// A negative number has its sign among the digits.
fn is_sequence(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text.len() >= SEQUENCE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_nodes() {
        assert_eq!(
            address("10.0.0.1_0000000007", AddressForm::Host).as_str(),
            "10.0.0.1"
        );
        assert_eq!(address("10.0.0.1", AddressForm::Host).as_str(), "10.0.0.1");
        assert_eq!(address("my_host", AddressForm::Host).as_str(), "my_host");
        assert_eq!(
            address("my_host:5678", AddressForm::HostPort).as_str(),
            "my_host:5678"
        );
        assert_eq!(
            address("h_0000000007", AddressForm::HostPort).as_str(),
            "h_0000000007"
        );
        assert_eq!(
            address("_0000000007", AddressForm::Host).as_str(),
            "_0000000007"
        );
    }

    #[test]
    fn workers_and_groups() {
        assert!(is_worker("10.0.0.1:1234", AddressForm::HostPort));
        assert!(is_worker(
            "ds-worker-0.ds-worker-headless:1234",
            AddressForm::HostPort
        ));
        assert!(!is_worker("default", AddressForm::HostPort));
        assert!(!is_worker("group:a", AddressForm::HostPort));
        assert!(is_worker("10.0.0.1", AddressForm::Host));
    }

    #[test]
    fn the_sequence_orders_whatever_stands_before_it() {
        let children = [
            "_c_b-lock-0000000010",
            "10.0.0.1:5678",
            "_c_z-lock-0000000009",
            "lock-0000000011",
            "_c_a-lock-",
            "x-lock-00000000a1",
        ];
        let names = queue(children.map(str::to_owned).to_vec());
        assert_eq!(
            names,
            [
                "_c_z-lock-0000000009",
                "_c_b-lock-0000000010",
                "lock-0000000011"
            ]
        );
    }

    #[test]
    fn nodes_of_other_clients() {
        assert!(is_foreign("6d2c1f5e9f0b4d0c8a3f__lock__0000000001"));
        assert!(is_foreign("x-00000000010"));
        for name in [
            "_c_a-lock-0000000001",
            "lock-0000000001",
            "10.0.0.1:5678",
            "master-0.ds:5678",
            "startup-masters",
        ] {
            assert!(!is_foreign(name), "{name}");
        }
    }

    #[test]
    fn numbers_behind_the_last_one() {
        let spent = [
            "_c_a-lock--000000005",
            "_c_b-lock--2147483648",
            "_c_c-lock-2147483647",
        ];
        assert!(spent.iter().all(|name| is_spent(name) && !is_foreign(name)));
        assert!(!is_spent("_c_d-lock-2147483646") && !is_spent("10.0.0.1:5678"));
        let mut all = spent.to_vec();
        all.reverse();
        assert_eq!(queue(all.iter().map(ToString::to_string).collect()), spent);
    }

    #[test]
    fn the_text_after_the_last_mark_counts() {
        assert_eq!(
            sequence("_c_x-lock-0000000001-lock-0000000002"),
            Some("0000000002")
        );
        assert_eq!(sequence("block-1:5678"), None);
    }
}
