//! The registry in the tables: somebody's clock says that our client is dead, and its rows are
//! deleted in the middle of a run. Masters do so with clients whose heartbeat they think too old:
//! the locks first, then the client.

use std::time::Duration;

use dsctl::metadata::database::Access;

use super::moments::{Moment, SERVERS};
use crate::harness::world::{BY_STATE, World, reported};
use crate::harness::{At, Store, eventually, wait};

const SOON: Duration = Duration::from_secs(20);

/// The living master is client 7.
const LOCKS: &str = "DELETE FROM t_ds_jdbc_registry_lock WHERE client_id <> 7";
const CLIENT: &str = "DELETE FROM t_ds_jdbc_registry_client_heartbeat WHERE id <> 7";

/// The living master's own lock, and its end.
const HELD: &str = "INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
                    VALUES ('/lock/master-failover/10.0.0.2:5678', 'living_1_main', 7, CURRENT_TIMESTAMP)";
const RELEASED: &str = "DELETE FROM t_ds_jdbc_registry_lock WHERE client_id = 7";

/// Purged with everything written but the end.
fn before_commit(store: Store, deleted: &[&str]) -> (World, crate::harness::Output) {
    let mut world = World::with_registry_inside(store, BY_STATE, 5);
    let proxy = world.env.through_proxy();
    proxy.trap(Moment::Command.bytes(store), At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    world.env.sql(&deleted.join("; "));
    proxy.go_on();
    let output = world.end(running);
    world.env.set("DSCTL_DB", &world.env.url());
    (world, output)
}

#[test]
fn between_the_lock_and_commit() {
    for store in SERVERS {
        let (world, output) = before_commit(store, &[LOCKS, CLIENT]);
        let output = output.exit(8);
        assert_eq!(output.json()["error"]["kind"], "lock_lost", "{output:?}");
        assert!(reported(&output).is_empty(), "{output:?}");
        world.check_untouched();
        world.complete();
    }
}

/// A purge that has come no further than the client: the lock is ours as long as its row stands,
/// since nobody else can make another.
#[test]
fn of_the_client_alone() {
    for store in SERVERS {
        let (world, output) = before_commit(store, &[CLIENT]);
        assert!(matches!(output.code, Some(0 | 8)), "{output:?}");
        assert_eq!(world.check(), reported(&output), "{output:?}");
        world.complete();
    }
}

/// The scan under the lock waits, and the lock is gone meanwhile: the run ends by itself, however
/// long the scan would take.
#[test]
fn during_a_long_scan() {
    for store in SERVERS {
        let world = World::with_registry_inside(store, BY_STATE, 5);
        let mut other = world.env.database();
        let lock = match store {
            Store::Postgres => "LOCK TABLE t_ds_workflow_instance IN ACCESS EXCLUSIVE MODE",
            _ => "LOCK TABLES t_ds_workflow_instance WRITE",
        };
        // Without the look whether the masters are this cluster's, nothing waits for the table but
        // what is done under the lock, which somebody else has until the table is closed.
        world.env.sql(HELD);
        let words = "--allow-new-masters --lock-timeout 1m --timeout 1m --statement-timeout 5m --session-timeout 6s";
        let mut running = world.failover(words).spawn();
        running.await_stderr("/lock/master-failover");
        wait(other.begin(Access::Write, Duration::from_mins(5))).unwrap();
        wait(other.execute(&lock.into())).unwrap();
        world.env.sql(RELEASED);
        eventually(SOON, "the lock", || {
            if world.queue().len() == 1 {
                Ok(())
            } else {
                Err(world.queue())
            }
        });
        world.env.sql(&format!("{LOCKS}; {CLIENT}"));
        let output = world.end(running).exit(8);
        assert_eq!(output.json()["error"]["kind"], "lock_lost", "{output:?}");
        wait(other.rollback());
        // In MariaDB, such a lock ends with its session.
        wait(other.close());
        world.check_untouched();
        world.complete();
    }
}
