//! Settings that are read again: wrong ones make nobody dead, and right ones are taken up whatever
//! failed before.

use super::{end, event, long_ago, of, told, watch};
use crate::harness::world::{BY_HOST, DEAD, LIVING, World, registered};
use crate::harness::{Dsctl, Env, MariaDb, Store};

/// A watcher that takes one setting from a file, and how that file is written.
struct Configured(World, &'static str, &'static str);

impl Configured {
    fn set(&self, value: &str) {
        self.0
            .env
            .file("dsctl.toml", &format!("{} = \"{value}\"\n", self.2));
    }

    fn watch(&mut self, more: &str) -> Dsctl {
        self.0.env.unset(self.1);
        let file = self.0.env.home().join("dsctl.toml");
        watch(&self.0, &format!("--config {} {more}", file.display()))
    }
}

/// Another cluster's namespace by mistake: all masters of ours seem to be gone, and others are
/// there.
#[test]
fn masters_of_another_namespace_make_ours_not_dead() {
    let mut world = Configured(
        World::new(Store::MariaDb, BY_HOST, 5),
        "DSCTL_NAMESPACE",
        "namespace",
    );
    let other = Env::new(Store::Sqlite);
    let _stranger = other.register(BY_HOST, &registered("10.9.9.9:5678"));
    let _ours = world.0.env.register(BY_HOST, &registered(DEAD));
    let own = world.0.env.namespace.clone();
    world.set(&own);
    let mut watcher = world.watch("--grace 0s --cool-down 1s").spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    world.set(&other.namespace);
    watcher.signal("HUP");
    watcher.await_stdout(&of("failover_started", LIVING));
    watcher.await_stdout("may be another cluster's");
    watcher.await_stdout_times(&event("failover_refused"), 2);
    world.0.check_untouched();
    // What was seen elsewhere proves nothing here either: each cluster's grace time is its own.
    world.set(&own);
    watcher.signal("HUP");
    watcher.await_stdout_times(&of("master_registered", DEAD), 2);
    let output = end(&world.0, watcher);
    assert!(told(&output, "failover_finished").is_empty(), "{output:?}");
    world.0.check_untouched();
}

/// The database has moved: that is when settings are changed, and no round succeeds before they are
/// read.
#[test]
fn settings_are_read_again_while_nothing_answers() {
    let server = MariaDb::private();
    let mut world = Configured(
        World::in_env(Env::on_mariadb(&server), BY_HOST, 5),
        "DSCTL_DB",
        "db",
    );
    let (right, wrong) = (world.0.env.url(), "mysql://nobody@127.0.0.1:1/nothing");
    world.set(&right);
    let mut watcher = world.watch("--grace 1h").spawn();
    watcher.await_stdout(&event("grace_started"));
    world.set(wrong);
    watcher.signal("HUP");
    watcher.await_stdout_times("retry_after_seconds", 2);
    world.set(&right);
    watcher.signal("HUP");
    watcher.await_stdout_times(&event("grace_started"), 2);
    end(&world.0, watcher);
    world.0.check_untouched();
}

/// A copy of the database by mistake, in which less hangs: what is not there was handed over by
/// nobody, and is no storm.
#[test]
fn what_does_not_hang_in_another_database_was_handed_over_by_nobody() {
    let mut world = Configured(World::new(Store::MariaDb, BY_HOST, 12), "DSCTL_DB", "db");
    world.0.add("10.0.0.3:5678", long_ago(), 6);
    let other = World::new(Store::MariaDb, BY_HOST, 1);
    let (own, copy) = (world.0.env.url(), other.env.url());
    let mut round = |url: &str, grace: &str| {
        world.set(url);
        let watcher = world.watch(&format!("--once --max-instances 20 --grace {grace}"));
        world.0.run(watcher)
    };
    round(&own, "1h").exit(0);
    round(&copy, "1h").exit(0);
    let output = round(&own, "0s").exit(0);
    assert_eq!(told(&output, "failover_finished").len(), 2, "{output:?}");
}
