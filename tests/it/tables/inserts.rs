//! A command table that would refuse a recovery command: told before the first lock and write, and
//! in the dry run.

use super::{WRITING, refused_each, run};
use crate::harness::Store;
use crate::harness::world::World;

fn writes(line: &str) -> bool {
    !line.starts_with("clear-hosts")
}

fn commands_that_cannot_be_inserted(store: Store) {
    let drop_default = match store {
        Store::MariaDb => "ALTER TABLE t_ds_command MODIFY id int NOT NULL",
        _ => "ALTER TABLE t_ds_command ALTER COLUMN id DROP DEFAULT",
    };
    let cases = [
        (
            "3.2.2",
            "ALTER TABLE t_ds_command DROP COLUMN test_flag",
            "t_ds_command has no column test_flag",
        ),
        (
            "3.1.9",
            "ALTER TABLE t_ds_command DROP COLUMN dry_run",
            "t_ds_command has no column dry_run",
        ),
        (
            "3.2.2",
            "ALTER TABLE t_ds_command ADD COLUMN approved_by varchar(20) NOT NULL",
            "t_ds_command.approved_by may not be NULL and has no default",
        ),
        (
            "3.4.1",
            drop_default,
            "the database generates no ids for t_ds_command",
        ),
    ];
    for (release, change, seen) in cases {
        if store == Store::Sqlite && (change == drop_default || change.contains("NOT NULL")) {
            // SQLite makes no such table of another.
            continue;
        }
        let world = World::idle(store, release);
        world.instances([1]);
        world.env.sql(change);
        let lines = WRITING.into_iter().filter(|line| writes(line));
        for output in refused_each(&world, lines, seen) {
            assert!(output.stderr.contains("hint: "), "{output:?}");
        }
        // Whoever inserts nothing needs nothing of this.
        run(&world, "clear-hosts 10.0.0.2:5678 --dry-run").exit(0);
        run(&world, "masters").exit(0);
    }
}

#[test]
fn commands_that_cannot_be_inserted_in_sqlite() {
    commands_that_cannot_be_inserted(Store::Sqlite);
}

#[test]
fn commands_that_cannot_be_inserted_in_mariadb() {
    commands_that_cannot_be_inserted(Store::MariaDb);
}

#[test]
fn commands_that_cannot_be_inserted_in_postgres() {
    commands_that_cannot_be_inserted(Store::Postgres);
}

/// Columns that look after themselves stop nobody.
#[test]
fn columns_of_somebody_elses_that_fill_themselves_do() {
    let cases = [
        (
            Store::Sqlite,
            "ALTER TABLE t_ds_command ADD COLUMN own varchar(9) NOT NULL DEFAULT 'x'",
        ),
        (
            Store::MariaDb,
            "ALTER TABLE t_ds_command ADD COLUMN own varchar(9) NOT NULL DEFAULT ''",
        ),
        (
            Store::MariaDb,
            "ALTER TABLE t_ds_command ADD COLUMN own int AS (command_type + 1) STORED",
        ),
        (
            Store::MariaDb,
            "ALTER TABLE t_ds_command ADD COLUMN own enum('a', 'b') NOT NULL",
        ),
        (
            Store::Postgres,
            "ALTER TABLE t_ds_command ADD COLUMN own text NOT NULL DEFAULT ''",
        ),
        (
            Store::Postgres,
            "ALTER TABLE t_ds_command ALTER COLUMN id DROP DEFAULT; \
             ALTER TABLE t_ds_command ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
        ),
        (
            Store::Postgres,
            "ALTER TABLE t_ds_command ADD COLUMN own text NOT NULL; CREATE FUNCTION own() RETURNS trigger \
             LANGUAGE plpgsql AS $$ BEGIN NEW.own := 'x'; RETURN NEW; END $$; \
             CREATE TRIGGER own BEFORE INSERT ON t_ds_command FOR EACH ROW EXECUTE PROCEDURE own()",
        ),
    ];
    for (store, change) in cases {
        let world = World::idle(store, "3.2.2");
        world.instances([1]);
        world.env.sql(change);
        run(&world, "failover 10.0.0.2:5678 --yes").exit(0);
        assert_eq!(world.command_count(), 1, "{change}");
    }
}
