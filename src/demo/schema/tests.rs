//! Every release at which something changes.

use std::collections::BTreeSet;

use super::*;

/// Releases of all families, including those before and after each change.
const RELEASES: &[&str] = &[
    "1.2.0",
    "1.2.1",
    "1.3.0",
    "1.3.4",
    "1.3.5",
    "1.3.9",
    "2.0.0-alpha",
    "2.0.0",
    "2.0.1",
    "2.0.2",
    "2.0.5",
    "2.0.9",
    "3.0.0-alpha",
    "3.0.0-beta-1",
    "3.0.0-beta-2",
    "3.0.0",
    "3.0.1",
    "3.0.6",
    "3.1.0",
    "3.1.5",
    "3.1.6",
    "3.1.9",
    "3.2.0",
    "3.2.1",
    "3.2.2",
    "3.3.0-alpha",
    "3.3.1",
    "3.3.2",
    "3.4.0",
    "3.4.1",
    "3.4.2",
    "3.4.3",
    "4.0.0",
];

fn release(text: &str) -> Version {
    text.parse().unwrap()
}

fn table(version: &str, name: &str) -> Option<TableDef> {
    tables(release(version))
        .into_iter()
        .find(|table| table.name == name)
}

fn column(version: &str, table_name: &str, name: &str) -> Option<ColumnDef> {
    table(version, table_name)?.column(name).copied()
}

/// Releases in which something holds.
fn where_holds(holds: impl Fn(&str) -> bool) -> Vec<&'static str> {
    RELEASES
        .iter()
        .copied()
        .filter(|version| holds(version))
        .collect()
}

fn from(first: &str) -> Vec<&'static str> {
    where_holds(|version| release(version) >= release(first))
}

#[test]
fn nothing_is_there_twice_and_indexes_name_columns() {
    for version in RELEASES {
        let tables = tables(release(version));
        let names: BTreeSet<&str> = tables.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), tables.len(), "{version}");
        for table in &tables {
            let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name).collect();
            assert_eq!(
                columns.len(),
                table.columns.len(),
                "{version} {}",
                table.name
            );
            assert_eq!(table.columns[0].name, "id", "{version} {}", table.name);
            let indexes: BTreeSet<&str> = table.indexes.iter().map(|index| index.name).collect();
            assert_eq!(
                indexes.len(),
                table.indexes.len(),
                "{version} {}",
                table.name
            );
            for index in &table.indexes {
                assert!(
                    index.columns.iter().all(|column| columns.contains(column)),
                    "{version} {}",
                    index.name
                );
            }
        }
    }
}

#[test]
fn no_index_knows_host_or_state_of_instances() {
    for version in RELEASES {
        for table in tables(release(version))
            .iter()
            .filter(|table| table.name.ends_with("_instance"))
        {
            let indexed = table
                .indexes
                .iter()
                .any(|index| index.columns.iter().any(|c| matches!(*c, "host" | "state")));
            assert!(!indexed, "{version} {}", table.name);
        }
    }
}

#[test]
fn tables_that_tell_releases_apart() {
    let with = |name: &str| where_holds(|version| table(version, name).is_some());
    assert_eq!(with("t_ds_workflow_instance"), from("3.3.0-alpha"));
    assert_eq!(with("t_ds_task_group"), from("3.0.0-alpha"));
    assert_eq!(with("t_ds_cluster"), from("3.1.0"));
    assert_eq!(with("t_ds_listener_event"), ["3.2.1", "3.2.2"]);
    assert_eq!(with("t_ds_relation_project_worker_group"), from("3.2.2"));
    assert_eq!(with("t_ds_serial_command"), from("3.4.0"));
    assert_eq!(with("t_ds_jdbc_registry_lock"), from("3.3.0-alpha"));
    let logs = |version: &str| table(version, "t_ds_process_definition_log").is_some();
    assert_eq!(
        where_holds(|v| logs(v) || table(v, "t_ds_workflow_definition_log").is_some()),
        from("2.0.0-alpha")
    );
}

#[test]
fn columns_that_tell_releases_apart() {
    let with =
        |table: &str, name: &str| where_holds(|version| column(version, table, name).is_some());
    let until = |first: &str, end: &str| {
        let (first, end) = (release(first), release(end));
        where_holds(|version| (first..end).contains(&release(version)))
    };
    assert_eq!(with("t_ds_command", "worker_group_id"), ["1.2.0", "1.2.1"]);
    assert_eq!(with("t_ds_command", "worker_group"), from("1.3.0"));
    assert_eq!(
        with("t_ds_command", "process_definition_code"),
        until("2.0.0-alpha", "3.3.0-alpha")
    );
    assert_eq!(with("t_ds_command", "tenant_code"), from("3.2.0"));
    assert_eq!(with("t_ds_command", "test_flag"), until("3.2.0", "3.3.1"));
    assert_eq!(
        with("t_ds_process_instance", "next_process_instance_id"),
        until("2.0.1", "3.3.0-alpha")
    );
    assert_eq!(
        with("t_ds_process_instance", "restart_time"),
        until("2.0.2", "3.3.0-alpha")
    );
    assert_eq!(
        with("t_ds_workflow_instance", "restart_time"),
        from("3.3.0-alpha")
    );
    assert_eq!(
        with("t_ds_process_instance", "state_history"),
        until("3.1.0", "3.3.0-alpha")
    );
    assert_eq!(
        with("t_ds_task_instance", "task_execute_type"),
        from("3.1.0")
    );
    assert_eq!(with("t_ds_schedules", "missed_fire_policy"), from("3.4.3"));
    assert_eq!(with("t_ds_alert", "warning_type"), from("3.0.0-alpha"));
    assert_eq!(with("t_ds_alert", "sign"), from("3.0.0-beta-1"));
}

#[test]
fn widths_and_defaults_of_point_releases() {
    let host = |version: &str| {
        column(version, "t_ds_process_instance", "host")
            .unwrap()
            .kind
    };
    assert_eq!(
        (host("1.3.4"), host("1.3.5")),
        (ColumnType::VarChar(45), ColumnType::VarChar(135))
    );
    let priority = |version: &str| {
        column(version, "t_ds_command", "process_instance_priority")
            .unwrap()
            .default
    };
    assert_eq!(
        (priority("3.0.0"), priority("3.0.1")),
        (None, Some(DefaultValue::Int(2)))
    );
    let version = |version: &str| {
        column(
            version,
            "t_ds_process_instance",
            "process_definition_version",
        )
        .unwrap()
    };
    assert_eq!(
        (version("3.2.0").null, version("3.2.1").null),
        (true, false)
    );
    for (release, instance) in [
        ("1.2.0", "t_ds_process_instance"),
        ("3.4.1", "t_ds_workflow_instance"),
    ] {
        let executor = column(release, instance, "executor_id").unwrap();
        assert_eq!((executor.null, executor.default), (false, None));
    }
    let unique = |version: &str| {
        table(version, "t_ds_schedules")
            .unwrap()
            .indexes
            .iter()
            .any(|index| index.unique)
    };
    assert_eq!((unique("3.3.1"), unique("3.3.2")), (false, true));
}

#[test]
fn ids_of_error_commands_are_not_given_out() {
    for version in RELEASES {
        assert!(
            table(version, "t_ds_command").unwrap().generates_ids(),
            "{version}"
        );
        assert!(
            !table(version, "t_ds_error_command")
                .unwrap()
                .generates_ids(),
            "{version}"
        );
    }
}

#[test]
fn what_fresh_installations_say_of_themselves() {
    let says = [
        ("1.2.1", "1.2.0"),
        ("1.3.2", "1.3.0"),
        ("1.3.5", "1.3.3"),
        ("1.3.9", "1.3.9"),
        ("2.0.1", "2.0.2"),
        ("2.0.8", "2.0.7"),
        ("2.0.9", "2.0.9"),
        ("3.0.0-alpha", "3.0.0"),
        ("3.0.0-beta-1", "3.0.0"),
        ("3.2.1", "3.2.1"),
        ("3.2.2", "3.3.0"),
        ("3.3.0-alpha", "3.3.0"),
        ("3.4.1", "3.4.1"),
        ("3.4.3", "3.4.3"),
    ];
    for (version, text) in says {
        assert_eq!(fresh_version_row(release(version)), text, "{version}");
    }
}
