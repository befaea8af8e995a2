use super::*;
use crate::family::{ALL, CommandValue, FamilyId, by_id};
use crate::model::InstanceRow;

fn statements(id: FamilyId, dialect: Dialect) -> Statements<'static> {
    Statements {
        family: by_id(id),
        dialect,
        taken_at: None,
        optional: OptionalColumns::default(),
    }
}

#[test]
fn an_empty_list_matches_nothing() {
    assert_eq!(list(Vec::<i64>::new()), "NULL");
    assert_eq!(list([1, 22, -3]), "1,22,-3");
}

#[test]
fn claims_compare_what_was_read() {
    assert_eq!(
        statements(FamilyId::V3_1, Dialect::MySql)
            .claim(&[7, 8], "h:1", 4)
            .sql(),
        "UPDATE t_ds_process_instance SET host = ? WHERE id IN (?,?) AND host = ? AND state = 4"
    );
    assert_eq!(
        statements(FamilyId::V3_3, Dialect::MySql)
            .claim(&[7], "h:1", 1)
            .sql(),
        "UPDATE t_ds_workflow_instance SET state = 18 WHERE id IN (?) AND host = ? AND state = 1"
    );
}

#[test]
fn mysql_scans_for_the_condition_alone() {
    for family in &ALL {
        let statements = statements(family.id, Dialect::MySql);
        for sql in [
            statements.unfinished_of_host("h:1", IdRange::Whole),
            statements.unfinished_of_host("h:1", IdRange::After(7)),
            statements.listed(None),
            statements.claimed(),
        ] {
            let sql = sql.sql();
            let (columns, rest) = sql.split_once(" FROM ").unwrap();
            assert!(
                columns.starts_with("SELECT STRAIGHT_JOIN i.id,") && !columns.contains("s."),
                "{sql}"
            );
            assert!(
                rest.contains("ON i.id = s.id WHERE s.state IN (")
                    && rest.contains(" ORDER BY s.id"),
                "{sql}"
            );
        }
    }
}

#[test]
fn mysql_gets_no_returning_and_locks_that_it_knows() {
    for family in &ALL {
        let statements = statements(family.id, Dialect::MySql);
        let row = InstanceRow::default();
        let command = NewCommand {
            row: &row,
            parameter: String::new(),
        };
        let columns = [("command_type", CommandValue::Number(2))];
        let insert = statements.insert_commands(&columns, &[&command], (true, None), ("", ""));
        assert!(!insert.sql().contains("RETURNING"));
        assert!(
            statements
                .rows_by_ids(&[1], RowLock::All)
                .sql()
                .ends_with("FOR UPDATE")
        );
        assert!(
            statements
                .rows_by_ids(&[1], RowLock::Free)
                .sql()
                .ends_with("FOR UPDATE SKIP LOCKED")
        );
    }
}
