//! The values of a row before its hand-over.

use std::collections::HashMap;

use jiff::civil::DateTime;

use crate::model::{Address, Instance, InstanceId};

/// An instance that was handed over, and its row before: a take-up shows only as a difference to
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The instance.
    pub instance: InstanceId,
    /// Its command; unknown if a master was quicker than the query for its id.
    pub command: Option<i64>,
    /// The master that it was taken from.
    pub master: Address,
    /// State code.
    pub state: Option<i64>,
    /// Start of its latest run.
    pub restart_time: Option<DateTime>,
}

impl HandedOver {
    pub(super) fn of(
        row: &Instance,
        master: &Address,
        commands: &HashMap<InstanceId, i64>,
    ) -> Self {
        let command = commands.get(&row.id).copied();
        Self {
            instance: row.id,
            command,
            master: master.clone(),
            state: row.state,
            restart_time: row.restart_time,
        }
    }
}
