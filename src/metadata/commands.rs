//! Reads of the command and the error-command table.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Deref;

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::{LOOK_UP, MetadataStore};
use crate::family::{DefinitionKey, RECOVERY_COMMAND, command_name, starts_instance};
use crate::model::{CommandRow, Instance, InstanceId, ListedInstance};

/// Smaller than every id: ids start with 1, unless they were set by hand.
pub const BEFORE_EVERY_ID: i64 = i32::MIN as i64;

/// Waiting commands by instance. Of several the failover command is kept, else the newest.
#[derive(Debug, Default)]
pub struct Waiting {
    by_instance: HashMap<InstanceId, i64>,
    recovered: HashSet<InstanceId>,
    /// Commands of other types that name one of the instances: command, type, instance.
    others: Vec<(i64, Option<i64>, InstanceId)>,
}

impl Waiting {
    fn add(&mut self, command: i64, kind: Option<i64>, instance: InstanceId) {
        if kind == Some(RECOVERY_COMMAND) {
            self.recovered.insert(instance);
            self.by_instance.insert(instance, command);
            return;
        }
        self.others.push((command, kind, instance));
        if starts_instance(kind) && !self.recovered.contains(&instance) {
            self.by_instance.insert(instance, command);
        }
    }

    /// Texts about commands of other types that name one of the instances.
    pub fn others(&self) -> impl Iterator<Item = String> {
        self.others.iter().map(|(command, kind, instance)| {
            let name = kind.and_then(command_name).unwrap_or("of an unknown type");
            format!(
                "command {command} ({name}) names instance {instance}, too: see 'dsctl commands'"
            )
        })
    }

    /// Only the commands.
    #[must_use]
    pub fn into_inner(self) -> HashMap<InstanceId, i64> {
        self.by_instance
    }
}

impl Deref for Waiting {
    type Target = HashMap<InstanceId, i64>;

    fn deref(&self) -> &Self::Target {
        &self.by_instance
    }
}

impl MetadataStore {
    /// The waiting commands for these instances, of whatever type and form, that start one of them
    /// when a master takes them. One scan of the command table, without keeping the commands of
    /// others in memory.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_commands_for(
        &mut self,
        instances: impl IntoIterator<Item = InstanceId>,
    ) -> Result<Waiting, DatabaseError> {
        let instances: HashSet<InstanceId> = instances.into_iter().collect();
        let mut waiting = Waiting::default();
        let keep = |id, kind, instance| {
            if instances.contains(&instance) {
                waiting.add(id, kind, instance);
            }
        };
        self.each_waiting(keep).await?;
        Ok(waiting)
    }

    /// Passes on every waiting command that names an instance, in whatever form: its id, its type,
    /// and the instance; ids ascending. One scan of the command table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_waiting(
        &mut self,
        mut on_command: impl FnMut(i64, Option<i64>, InstanceId) + Send,
    ) -> Result<(), DatabaseError> {
        let query = self.statements().waiting_commands();
        let mut pass_on = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            if let (Some(id), Some(instance)) = (row.int(0), instance) {
                on_command(id, row.int(3), instance);
            }
        };
        self.each(&query, &mut pass_on).await
    }

    /// The waiting commands that some master takes in its turn, ids ascending. One scan of the
    /// command table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn takeable_commands(&mut self) -> Result<Vec<i64>, DatabaseError> {
        let query = self.statements().takeable_commands();
        self.collect(&query, |row| row.int(0)).await
    }

    /// Waiting commands that no master of 1.x sees, because their definition is not online, ids
    /// ascending; none in other releases. One scan of the command table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn unseen_commands(&mut self) -> Result<Vec<i64>, DatabaseError> {
        let family = self.release.family;
        if family.definition != DefinitionKey::Id || self.hides(&[family.tables.definition]) {
            return Ok(Vec::new());
        }
        let query = self.statements().unseen_commands();
        self.collect(&query, |row| row.int(0)).await
    }

    /// Orphans: instances that were handed over and have no waiting command, ids ascending. One
    /// scan of the instances, and one of the commands if any is claimed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn orphans(&mut self) -> Result<Vec<Instance>, DatabaseError> {
        let mut orphans = self.claimed().await?;
        if !orphans.is_empty() {
            let waiting = self
                .recovery_commands_for(orphans.iter().map(|instance| instance.id))
                .await?;
            orphans.retain(|instance| !waiting.contains_key(&instance.id));
        }
        Ok(orphans)
    }

    /// Those of these instances that have a waiting recovery command of a failover, with the
    /// command's id.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn failover_commands_for(
        &mut self,
        instances: impl IntoIterator<Item = InstanceId>,
    ) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let instances: HashSet<InstanceId> = instances.into_iter().collect();
        let query = self.statements().commands_from(BEFORE_EVERY_ID);
        let mut found = HashMap::new();
        let mut keep = |row: Row| {
            let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
            if let (Some(id), Some(instance)) =
                (row.int(0), instance.filter(|id| instances.contains(id)))
            {
                found.insert(instance, id);
            }
        };
        self.each(&query, &mut keep).await?;
        Ok(found)
    }

    /// Passes on every waiting command, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_command(
        &mut self,
        on_command: impl FnMut(CommandRow) + Send,
    ) -> Result<(), DatabaseError> {
        let table = self.release.family.tables.command;
        self.each_command_of(table, None, on_command).await
    }

    /// Passes on every error command, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_error_command(
        &mut self,
        on_command: impl FnMut(CommandRow) + Send,
    ) -> Result<(), DatabaseError> {
        let table = self.release.family.tables.error_command;
        self.each_command_of(table, None, on_command).await
    }

    /// The newest error command about a recovery of each of these instances. Where ids and times
    /// contradict each other about which one that is, it comes without a parameter.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_errors(
        &mut self,
        instances: &HashSet<InstanceId>,
    ) -> Result<HashMap<InstanceId, CommandRow>, DatabaseError> {
        let mut found = HashMap::new();
        let keep = |command: CommandRow| {
            if let Some(id) = command.instance_id.filter(|id| instances.contains(id)) {
                let newest = match found.remove(&id) {
                    Some(before) => CommandRow::newer_of(before, command),
                    None => command,
                };
                found.insert(id, newest);
            }
        };
        self.each_recovery_error(BEFORE_EVERY_ID, keep).await?;
        Ok(found)
    }

    /// The ids of the error commands about recoveries, ascending.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn recovery_error_ids(&mut self) -> Result<Vec<i64>, DatabaseError> {
        let query = self.statements().recovery_error_ids();
        self.collect(&query, |row| row.int(0)).await
    }

    /// Passes on every error command about a recovery, oldest first, starting with an id: a command
    /// keeps its id in the error table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn each_recovery_error(
        &mut self,
        first: i64,
        on_command: impl FnMut(CommandRow) + Send,
    ) -> Result<(), DatabaseError> {
        self.each_command_of(
            self.release.family.tables.error_command,
            Some(first),
            on_command,
        )
        .await
    }

    /// Instances that were ended by a failed recovery, and the newest error command about each,
    /// without the stack trace. Releases that leave such an instance claimed have none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn failed_recoveries(
        &mut self,
    ) -> Result<Vec<(ListedInstance, CommandRow)>, DatabaseError> {
        if self.release.failed_recovery().is_none() {
            return Ok(Vec::new());
        }
        let mut errors: HashMap<InstanceId, CommandRow> = HashMap::new();
        let keep = |mut command: CommandRow| {
            if let Some(id) = command.instance_id {
                command.message = command
                    .message
                    .as_deref()
                    .and_then(|text| text.lines().next())
                    .map(str::to_owned);
                command.command_param = None;
                let newest = match errors.remove(&id) {
                    Some(before) => CommandRow::newer_of(before, command),
                    None => command,
                };
                errors.insert(id, newest);
            }
        };
        self.each_recovery_error(BEFORE_EVERY_ID, keep).await?;
        let ended = self
            .ended_by_recovery(errors.keys().copied().collect())
            .await?;
        let with_error = ended
            .into_iter()
            .filter_map(|row| errors.remove(&row.instance.id).map(|error| (row, error)));
        Ok(with_error.collect())
    }

    /// How many [`MetadataStore::failed_recoveries`] there are. No message is read for that.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn count_failed_recoveries(&mut self) -> Result<u64, DatabaseError> {
        if self.release.failed_recovery().is_none() {
            return Ok(0);
        }
        let query = self.statements().failed_recovery_commands();
        let mut ids = BTreeSet::new();
        let mut keep =
            |row: Row| ids.extend(rows::command_instance(row.int(1), row.text(2).as_deref()));
        self.each(&query, &mut keep).await?;
        let ended = self.ended_by_recovery(ids).await?;
        Ok(ended.len() as u64)
    }

    /// Those of these instances that a failed recovery has left in its state.
    async fn ended_by_recovery(
        &mut self,
        ids: BTreeSet<InstanceId>,
    ) -> Result<Vec<ListedInstance>, DatabaseError> {
        let Some(state) = self.release.failed_recovery() else {
            return Ok(Vec::new());
        };
        let ids: Vec<InstanceId> = ids.into_iter().collect();
        let mut found = Vec::new();
        for some in ids.chunks(LOOK_UP) {
            let query = self.statements().ended_without_time(some, state);
            found.extend(self.collect(&query, rows::listed).await?);
        }
        Ok(found)
    }

    async fn each_command_of(
        &mut self,
        table: &str,
        recovery_from: Option<i64>,
        mut on_command: impl FnMut(CommandRow) + Send,
    ) -> Result<(), DatabaseError> {
        let query = self.statements().commands(table, recovery_from);
        let mut on_row = |row: Row| rows::command(&row).into_iter().for_each(&mut on_command);
        self.each(&query, &mut on_row).await
    }
}
