//! The database's answers get lost: a batch is whole or not there, and what cannot be known is not
//! claimed to be.

use std::collections::BTreeSet;

use super::moments::{Moment, SERVERS, at_second_batch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, reported};
use crate::harness::{At, Output, Proxy, Store, names_number};

/// Two batches of five behind a proxy.
fn world(store: Store) -> (World, Proxy) {
    let version = if store == Store::MariaDb {
        BY_HOST
    } else {
        BY_STATE
    };
    let mut world = World::new(store, version, 10);
    let proxy = world.env.through_proxy();
    (world, proxy)
}

#[track_caller]
fn assert_error(output: &Output, kind: &str, proxy: &Proxy) {
    let document = output.json();
    assert_eq!(document["ok"], false, "{output:?}");
    assert_eq!(document["error"]["kind"], kind, "{output:?}");
    assert!(
        document["error"].to_string().contains(&proxy.address()),
        "the endpoint is not named: {output:?}"
    );
}

/// The first and the second five of the instances.
fn halves(world: &World) -> (BTreeSet<i64>, BTreeSet<i64>) {
    (
        world.ids.iter().take(5).copied().collect(),
        world.ids.iter().skip(5).copied().collect(),
    )
}

#[test]
fn a_connection_cut_in_the_first_batch() {
    for store in SERVERS {
        for moment in Moment::ALL {
            let (world, proxy) = world(store);
            proxy.trap(moment.bytes(store), At::Cut);
            let output = world.run(world.failover("--batch 5")).exit(6);
            assert!(proxy.has_sprung(), "{moment:?}");
            assert_error(&output, "database", &proxy);
            assert!(reported(&output).is_empty(), "{output:?}");
            world.check_untouched();
            world.complete();
        }
    }
}

#[test]
fn a_connection_cut_in_the_second_batch() {
    for store in SERVERS {
        for moment in [Moment::Lock, Moment::Command, Moment::Commit] {
            let (world, proxy) = world(store);
            let running = at_second_batch(&world, &proxy, "");
            proxy.trap(moment.bytes_again(store), At::Cut);
            proxy.go_on();
            let output = world.end(running).exit(7);
            assert_error(&output, "database", &proxy);
            assert_eq!(reported(&output), halves(&world).0);
            assert_eq!(world.check(), halves(&world).0);
            world.complete();
        }
    }
}

#[test]
fn a_lost_answer_to_commit_is_read_back() {
    for store in SERVERS {
        let (world, proxy) = world(store);
        proxy.trap(Moment::Commit.bytes(store), At::SwallowAnswer);
        let output = world.run(world.failover("--batch 5")).exit(0);
        assert!(proxy.has_sprung());
        assert_eq!(reported(&output), world.ids);
        let text = output.json()["masters"].to_string();
        assert!(
            !text.contains(r#""command_id":null"#),
            "commands that were read back have ids: {text}"
        );
        world.check_complete();
    }
}

#[test]
fn lost_answers_to_the_two_halves_are_read_back() {
    for store in SERVERS {
        let (world, proxy) = world(store);
        let original = if store == Store::Postgres {
            "--original-state running"
        } else {
            ""
        };
        let halves = [
            format!("clear-hosts {DEAD} --yes"),
            format!("recover --orphans --yes {original}"),
        ];
        for (half, sprung) in halves.iter().zip(1..) {
            proxy.trap(Moment::Commit.bytes(store), At::SwallowAnswer);
            let output = world.run(world.dsctl(&format!("{half} -o json"))).exit(0);
            assert_eq!(
                (proxy.sprung(), reported(&output)),
                (sprung, world.ids.clone())
            );
        }
        world.check_complete();
    }
}

/// The database goes away together with the answer to COMMIT; whether that was delivered is not
/// known.
fn outcome_unknown(store: Store, at: At) {
    let (world, mut proxy) = world(store);
    let running = at_second_batch(&world, &proxy, "");
    proxy.refuse_new();
    proxy.trap(Moment::Commit.bytes(store), at);
    proxy.go_on();
    let output = world.end(running).exit(9);
    assert_error(&output, "outcome_unknown", &proxy);
    let (first, second) = halves(&world);
    assert_eq!(reported(&output), first);
    let error = output.json()["error"].to_string();
    assert!(
        second.iter().all(|id| names_number(&error, *id)),
        "{output:?}"
    );
    assert!(
        !first.iter().any(|id| names_number(&error, *id)),
        "{output:?}"
    );
    proxy.listen();
    let done = world.check();
    assert_eq!(
        done,
        if at == At::Cut {
            first
        } else {
            world.ids.clone()
        }
    );
    world.complete();
}

#[test]
fn a_lost_answer_and_no_database_to_ask() {
    for store in SERVERS {
        outcome_unknown(store, At::SwallowAnswer);
        outcome_unknown(store, At::Cut);
    }
}

#[test]
fn an_answer_that_never_comes_is_given_up() {
    for store in SERVERS {
        let (world, proxy) = world(store);
        proxy.trap(Moment::Command.bytes(store), At::Hold);
        let limits = "--timeout 4s --statement-timeout 4s --session-timeout 12s";
        let output = world.run(world.failover(limits)).exit(6);
        assert!(proxy.has_sprung());
        assert_error(&output, "database", &proxy);
        proxy.cut();
        world.check_untouched();
        world.complete();
    }
}
