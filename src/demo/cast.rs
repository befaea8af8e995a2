//! The demo's workflows and instances, as data.

use super::schema::R2_0;
use crate::model::{InstanceId, Version};

/// The situation that an instance shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// It was running when its master died.
    Running,
    /// It was being stopped when its master died.
    Stopping,
    /// One of its tasks is the instance with [`Situation::Child`].
    Parent,
    /// The sub-process of [`Situation::Parent`].
    Child,
    /// It was started with its own parameters.
    StartParameters,
    /// A schedule in another zone started it.
    Scheduled,
    /// Already handed over; its recovery command waits.
    WaitingCommand,
    /// Already handed over, and its recovery command is gone: no master will ever take it up.
    Orphan,
    /// The living master runs it.
    OfLivingMaster,
    /// Finished.
    Finished,
}

impl Situation {
    /// Whether a failover of the dead master has to take it up.
    #[must_use]
    pub fn hangs(self) -> bool {
        use Situation::{Child, Parent, Running, Scheduled, StartParameters, Stopping};
        matches!(
            self,
            Running | Stopping | Parent | Child | StartParameters | Scheduled
        )
    }

    /// Whether its host or state says that it was handed over.
    #[must_use]
    pub fn is_claimed(self) -> bool {
        matches!(self, Self::WaitingCommand | Self::Orphan)
    }
}

/// A workflow.
#[derive(Debug)]
pub(super) struct Workflow {
    /// 1 and up.
    number: i64,
    pub(super) name: &'static str,
}

impl Workflow {
    /// Its id in 1.x, its code later.
    pub(super) fn key(&self, version: Version) -> i64 {
        if version < R2_0 {
            self.number
        } else {
            13_841_792_583_680 + self.number
        }
    }
}

const fn workflow(number: i64, name: &'static str) -> Workflow {
    Workflow { number, name }
}

const SALES: Workflow = workflow(1, "daily_sales_report");
const CLICKS: Workflow = workflow(2, "hourly_clickstream");
const CUSTOMERS: Workflow = workflow(3, "customer_360");
const PROFILES: Workflow = workflow(4, "customer_360_profiles");
const REVENUE: Workflow = workflow(5, "revenue_by_region");
pub(super) const RATES: Workflow = workflow(6, "shanghai_fx_rates");
const STOCK: Workflow = workflow(7, "inventory_snapshot");
const CHURN: Workflow = workflow(8, "churn_model");
const LOGS: Workflow = workflow(9, "log_compaction");

/// Every workflow.
pub(super) const WORKFLOWS: &[Workflow] = &[
    SALES, CLICKS, CUSTOMERS, PROFILES, REVENUE, RATES, STOCK, CHURN, LOGS,
];

/// The master that an instance belongs or belonged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostOf {
    Living,
    Dead,
    /// Addresses that begin like the dead master's, so that a comparison by prefix shows.
    Other {
        host: &'static str,
        port: u16,
    },
}

/// An instance.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) instance: InstanceId,
    pub(super) part: Situation,
    pub(super) workflow: &'static Workflow,
    pub(super) owner: HostOf,
    pub(super) state: i64,
    pub(super) minutes_ago: i64,
}

const fn role(
    instance: InstanceId,
    part: Situation,
    workflow: &'static Workflow,
    owner: HostOf,
) -> Role {
    Role {
        instance,
        part,
        workflow,
        owner,
        state: 0,
        minutes_ago: 0,
    }
}

impl Role {
    /// Its state, and when it started.
    const fn at(self, state: i64, minutes_ago: i64) -> Self {
        Self {
            state,
            minutes_ago,
            ..self
        }
    }
}

const LONGER_HOST: HostOf = HostOf::Other {
    host: "10.0.0.22",
    port: 5678,
};
const LONGER_PORT: HostOf = HostOf::Other {
    host: "10.0.0.2",
    port: 56789,
};

/// In 1.2 an address has no port, and a longer one would be the dead master's: these rows are
/// finished.
pub(super) const CAST: &[Role] = &[
    role(101, Situation::Finished, &SALES, HostOf::Dead).at(7, 2_950),
    role(102, Situation::Finished, &CLICKS, LONGER_PORT).at(7, 2_880),
    role(103, Situation::Finished, &CUSTOMERS, LONGER_HOST).at(6, 1_600),
    role(104, Situation::Finished, &RATES, HostOf::Living).at(5, 1_560),
    role(105, Situation::Finished, &SALES, HostOf::Dead).at(7, 1_510),
    role(111, Situation::Running, &SALES, HostOf::Dead).at(1, 74),
    role(112, Situation::Stopping, &CLICKS, HostOf::Dead).at(4, 68),
    role(113, Situation::Parent, &CUSTOMERS, HostOf::Dead).at(1, 61),
    role(114, Situation::Child, &PROFILES, HostOf::Dead).at(1, 58),
    role(115, Situation::StartParameters, &REVENUE, HostOf::Dead).at(1, 47),
    role(116, Situation::Scheduled, &RATES, HostOf::Dead).at(1, 45),
    role(117, Situation::WaitingCommand, &STOCK, HostOf::Dead).at(1, 90),
    role(118, Situation::Orphan, &CHURN, HostOf::Dead).at(1, 95),
    role(119, Situation::OfLivingMaster, &LOGS, HostOf::Living).at(1, 30),
    role(120, Situation::OfLivingMaster, &CLICKS, HostOf::Living).at(1, 8),
];
