//! The masters' own way (`MasterFailoverService`, `processNeedFailoverProcessInstances`,
//! `createCommand`): one instance at a time, its definition looked up, then a transaction of its
//! own with the whole row written back, its schedule looked up and one command inserted. Each
//! statement is one round trip: six for an instance. Masters of 3.1 make one more, for the tasks.
//! Those of 3.2 do without the definition: with MySQL's driver they make six all the same, as
//! autocommit is switched off and on, and with PostgreSQL's four, as BEGIN travels with the first
//! statement.

use dsctl::demo::schema;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::bed::{Bed, VERSION};
use crate::harness::world::DEAD;
use crate::harness::{PASSWORD, Store, USER, wait};
use crate::script::{COLUMNS, values};

enum Connection {
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

impl Connection {
    async fn open(bed: &Bed, port: u16) -> Self {
        let (user, password, database) = (USER, PASSWORD, bed.env.database.as_str());
        if bed.env.store == Store::MariaDb {
            let options = MySqlConnectOptions::new()
                .host("127.0.0.1")
                .port(port)
                .username(user)
                .password(password);
            return Self::MySql(
                MySqlConnection::connect_with(&options.database(database))
                    .await
                    .unwrap(),
            );
        }
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
            .ssl_mode(PgSslMode::Disable);
        let options = options.username(user).password(password).database(database);
        Self::Postgres(PgConnection::connect_with(&options).await.unwrap())
    }

    async fn run(&mut self, sql: String) {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::MySql(connection) => drop(statement.fetch_all(connection).await.unwrap()),
            Self::Postgres(connection) => drop(statement.fetch_all(connection).await.unwrap()),
        }
    }
}

/// An instance as it was loaded: what is written back, in SQL.
struct Loaded {
    id: i64,
    definition: i64,
    assignments: String,
}

/// Whole rows of the dead master, as the masters load them.
fn load(bed: &Bed) -> Vec<Loaded> {
    let table = schema::tables(VERSION)
        .into_iter()
        .find(|table| table.name == "t_ds_process_instance")
        .unwrap();
    // `update_time` is no field of the masters' entity; the host is what they change.
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name)
        .filter(|name| !["id", "update_time", "host"].contains(name))
        .collect();
    let quote = if bed.env.store == Store::MariaDb {
        "QUOTE"
    } else {
        "quote_nullable"
    };
    let columns: Vec<String> = names
        .iter()
        .map(|name| format!("{quote}({name})"))
        .collect();
    let rows = bed.env.rows(&format!(
        "SELECT id, process_definition_code, {} FROM t_ds_process_instance WHERE host = '{DEAD}' AND state IN (0, 1, 2, 4, 12) ORDER BY id",
        columns.join(", ")
    ));
    let read = |row: &dsctl::metadata::database::Row| {
        let values = names
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{name} = {}", row.text(index + 2).unwrap()));
        Loaded {
            id: row.int(0).unwrap(),
            definition: row.int(1).unwrap(),
            assignments: values.collect::<Vec<_>>().join(", "),
        }
    };
    rows.iter().map(read).collect()
}

/// Fails the first `count` instances over.
pub fn run(bed: &Bed, port: u16, count: usize) {
    let instances = load(bed);
    assert!(instances.len() >= count);
    wait(async {
        let mut connection = Connection::open(bed, port).await;
        for instance in &instances[..count] {
            one(&mut connection, instance).await;
        }
    });
    assert_eq!(usize::try_from(bed.commands()), Ok(count));
}

async fn one(connection: &mut Connection, instance: &Loaded) {
    let Loaded {
        id,
        definition,
        assignments,
    } = instance;
    connection
        .run(format!(
            "SELECT * FROM t_ds_process_definition WHERE code = {definition}"
        ))
        .await;
    connection.run("START TRANSACTION".to_owned()).await;
    connection
        .run(format!(
            "UPDATE t_ds_process_instance SET {assignments}, host = 'NULL' WHERE id = {id}"
        ))
        .await;
    connection
        .run(format!(
            "SELECT * FROM t_ds_schedules WHERE process_definition_code = {definition}"
        ))
        .await;
    let values = values(&format!("'{{\"ProcessInstanceId\":{id}}}'"));
    let insert = format!(
        "INSERT INTO t_ds_command ({COLUMNS}) SELECT {values} FROM t_ds_process_instance i WHERE i.id = {id}"
    );
    connection.run(insert).await;
    connection.run("COMMIT".to_owned()).await;
}
