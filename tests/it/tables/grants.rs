//! A database user that has what the README lists, and one that lacks one thing of it.

use dsctl::demo::seed;
use dsctl::family::{Family, family_of};

use super::{WRITING, refused, refused_each, run};
use crate::harness::world::{DEAD, World};
use crate::harness::{Dsctl, Output, PASSWORD, PASSWORD_IN_URL, Store};

/// One right, as `GRANT` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Right {
    what: String,
    on: String,
}

fn right(what: &str, on: &str) -> Right {
    Right {
        what: what.to_owned(),
        on: on.to_owned(),
    }
}

impl Right {
    /// Whether reading needs it.
    fn is_to_read(&self) -> bool {
        self.what.starts_with("SELECT")
    }
}

/// What the README lists for a release.
fn listed(release: &str, store: Store) -> Vec<Right> {
    let (old, new) = (release < "2", release >= "3.3");
    let word = if new { "workflow" } else { "process" };
    let mut rights: Vec<Right> = [
        "t_ds_version",
        "t_ds_command",
        "t_ds_error_command",
        "t_ds_task_instance",
    ]
    .map(|t| right("SELECT", t))
    .into();
    rights.push(right("SELECT", &format!("t_ds_{word}_instance")));
    if !new {
        rights.push(right("SELECT", "t_ds_process_definition"));
    }
    if !old {
        rights.push(right("SELECT", &format!("t_ds_{word}_definition_log")));
    }
    if ("3.0".."3.3").contains(&release) {
        rights.push(right("SELECT", "t_ds_schedules"));
    }
    if new {
        rights.push(right("SELECT", "t_ds_project"));
        let registry = ["data", "client_heartbeat", "lock"];
        rights
            .extend(registry.map(|table| right("SELECT", &format!("t_ds_jdbc_registry_{table}"))));
    }
    let claimed = if new { "state" } else { "host" };
    rights.push(right(
        &format!("UPDATE ({claimed})"),
        &format!("t_ds_{word}_instance"),
    ));
    if ("2".."3.2").contains(&release) {
        rights.push(right("UPDATE (state, flag)", "t_ds_task_instance"));
    }
    rights.push(right("INSERT", "t_ds_command"));
    if store == Store::Postgres {
        rights.push(right("USAGE", "SEQUENCE t_ds_command_id_sequence"));
    }
    rights
}

/// A cluster whose database is reached as a user of its own, without any right yet.
struct Guest {
    world: World,
    user: String,
}

impl Guest {
    fn new(store: Store, release: &str) -> Self {
        let mut world = World::idle(store, release);
        let user = format!("guest_{}", world.env.database);
        let (scheme, port) = (
            if store == Store::MariaDb {
                "mysql"
            } else {
                "postgres"
            },
            world.env.server_port(),
        );
        match store {
            Store::MariaDb => world.env.sql(&format!(
                "CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
            )),
            _ => world
                .env
                .sql(&format!("CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")),
        }
        let url = format!(
            "{scheme}://{user}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{}",
            world.env.database
        );
        world.env.set("DSCTL_DB", &url);
        world.instances([1, 2]);
        world
            .env
            .insert([seed::task(world.version, 1).id(11).host("10.0.0.9:1234")]);
        Self { world, user }
    }

    fn user(&self) -> String {
        if self.world.env.store == Store::MariaDb {
            format!("'{}'@'127.0.0.1'", self.user)
        } else {
            self.user.clone()
        }
    }

    fn grant(&self, rights: &[Right]) {
        for Right { what, on } in rights {
            self.world
                .env
                .sql(&format!("GRANT {what} ON {on} TO {}", self.user()));
        }
    }

    fn revoke(&self, Right { what, on }: &Right) {
        self.world
            .env
            .sql(&format!("REVOKE {what} ON {on} FROM {}", self.user()));
    }

    #[track_caller]
    fn does(&self, line: &str) -> Output {
        run(&self.world, line).exit(0)
    }

    /// What it may not read is not there either.
    fn finds_the_same_in_a_snapshot(&self) {
        let file = self.world.env.home().join("snapshot.db");
        self.does(&format!("snapshot {}", file.display()));
        let look = "doctor --fail-on never -o json";
        let url = format!("sqlite:{}", file.display());
        let offline = Dsctl::alone().env("DSCTL_DB", &url).args(look.split(' '));
        let [live, offline] = [self.does(look), offline.run().exit(0)].map(|output| output.json());
        assert_eq!(offline["findings"], live["findings"]);
    }

    /// Each command once, and each of those that write does something.
    fn does_everything(&self) {
        // What it may not read there is not asked for.
        self.world.env.sql(
            "CREATE TABLE t_ds_worker_group (id int PRIMARY KEY, name varchar(255) NOT NULL, addr_list text)",
        );
        for line in [
            "doctor --fail-on never",
            "masters",
            "instances",
            "commands",
            "lock status",
            "failover 10.0.0.2:5678 --dry-run",
        ] {
            self.does(line);
        }
        self.does("instances --tree")
            .err("which instance is the parent of which is not told")
            .out("unfinished tasks: ");
        self.finds_the_same_in_a_snapshot();
        self.does("lock acquire 10.0.0.2:5678 --for 100ms");
        self.does("clear-hosts 10.0.0.2:5678 --yes");
        assert_eq!(self.world.command_count(), 0);
        let state = if self.world.table() == "t_ds_workflow_instance" {
            " --original-state running"
        } else {
            ""
        };
        self.does(&format!("recover --orphans --yes{state}"));
        assert_eq!(self.world.command_count(), 2);
        self.world.instances([3]);
        self.does("failover --all-dead --yes --grace 0s");
        assert_eq!(self.world.command_count(), 3);
        self.world.instances([4]);
        self.does("watch --once --yes");
        assert_eq!(self.world.command_count(), 4);
    }
}

/// What a refusal names of a right.
fn named(right: &Right) -> &str {
    right.on.trim_start_matches("SEQUENCE ")
}

fn with_the_listed_grants(store: Store) {
    for release in ["1.3.9", "2.0.9", "3.1.0", "3.2.2", "3.4.1"] {
        let guest = Guest::new(store, release);
        let rights = listed(release, store);
        guest.grant(&rights);
        for right in &rights {
            guest.revoke(right);
            if right.is_to_read() {
                let lines = [
                    "masters",
                    "lock status",
                    "failover --all-dead --yes --grace 0s",
                ];
                refused_each(&guest.world, lines, named(right));
            } else {
                guest.does("masters");
                let inserts = !right.what.starts_with("UPDATE");
                let lines = WRITING
                    .into_iter()
                    .filter(|line| !(inserts && line.starts_with("clear-hosts")));
                refused_each(&guest.world, lines, named(right));
            }
            guest.grant(std::slice::from_ref(right));
        }
        guest.does_everything();
    }
}

#[test]
fn with_the_listed_grants_and_without_each_in_mariadb() {
    with_the_listed_grants(Store::MariaDb);
}

#[test]
fn with_the_listed_grants_and_without_each_in_postgres() {
    with_the_listed_grants(Store::Postgres);
}

/// In PostgreSQL a right on the columns that are read is enough, and these are all that is looked
/// for at the start.
#[test]
fn the_columns_that_are_looked_for_are_all_that_is_read() {
    for release in ["1.3.9", "2.0.9", "3.0.6", "3.1.9", "3.2.2", "3.4.1"] {
        let guest = Guest::new(Store::Postgres, release);
        let family: &Family = family_of(guest.world.version).unwrap();
        let rights = listed(release, Store::Postgres);
        guest.grant(
            &rights
                .into_iter()
                .filter(|right| !right.is_to_read())
                .collect::<Vec<_>>(),
        );
        guest.grant(&[right("SELECT (id, version)", "t_ds_version")]);
        for need in family.reads() {
            guest.grant(&[right(
                &format!("SELECT ({})", need.columns.join(", ")),
                need.table,
            )]);
        }
        guest.does_everything();
    }
}

/// MySQL's servers show a column to those alone who have a right on it, and a release is told by
/// columns that are missing.
#[test]
fn rights_on_single_columns_hide_the_release_in_mariadb() {
    let guest = Guest::new(Store::MariaDb, "3.0.6");
    guest.grant(&listed("3.0.6", Store::MariaDb));
    guest.revoke(&right("SELECT", "t_ds_task_instance"));
    // Everything but what tells 3.0 from 2.0.
    let family = family_of(guest.world.version).unwrap();
    let tasks = family
        .reads()
        .into_iter()
        .find(|need| need.table == "t_ds_task_instance")
        .unwrap();
    guest.grant(&[right(
        &format!("SELECT ({})", tasks.columns.join(", ")),
        "t_ds_task_instance",
    )]);
    refused_each(
        &guest.world,
        WRITING,
        "t_ds_version says 3.0.6, but the tables are those of family 2.0",
    );
    guest
        .world
        .env
        .sql("UPDATE t_ds_version SET version = 'mine'");
    refused_each(&guest.world, WRITING, "may not read whole tables");
}

/// A table that is neither read nor written tells nothing by being closed.
#[test]
fn task_groups_that_are_closed_change_no_recipe() {
    for store in [Store::MariaDb, Store::Postgres] {
        let guest = Guest::new(store, "3.0.6");
        guest.grant(&listed("3.0.6", store));
        // 17 is a state of 3.0 that 2.0 has not.
        guest.world.env.insert([guest.world.instance(5).state(17)]);
        guest.does("failover 10.0.0.2:5678 --yes");
        assert_eq!(
            (guest.world.command_count(), guest.world.host(5).as_str()),
            (3, "NULL"),
            "{store:?}"
        );
        assert_eq!(
            guest
                .world
                .env
                .number("SELECT state FROM t_ds_task_instance WHERE id = 11"),
            8,
            "{store:?}"
        );
        assert_ne!(guest.world.host(1), DEAD);
    }
}

/// With the registry in the database a lock is a row of it, too.
#[test]
fn a_registry_in_the_database_wants_rights_of_its_own() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut guest = Guest::new(store, "3.4.1");
        guest.world.move_registry_inside();
        guest.grant(&listed("3.4.1", store));
        let (lock, client) = (
            "t_ds_jdbc_registry_lock",
            "t_ds_jdbc_registry_client_heartbeat",
        );
        let mut rights = vec![
            right("INSERT", lock),
            right("INSERT", client),
            right("UPDATE", client),
            right("DELETE", lock),
            right("DELETE", client),
        ];
        if store == Store::Postgres {
            rights.push(right(
                "USAGE",
                "SEQUENCE t_ds_jdbc_registry_lock_id_sequence",
            ));
        }
        guest.grant(&rights);
        for right in &rights {
            guest.revoke(right);
            refused_each(&guest.world, WRITING, named(right));
            // A lock alone needs them too, and nothing else.
            refused(
                &guest.world,
                "lock acquire 10.0.0.2:5678 --for 1s",
                named(right),
            );
            guest.grant(std::slice::from_ref(right));
        }
        guest.revoke(
            &listed("3.4.1", store)
                .into_iter()
                .find(|right| right.what == "INSERT")
                .unwrap(),
        );
        guest.does("lock acquire 10.0.0.2:5678 --for 100ms");
        guest.grant(&listed("3.4.1", store));
        guest.does("failover 10.0.0.2:5678 --yes");
        assert_eq!(guest.world.command_count(), 2, "{store:?}");
    }
}

/// The registry's own connection is one to the database: nobody is sent to look for ZooKeeper.
#[test]
fn a_second_connection_that_is_refused_is_the_databases() {
    let mut guest = Guest::new(Store::MariaDb, "3.4.1");
    guest.grant(&listed("3.4.1", Store::MariaDb));
    let limit = |limit: &str| {
        let user = guest.user();
        guest
            .world
            .env
            .sql(&format!("GRANT USAGE ON *.* TO {user} WITH {limit}"));
    };
    // Used up in the middle, and before anything is asked.
    limit("MAX_QUERIES_PER_HOUR 8");
    for told in ["takes no more statements", "cannot connect"] {
        let output = run(&guest.world, "masters").exit(6).err(told);
        output
            .err("max_queries_per_hour")
            .err("FLUSH USER_RESOURCES");
    }
    limit("MAX_QUERIES_PER_HOUR 0 MAX_USER_CONNECTIONS 1");
    guest.world.env.unset("DSCTL_ZK");
    guest.world.env.set("DSCTL_REGISTRY", "jdbc");
    let output = run(&guest.world, "masters")
        .exit(6)
        .err("max_user_connections")
        .err("check --db");
    assert!(!output.stderr.contains("--zk"), "{output:?}");
}

/// A role's rights are its members'.
#[test]
fn rights_that_come_from_a_role_count() {
    for store in [Store::MariaDb, Store::Postgres] {
        let guest = Guest::new(store, "3.2.2");
        let role = format!("role_{}", guest.world.env.database);
        guest.world.env.sql(&format!("CREATE ROLE {role}"));
        for Right { what, on } in listed("3.2.2", store) {
            guest
                .world
                .env
                .sql(&format!("GRANT {what} ON {on} TO {role}"));
        }
        guest
            .world
            .env
            .sql(&format!("GRANT {role} TO {}", guest.user()));
        if store == Store::MariaDb {
            guest
                .world
                .env
                .sql(&format!("SET DEFAULT ROLE {role} FOR {}", guest.user()));
        }
        guest.does("failover 10.0.0.2:5678 --yes");
        assert_eq!(guest.world.command_count(), 2, "{store:?}");
    }
}

/// What the database says no to in the registry's tables is told as that, not as silence.
#[test]
fn what_is_refused_in_the_registrys_tables_is_no_silence() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut guest = Guest::new(store, "3.4.1");
        guest.world.move_registry_inside();
        guest.grant(&listed("3.4.1", store));
        let (lock, client) = (
            "t_ds_jdbc_registry_lock",
            "t_ds_jdbc_registry_client_heartbeat",
        );
        for table in [lock, client] {
            guest.grant(&["INSERT", "UPDATE", "DELETE"].map(|what| right(what, table)));
        }
        guest.world.env.sql(&match store {
            Store::MariaDb => format!(
                "CREATE TRIGGER full BEFORE INSERT ON {lock} FOR EACH ROW \
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the quota is used up'"
            ),
            _ => format!(
                "GRANT USAGE ON SEQUENCE t_ds_jdbc_registry_lock_id_sequence TO {}; \
                 ALTER TABLE {lock} ADD CONSTRAINT the_quota_is_used_up CHECK (id < 0) NOT VALID",
                guest.user()
            ),
        });
        let quota = if store == Store::MariaDb {
            "the quota is used up"
        } else {
            "the_quota_is_used_up"
        };
        for line in [
            "lock acquire 10.0.0.2:5678 --for 1s",
            "failover 10.0.0.2:5678 --yes",
        ] {
            let output = run(&guest.world, line)
                .exit(1)
                .err("refused a statement")
                .err(quota);
            assert!(!output.stderr.contains("does not answer"), "{output:?}");
        }
        assert_eq!(guest.world.command_count(), 0);
    }
}
