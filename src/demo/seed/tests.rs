//! SQL text contains only known names.

use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::metadata::database::{Access, OnRow, Written};

/// Records its statements.
#[derive(Debug)]
struct Recorder {
    asked: Vec<(String, Vec<Value>)>,
}

#[async_trait]
impl Database for Recorder {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
    fn endpoint(&self) -> &'static str {
        "recorder"
    }
    async fn query(&mut self, query: &Query, _: OnRow<'_>) -> Result<(), DatabaseError> {
        self.execute(query).await.map(|_| ())
    }
    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        self.asked
            .push((query.sql().to_owned(), query.values().to_vec()));
        Ok(Written {
            rows: 1,
            insert_id: 0,
        })
    }
    async fn begin(&mut self, _: Access, _: Duration) -> Result<(), DatabaseError> {
        Ok(())
    }
    async fn commit(&mut self) -> Result<(), DatabaseError> {
        Ok(())
    }
    async fn rollback(&mut self) {}
    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        Ok(())
    }
    async fn close(self: Box<Self>) {}
}

async fn recorded(row: Seed) -> Result<Vec<(String, Vec<Value>)>, DatabaseError> {
    let mut recorder = Recorder { asked: Vec::new() };
    row.insert(&mut recorder).await.map(|()| recorder.asked)
}

fn release(text: &str) -> Version {
    text.parse().unwrap()
}

#[tokio::test]
async fn values_are_bound() {
    let row = Seed::new(release("3.1.9"), "t_ds_alert")
        .set("title", "it's")
        .set("content", Option::<i64>::None)
        .set("create_time", "2024-06-01 00:00:00");
    let sql = "INSERT INTO t_ds_alert (title, content, create_time) VALUES (?, NULL, ?)".to_owned();
    let values = vec![Value::from("it's"), Value::from("2024-06-01 00:00:00")];
    assert_eq!(recorded(row).await.unwrap(), [(sql, values)]);
}

#[tokio::test]
async fn names_that_the_release_does_not_have_are_refused_unsent() {
    for row in [
        instance(release("3.1.9")).set("no_such_column", 1),
        instance(release("1.3.9")).set("restart_time", "2024-06-01 00:00:00"),
        instance(release("3.1.9")).set("id) VALUES (1); --", 1),
        Seed::new(release("3.1.9"), "t_ds_user; DROP TABLE t_ds_command"),
        definition_log(release("1.3.9")),
    ] {
        assert!(matches!(
            recorded(row).await,
            Err(DatabaseError::Refused { .. })
        ));
    }
    let skipped = instance(release("1.3.9")).maybe("restart_time", "2024-06-01 00:00:00");
    assert!(
        !recorded(skipped).await.unwrap()[0]
            .0
            .contains("restart_time")
    );
}

#[tokio::test]
async fn older_names_become_the_newer_ones_from_3_3_on() {
    let row = instance(release("3.4.1"))
        .id(5)
        .definition(77, 3)
        .set("is_sub_process", 1);
    let (sql, _) = recorded(row).await.unwrap().remove(0);
    assert!(
        sql.starts_with("INSERT INTO t_ds_workflow_instance ("),
        "{sql}"
    );
    for name in [
        "workflow_definition_code",
        "workflow_definition_version",
        "is_sub_workflow",
    ] {
        assert!(sql.contains(name), "{sql}");
    }
    assert!(!sql.contains("process"), "{sql}");
}

#[tokio::test]
async fn the_last_value_of_a_column_counts() {
    let row = Seed::new(release("3.1.9"), "t_ds_version")
        .set("version", "a")
        .set("version", "b");
    let (sql, parameters) = recorded(row).await.unwrap().remove(0);
    assert_eq!(sql, "INSERT INTO t_ds_version (version) VALUES (?)");
    assert_eq!(parameters, [Value::from("b")]);
}

#[tokio::test]
async fn restart_time_is_empty_until_a_recovery_from_3_3_on() {
    let started = jiff::civil::date(2024, 6, 1).at(2, 0, 0, 0);
    let sql = async |version: &str| {
        recorded(instance(release(version)).started(started))
            .await
            .unwrap()
            .remove(0)
            .0
    };
    assert!(!sql("2.0.1").await.contains("restart_time"));
    assert!(sql("2.0.2").await.contains("restart_time"));
    assert!(!sql("3.3.1").await.contains("restart_time"));
}

proptest::proptest! {
    #[test]
    fn no_name_from_outside_enters_sql_text(name in ".{0,12}(id|host|state)?.{0,6}", value in ".*") {
        let row = Seed::new(release("3.1.9"), "t_ds_process_instance").set(&name, value.as_str());
        let table = row.table.clone().unwrap();
        let known = table.column(&name).is_some();
        proptest::prop_assert_eq!(row.unknown.is_none(), known);
        let query = statement(&table, &[(&name, Value::from(value.as_str()))]);
        let expected = if known { format!("({name}) VALUES (?)") } else { "() VALUES ()".to_owned() };
        proptest::prop_assert_eq!(query.sql(), format!("INSERT INTO t_ds_process_instance {expected}"));
    }
}
