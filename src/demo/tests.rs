//! Every release gets its file, and the file contains the story.

use std::path::Path;

use super::*;
use crate::family::{FamilyId, Release, TaskRule, nearest_family};
use crate::metadata::Query;
use crate::metadata::database::Dialect;
use crate::metadata::sqlite::{OpenMode, SqliteDatabase};

const RELEASES: &[&str] = &[
    "1.2.0",
    "1.2.1",
    "1.3.0",
    "1.3.5",
    "1.3.9",
    "2.0.0",
    "2.0.1",
    "2.0.5",
    "2.0.9",
    "3.0.0-alpha",
    "3.0.0-beta-1",
    "3.0.0",
    "3.0.6",
    "3.1.0",
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
];

const NOW: &str = "2024-06-01T03:15:00Z";

/// A demo and its file.
struct Demo {
    version: Version,
    family: FamilyId,
    story: Story,
    database: SqliteDatabase,
    _folder: tempfile::TempDir,
}

fn open(folder: &Path) -> SqliteDatabase {
    let timeout = Duration::from_secs(5);
    SqliteDatabase::open(&folder.join("demo.db"), OpenMode::Create, timeout, timeout).unwrap()
}

impl Demo {
    async fn new(release: &str) -> Self {
        let version: Version = release.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut database = open(folder.path());
        let story = create(&mut database, version, NOW.parse().unwrap())
            .await
            .unwrap();
        Self {
            version,
            family: nearest_family(version).id,
            story,
            database,
            _folder: folder,
        }
    }

    /// A list of texts; `process` in the query becomes `workflow` from 3.3 on.
    async fn ask(&mut self, sql: &str, parameters: &[&str]) -> Vec<String> {
        let sql = if self.family == FamilyId::V3_3 {
            sql.replace("process", "workflow")
        } else {
            sql.to_owned()
        };
        let mut pieces = sql.split('?');
        let query = Query::builder(Dialect::Sqlite).push(pieces.next().unwrap_or_default());
        let query = pieces
            .zip(parameters)
            .fold(query, |query, (piece, text)| query.bind(*text).push(piece))
            .build();
        let mut rows = Vec::new();
        let result = self
            .database
            .query(&query, &mut |row| {
                rows.push(row.text(0).unwrap_or_default());
            })
            .await;
        result.unwrap_or_else(|error| panic!("{}: {sql}: {error:?}", self.version));
        rows
    }

    async fn ids(&mut self, sql: &str, parameters: &[&str]) -> Vec<i64> {
        self.ask(sql, parameters)
            .await
            .iter()
            .map(|text| text.parse().unwrap())
            .collect()
    }

    fn definition_column(&self) -> &'static str {
        if self.family < FamilyId::V2_0 {
            "process_definition_id"
        } else {
            "process_definition_code"
        }
    }
}

#[tokio::test]
async fn what_the_dead_master_left_is_what_hangs() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let dead = demo.story.dead_master.to_string();
        let sql = "SELECT id FROM t_ds_process_instance WHERE host = ? AND state IN (0, 1, 2, 4, 12, 17) ORDER BY id";
        assert_eq!(
            demo.ids(sql, &[&dead]).await,
            demo.story.hanging(),
            "{release}"
        );
        assert_eq!(demo.story.hanging().len(), 6, "{release}");
    }
}

#[tokio::test]
async fn claimed_instances_wear_the_mark_of_their_release() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let claimed = match demo.family {
            FamilyId::V3_3 => {
                demo.ids(
                    "SELECT id FROM t_ds_process_instance WHERE state = 18 ORDER BY id",
                    &[],
                )
                .await
            }
            family => {
                let text = if family == FamilyId::V1_2 {
                    "null"
                } else {
                    "NULL"
                };
                demo.ids(
                    "SELECT id FROM t_ds_process_instance WHERE host = ? ORDER BY id",
                    &[text],
                )
                .await
            }
        };
        assert_eq!(
            claimed,
            [
                demo.story.of(Situation::WaitingCommand),
                demo.story.of(Situation::Orphan)
            ]
            .concat(),
            "{release}"
        );
    }
}

#[tokio::test]
async fn one_recovery_command_waits_and_it_names_its_instance() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let waiting = demo.story.of(Situation::WaitingCommand);
        let parameters = demo
            .ask(
                "SELECT command_param FROM t_ds_command WHERE command_type = 2",
                &[],
            )
            .await;
        assert_eq!(parameters.len(), 1, "{release}");
        if demo.family >= FamilyId::V2_0 {
            assert_eq!(
                demo.ids("SELECT process_instance_id FROM t_ds_command", &[])
                    .await,
                waiting,
                "{release}"
            );
        }
        if demo.family < FamilyId::V3_3 {
            assert_eq!(
                parameters,
                [format!(r#"{{"ProcessInstanceId":{}}}"#, waiting[0])],
                "{release}"
            );
        } else {
            assert!(
                parameters[0].contains(r#""commandType":"RECOVER_TOLERANCE_FAULT""#),
                "{release}"
            );
        }
    }
}

#[tokio::test]
async fn every_instance_has_its_definition_online() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let (column, key) = (
            demo.definition_column(),
            if demo.family < FamilyId::V2_0 {
                "id"
            } else {
                "code"
            },
        );
        let online = format!(
            "SELECT i.id FROM t_ds_process_instance i JOIN t_ds_process_definition d ON d.{key} = i.{column}
             WHERE d.release_state = 1 AND d.flag = 1"
        );
        assert_eq!(
            demo.ids(&online, &[]).await.len(),
            demo.story.scenes.len(),
            "{release}"
        );
        if demo.family >= FamilyId::V2_0 {
            let logged = "SELECT i.id FROM t_ds_process_instance i JOIN t_ds_process_definition_log d
                          ON d.code = i.process_definition_code AND d.version = i.process_definition_version
                          JOIN t_ds_project p ON p.code = d.project_code";
            assert_eq!(
                demo.ids(logged, &[]).await.len(),
                demo.story.scenes.len(),
                "{release}"
            );
        }
    }
}

#[tokio::test]
async fn no_task_needs_a_danger_flag() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let (dead, worker) = (
            demo.story.dead_master.to_string(),
            demo.story.living_worker.to_string(),
        );
        let sql = "SELECT t.id FROM t_ds_task_instance t JOIN t_ds_process_instance i ON i.id = t.process_instance_id
                   WHERE i.host = ? AND i.state IN (1, 4) AND t.state IN (0, 1, 17) AND t.host = ?";
        let on_living_worker = demo.ids(sql, &[&dead, &worker]).await;
        let rerun = Release::exact(demo.version).task_rule() == TaskRule::AllUnfinished;
        assert_eq!(
            on_living_worker.is_empty(),
            rerun,
            "{release}: {on_living_worker:?}"
        );
    }
}

#[tokio::test]
async fn parent_and_child_hang_together() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let dead = demo.story.dead_master.to_string();
        let sql = "SELECT r.process_instance_id FROM t_ds_relation_process_instance r
                   JOIN t_ds_task_instance t ON t.id = r.parent_task_instance_id AND t.host = ?
                   JOIN t_ds_process_instance p ON p.id = r.parent_process_instance_id AND p.id = t.process_instance_id
                   JOIN t_ds_process_instance c ON c.id = r.process_instance_id AND c.is_sub_process = 1";
        assert_eq!(
            demo.ids(sql, &[&dead]).await,
            demo.story.of(Situation::Child),
            "{release}"
        );
    }
}

#[tokio::test]
async fn the_living_are_registered_for_years_and_the_dead_are_not() {
    for release in RELEASES {
        let mut demo = Demo::new(release).await;
        let keys = demo
            .ask(
                "SELECT data_key FROM t_ds_jdbc_registry_data ORDER BY id",
                &[],
            )
            .await;
        let (master, worker) = (&demo.story.living_master, &demo.story.living_worker);
        let (masters, workers) = match demo.family {
            FamilyId::V1_2 => ("/masters", "/workers"),
            _ if demo.version <= Version::new(3, 1, 0) => {
                ("/nodes/master", "/nodes/worker/default")
            }
            _ => ("/nodes/master", "/nodes/worker"),
        };
        assert_eq!(
            keys,
            [format!("{masters}/{master}"), format!("{workers}/{worker}")],
            "{release}"
        );
        let living = "SELECT h.id FROM t_ds_jdbc_registry_client_heartbeat h
                      JOIN t_ds_jdbc_registry_data d ON d.client_id = h.id
                      WHERE h.last_heartbeat_time + json_extract(h.connection_config, '$.sessionTimeout') > ?";
        let in_nine_years = "2001000000000";
        assert_eq!(
            demo.ids(&living.replace('?', in_nine_years), &[]).await,
            [1, 2],
            "{release}"
        );
    }
}

#[tokio::test]
async fn orphans_of_3_3_remember_their_state() {
    let mut demo = Demo::new("3.4.1").await;
    let orphan = demo.story.of(Situation::Orphan)[0].to_string();
    let history = demo
        .ask(
            "SELECT state_history FROM t_ds_workflow_instance WHERE id = ?",
            &[&orphan],
        )
        .await;
    let history: serde_json::Value = serde_json::from_str(&history[0]).unwrap();
    assert_eq!(history[0]["state"], "RUNNING_EXECUTION");
}

#[tokio::test]
async fn a_file_that_is_in_use_stays_as_it_is() {
    let mut demo = Demo::new("3.2.2").await;
    let instances = "SELECT COUNT(*) FROM t_ds_process_instance";
    let before = demo.ids(instances, &[]).await;
    let again = create(&mut demo.database, Version::new(3, 4, 1), Timestamp::now()).await;
    assert!(
        matches!(again, Err(DatabaseError::Refused { .. })),
        "{again:?}"
    );
    assert_eq!(demo.ids(instances, &[]).await, before);
    let newer = "SELECT name FROM sqlite_master WHERE name = 't_ds_serial_command'";
    assert_eq!(demo.ask(newer, &[]).await, [""; 0]);
    assert_eq!(
        demo.ask("SELECT version FROM t_ds_version", &[]).await,
        ["3.3.0"]
    );
}
