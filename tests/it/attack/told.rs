//! What is told at the end of a run, whatever befalls it then.

use crate::attack::{DEAD, World};
use crate::harness::{At, Store};

/// The look for orphans comes when all is committed.
#[test]
fn a_look_afterwards_that_fails_takes_nothing_back() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::new(store, "3.4.1");
        let proxy = world.env.through_proxy();
        world.instances([1, 2]);
        // Claimed instances are looked for at the end alone.
        proxy.trap(b"state IN (18)", At::Cut);
        let output = world.run("failover --all-dead --yes --grace 0s --allow-new-masters");
        assert!(proxy.has_sprung(), "{output:?}");
        let document = output.exit(0).json();
        assert_eq!(document["recovered"], 2, "{document}");
        assert_eq!(document["masters"][0]["address"], DEAD, "{document}");
        assert!(
            document["warnings"]
                .to_string()
                .contains("other stuck instances could not"),
            "{document}"
        );
        world.env.set("DSCTL_DB", &world.env.url());
        assert_eq!(world.commands(), 2);
    }
}

/// Masters write addresses as they please, and people type them otherwise.
#[test]
fn hosts_that_are_nearly_the_one_typed_are_named() {
    for version in ["3.1.9", "3.4.1"] {
        let world = World::new(Store::Sqlite, version);
        let upper = "Ds-Master:5678";
        world.env.insert([
            world.instance(1).host("10.0.0.7:5678 "),
            world.instance(2).host(upper),
            world.instance(3).host("[fd00::1]:5678"),
        ]);
        for (typed, near) in [
            ("10.0.0.7:5678", "10.0.0.7:5678 "),
            ("ds-master:5678", upper),
            ("[FD00::1]:5678", "[fd00::1]:5678"),
        ] {
            for command in ["failover", "clear-hosts"] {
                let output = world.run(&format!("{command} {typed} --yes")).exit(0);
                let warnings = output.json()["warnings"].to_string();
                assert!(
                    warnings.contains(&format!("{near:?}").replace('"', "\\\"")),
                    "{command} {typed}: {warnings}"
                );
            }
        }
    }
}
