//! Definitions and schedules of instances: whether a master would find them.

use std::collections::{HashMap, HashSet};

use super::database::{DatabaseError, Row};
use super::statements;
use super::store::{LOOK_UP, MetadataStore};
use crate::family::DefinitionKey;
use crate::model::Instance;

/// What is known about the definitions that instances refer to.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    by_version: HashSet<(i64, i64)>,
    by_id: HashMap<i64, bool>,
    without_project: HashSet<i64>,
    key: Option<DefinitionKey>,
}

impl Definitions {
    /// Whether a master would find the instance's definition. An instance of 1.x may refer to
    /// definition 0 or none.
    #[must_use]
    pub fn has(&self, instance: &Instance) -> bool {
        let Some(definition) = instance.definition else {
            return self.key == Some(DefinitionKey::Id);
        };
        match self.key {
            Some(DefinitionKey::Id) => definition == 0 || self.by_id.contains_key(&definition),
            Some(_) => {
                let version = instance.definition_version.unwrap_or(0);
                self.by_version.contains(&(definition, version))
                    && !self.without_project.contains(&definition)
            }
            None => false,
        }
    }

    /// Whether the definition is online, as masters of 1.x demand before they take its command up.
    #[must_use]
    pub fn is_online(&self, instance: &Instance) -> bool {
        self.key != Some(DefinitionKey::Id)
            || instance
                .definition
                .is_none_or(|id| id != 0 && self.by_id.get(&id).copied().unwrap_or(false))
    }
}

impl MetadataStore {
    /// The definitions of these instances.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn definitions(
        &mut self,
        instances: &[Instance],
    ) -> Result<Definitions, DatabaseError> {
        let key = self.release.family.definition;
        let mut definitions = Definitions {
            key: Some(key),
            ..Definitions::default()
        };
        for codes in distinct_definitions(instances).chunks(LOOK_UP) {
            match key {
                DefinitionKey::Id => self.read_definition_states(codes, &mut definitions).await?,
                DefinitionKey::CodeInMainOrLog => {
                    let main = self.release.family.tables.definition;
                    self.read_definition_versions(codes, main, &mut definitions)
                        .await?;
                    self.read_definition_log(codes, &mut definitions).await?;
                }
                DefinitionKey::CodeInLog => {
                    self.read_definition_log(codes, &mut definitions).await?;
                    self.read_missing_projects(codes, &mut definitions).await?;
                }
            }
        }
        Ok(definitions)
    }

    async fn read_definition_log(
        &mut self,
        codes: &[i64],
        into: &mut Definitions,
    ) -> Result<(), DatabaseError> {
        match self.release.family.tables.definition_log {
            Some(table) => self.read_definition_versions(codes, table, into).await,
            None => Ok(()),
        }
    }

    async fn read_definition_versions(
        &mut self,
        codes: &[i64],
        table: &str,
        into: &mut Definitions,
    ) -> Result<(), DatabaseError> {
        let query = statements::definition_versions(codes, table);
        let read = |row: &Row| Some((row.int(0)?, row.int(1)?));
        into.by_version.extend(self.collect(&query, read).await?);
        Ok(())
    }

    async fn read_missing_projects(
        &mut self,
        codes: &[i64],
        into: &mut Definitions,
    ) -> Result<(), DatabaseError> {
        let Some(table) = self.release.family.tables.definition_log else {
            return Ok(());
        };
        let query = self.statements().definitions_without_project(codes, table);
        into.without_project
            .extend(self.collect(&query, |row| row.int(0)).await?);
        Ok(())
    }

    async fn read_definition_states(
        &mut self,
        ids: &[i64],
        into: &mut Definitions,
    ) -> Result<(), DatabaseError> {
        let query = self.statements().definition_states(ids);
        let read = |row: &Row| Some((row.int(0)?, row.int(1) == Some(1) && row.int(2) == Some(1)));
        into.by_id.extend(self.collect(&query, read).await?);
        Ok(())
    }

    /// Zones of the schedules of these instances' definitions; a schedule without a zone is `None`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn schedule_zones(
        &mut self,
        instances: &[Instance],
    ) -> Result<HashMap<i64, Option<String>>, DatabaseError> {
        let mut zones = HashMap::new();
        for codes in distinct_definitions(instances).chunks(LOOK_UP) {
            let query = self.statements().schedule_zones(codes);
            zones.extend(
                self.collect(&query, |row| Some((row.int(0)?, row.text(1))))
                    .await?,
            );
        }
        Ok(zones)
    }
}

fn distinct_definitions(instances: &[Instance]) -> Vec<i64> {
    let mut codes: Vec<i64> = instances
        .iter()
        .filter_map(|instance| instance.definition)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
