//! DolphinScheduler is upgraded while the watcher goes on: no connection breaks, and the tables may
//! look as before.

use dsctl::model::Version;

use super::{Rounds, end, of, told, watch};
use crate::harness::Store;
use crate::harness::world::{DEAD, World};

/// From 3.1.7 on masters read start parameters from the command; tables and heartbeats are as they
/// were.
#[test]
fn what_is_handed_over_after_an_upgrade_has_the_form_of_the_new_release() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::new(store, Version::new(3, 1, 6), 3);
        world.env.unset("DSCTL_DS_VERSION");
        let own = r#"{"StartParams":"{\"day\":\"1\"}"}"#
            .replace('\\', if store == Store::MariaDb { r"\\" } else { r"\" });
        world.env.sql(&format!(
            "UPDATE t_ds_process_instance SET command_param = '{own}' WHERE host = '{DEAD}'"
        ));
        let rounds = Rounds::of(&world);
        let mut watcher = watch(&world, &format!("--grace 4s {}", rounds.arguments())).spawn();
        watcher.await_stdout(&of("grace_started", DEAD));
        world.env.sql("UPDATE t_ds_version SET version = '3.1.9'");
        watcher.await_stdout(&of("failover_finished", DEAD));
        rounds.pass(1);
        let output = end(&world, watcher);
        let commands = world
            .env
            .rows("SELECT command_param FROM t_ds_command WHERE command_type = 2");
        assert_eq!(commands.len(), 3, "{output:?}");
        for command in commands {
            let parameter = command.text(0).unwrap_or_default();
            assert!(
                parameter.contains(r#""StartParams":"{\"day\":\"1\"}""#),
                "{parameter}\n{output:?}"
            );
        }
        let text = told(&output, "error").remove(0)["text"].to_string();
        assert!(text.contains("3.1.6") && text.contains("3.1.9"), "{text}");
    }
}
