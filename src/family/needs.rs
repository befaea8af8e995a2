//! The columns of a family's tables that any command reads: they must exist and be readable.

use super::{DefinitionKey, Family, FamilyId, ParameterForm};

/// Columns of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The table.
    pub table: &'static str,
    /// Its columns.
    pub columns: Vec<&'static str>,
    /// Whether a point release may lack them: if they exist, they must be readable.
    pub may_lack: bool,
}

/// Tables of the JDBC registry, which every schema of 3.3 and newer has. They are read with
/// ZooKeeper, too: masters that keep themselves registered there are alive, whatever ZooKeeper
/// shows.
const JDBC_REGISTRY: [(&str, &[&str]); 3] = [
    (
        "t_ds_jdbc_registry_data",
        &["data_key", "data_value", "client_id", "data_type"],
    ),
    (
        "t_ds_jdbc_registry_client_heartbeat",
        &["id", "last_heartbeat_time", "connection_config"],
    ),
    (
        "t_ds_jdbc_registry_lock",
        &["id", "lock_key", "lock_owner", "client_id"],
    ),
];

impl Family {
    /// The columns that are read, table by table.
    #[must_use]
    pub fn reads(&self) -> Vec<Need> {
        let mut needs = vec![
            self.instances(),
            self.tasks(),
            self.commands(),
            self.error_commands(),
        ];
        needs.extend(self.definitions());
        if self.columns.restart_time.is_some() && self.id == FamilyId::V2_0 {
            // New in 2.0.2.
            needs.push(Need {
                may_lack: true,
                ..need(self.tables.instance, &["restart_time"])
            });
        }
        if (FamilyId::V2_0..=FamilyId::V3_2).contains(&self.id) {
            // New in 2.0.1: the masters of 2.0 and 3.0 write it into the running instance of the
            // same serial definition.
            let may_lack = self.id == FamilyId::V2_0;
            needs.push(Need {
                may_lack,
                ..need(self.tables.instance, &["next_process_instance_id"])
            });
        }
        if self.id >= FamilyId::V3_3 {
            needs.extend(JDBC_REGISTRY.map(|(table, columns)| need(table, columns)));
        }
        needs
    }

    fn instances(&self) -> Need {
        let columns = &self.columns;
        let mut all = need(
            self.tables.instance,
            &["id", "state", "host", "start_time", "command_type", "name"],
        );
        all.columns.extend([
            "end_time",
            "update_time",
            "command_param",
            "executor_id",
            columns.definition,
            columns.sub_process,
            columns.priority,
        ]);
        all.columns.extend(columns.definition_version);
        all.columns
            .extend(columns.restart_time.filter(|_| self.id != FamilyId::V2_0));
        all.columns.extend(columns.state_history);
        all.columns.extend(columns.test_flag);
        all
    }

    fn tasks(&self) -> Need {
        let mut all = need(
            self.tables.task,
            &[
                "id",
                "name",
                "task_type",
                "state",
                "host",
                "submit_time",
                "start_time",
            ],
        );
        all.columns.extend([
            "pid",
            "log_path",
            "app_link",
            "flag",
            "retry_times",
            "max_retry_times",
            self.columns.task_instance,
        ]);
        all
    }

    fn commands(&self) -> Need {
        let mut all = need(
            self.tables.command,
            &[
                "id",
                "command_type",
                "command_param",
                "start_time",
                "update_time",
            ],
        );
        all.columns.extend(self.columns.command_instance);
        if self.definition == DefinitionKey::Id {
            // Masters see a command only if its definition is online.
            all.columns.push(self.columns.definition);
        }
        all
    }

    fn error_commands(&self) -> Need {
        let mut all = self.commands();
        all.table = self.tables.error_command;
        all.columns.push("message");
        all
    }

    /// The columns that show whether a master would find an instance's definition, and the zone of
    /// its schedule.
    fn definitions(&self) -> Vec<Need> {
        let (main, log) = (self.tables.definition, self.tables.definition_log);
        let logged = |columns| log.map(|table| need(table, columns));
        let mut needs: Vec<Need> = match self.definition {
            DefinitionKey::Id => vec![need(main, &["id", "release_state", "flag"])],
            DefinitionKey::CodeInMainOrLog => logged(&["code", "version"])
                .into_iter()
                .chain([need(main, &["code", "version"])])
                .collect(),
            DefinitionKey::CodeInLog => {
                let project = need(self.tables.project, &["code"]);
                logged(&["code", "version", "project_code"])
                    .into_iter()
                    .chain([project])
                    .collect()
            }
        };
        let asks_zone = |form| {
            matches!(
                form,
                ParameterForm::WithScheduleZone | ParameterForm::WithStartParams
            )
        };
        if let Some(zone) = self.columns.schedule_zone
            && self.parameter.iter().any(|fact| asks_zone(fact.value))
        {
            needs.push(need(
                self.tables.schedule,
                &[self.columns.schedule_definition, zone],
            ));
        }
        needs
    }
}

fn need(table: &'static str, columns: &[&'static str]) -> Need {
    Need {
        table,
        columns: columns.to_vec(),
        may_lack: false,
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::schema::tables;
    use crate::family::{ALL, FamilyId};
    use crate::model::Version;

    #[test]
    fn every_release_has_what_is_read_of_its_family() {
        for family in &ALL {
            let newest = if family.id == FamilyId::V3_3 {
                Version::new(3, 4, 3)
            } else {
                family.releases.to
            };
            for version in [family.releases.from, newest] {
                let tables = tables(version);
                for need in family.reads().iter().filter(|need| !need.may_lack) {
                    let table = tables.iter().find(|table| table.name == need.table);
                    let table = table.unwrap_or_else(|| panic!("{version} {}", need.table));
                    for column in &need.columns {
                        assert!(
                            table.column(column).is_some(),
                            "{version} {}.{column}",
                            need.table
                        );
                    }
                }
            }
        }
    }
}
