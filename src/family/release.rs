//! A family, and what is known about the point release.

use super::{
    CommandValue, Family, KillAnswer, LockPath, ParameterForm, Remark, Since, TaskRule,
    nearest_family,
};
use crate::model::{Address, Version, VersionRange};

/// What was detected: the family, and its possible releases.
#[derive(Clone, Debug)]
pub struct Release {
    /// The family.
    pub family: &'static Family,
    /// The releases that are possible by schema, `t_ds_version` and `--ds-version`.
    pub range: VersionRange,
    /// Contradictions between schema, `t_ds_version` and `--ds-version`, for the report.
    pub contradictions: Vec<String>,
}

impl Release {
    /// An exactly known release.
    #[must_use]
    pub fn exact(version: Version) -> Self {
        let family = nearest_family(version);
        Self {
            family,
            range: VersionRange::new(version, version),
            contradictions: Vec::new(),
        }
    }

    /// The version, if it is known exactly; else `None`.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.range.exact()
    }

    /// Full paths below the root of every lock that this release's masters may hold for `address`,
    /// in the order of acquiring. If the point release is unknown, there are several.
    #[must_use]
    pub fn lock_paths(&self, address: &Address) -> Vec<String> {
        self.locks()
            .into_iter()
            .map(|lock| lock.path(address))
            .collect()
    }

    /// The locks themselves.
    #[must_use]
    pub fn locks(&self) -> Vec<LockPath> {
        self.applying(self.family.locks).collect()
    }

    /// The columns of a recovery command.
    #[must_use]
    pub fn command_columns(&self) -> Vec<(&'static str, CommandValue)> {
        self.applying(self.family.command).collect()
    }

    /// The form of a recovery command's parameter: of the newest possible release, which has every
    /// key that an older one reads.
    #[must_use]
    pub fn parameter_form(&self) -> ParameterForm {
        self.applying(self.family.parameter)
            .last()
            .unwrap_or(ParameterForm::InstanceId)
    }

    /// What happens to tasks: by the newest possible release. If that makes a difference, nothing
    /// is written: see [`Release::undecided_marks`].
    #[must_use]
    pub fn task_rule(&self) -> TaskRule {
        self.applying(self.family.tasks)
            .last()
            .unwrap_or(TaskRule::Untouched)
    }

    /// Whether marking a task sets its `flag` to 0: of the newest possible release.
    #[must_use]
    pub fn mark_clears_flag(&self) -> bool {
        self.applying(self.family.mark_clears_flag)
            .last()
            .unwrap_or(false)
    }

    /// The code of the kill request to workers, if this release's masters send one and the code is
    /// certain: another release's workers would take it for something else.
    #[must_use]
    pub fn kill_request(&self) -> Option<u8> {
        let certain = |fact: &&Since<u8>| fact.releases.intersect(&self.range) == Some(self.range);
        self.family
            .kill_request
            .iter()
            .find(certain)
            .map(|fact| fact.value)
    }

    /// Whether masters of any possible release start the sub-workflows of a taken-up instance once
    /// more.
    #[must_use]
    pub fn restarts_children(&self) -> bool {
        self.applying(self.family.restarts_children)
            .any(|restarts| restarts)
    }

    /// Whether the task of a sub-workflow follows the child that its application link names.
    #[must_use]
    pub fn follows_app_link(&self) -> bool {
        self.applying(self.family.follows_app_link)
            .any(|follows| follows)
    }

    /// Whether masters of any possible release keep the lock after a failover.
    #[must_use]
    pub fn keeps_lock(&self) -> bool {
        self.applying(self.family.keeps_lock).any(|keeps| keeps)
    }

    /// Whether masters of every possible release stop themselves if others have marked them dead.
    #[must_use]
    pub fn obeys_dead_mark(&self) -> bool {
        let certain = |fact: &Since<bool>| fact.releases.intersect(&self.range) == Some(self.range);
        self.family.obeys_dead_mark.iter().any(certain)
    }

    /// Whether a recovered instance looks, in any possible release, as if it were still unfinished
    /// at the dead master.
    #[must_use]
    pub fn recovered_looks_unfinished(&self) -> bool {
        self.applying(self.family.recovered_looks_unfinished)
            .any(|looks| looks)
    }

    /// Whether masters of every possible release look for dead ones every ten minutes.
    #[must_use]
    pub fn looks_again(&self) -> bool {
        let certain = |fact: &Since<bool>| fact.releases.intersect(&self.range) == Some(self.range);
        self.family.looks_again.iter().any(certain)
    }

    /// What an operator should know about the masters of any possible release.
    pub fn remarks(&self) -> impl Iterator<Item = Remark> + '_ {
        self.applying(self.family.remarks)
    }

    /// The meaning of a worker's answer to a kill request.
    #[must_use]
    pub fn kill_answer(&self) -> Option<KillAnswer> {
        self.applying(self.family.kill_answer).next()
    }

    /// The state that an instance has after its recovery command failed, in any possible release:
    /// 3.4.0 and newer end it.
    #[must_use]
    pub fn failed_recovery(&self) -> Option<i64> {
        self.applying(self.family.failed_recovery).next()
    }

    /// The fact that depends on an unknown point release, if there is one, for messages.
    #[must_use]
    pub fn undecided(&self) -> Option<&'static str> {
        let form = || {
            (self.applying(self.family.parameter).count() > 1)
                .then_some("the form of the command's parameter")
        };
        self.undecided_marks().or_else(form)
    }

    /// Like [`Release::undecided`], for what is written without a command.
    #[must_use]
    pub fn undecided_marks(&self) -> Option<&'static str> {
        let (rules, marks) = (
            self.applying(self.family.tasks),
            self.applying(self.family.mark_clears_flag),
        );
        (rules.count() > 1 || marks.count() > 1).then_some("how tasks are marked")
    }

    fn applying<T: Copy>(
        &self,
        facts: &'static [Since<T>],
    ) -> impl Iterator<Item = T> + use<'_, T> {
        facts
            .iter()
            .filter(|fact| fact.releases.intersect(&self.range).is_some())
            .map(|fact| fact.value)
    }
}

impl LockPath {
    /// The path below the root for a dead master.
    #[must_use]
    pub fn path(self, address: &Address) -> String {
        match self {
            Self::Global(path) => path.to_owned(),
            Self::PerMaster(path) => format!("{path}/{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{ALL, FamilyId, by_id};

    fn release(id: FamilyId, from: &str, to: &str) -> Release {
        let range = VersionRange::new(from.parse().unwrap(), to.parse().unwrap());
        Release {
            family: by_id(id),
            range,
            contradictions: Vec::new(),
        }
    }

    fn locks(id: FamilyId, from: &str, to: &str) -> Vec<String> {
        release(id, from, to).lock_paths(&Address::seen("h:1"))
    }

    #[test]
    fn locks_of_each_point_release() {
        let start_up = ["lock/failover/startup-masters", "lock/failover/masters"];
        assert_eq!(locks(FamilyId::V1_2, "1.2.1", "1.2.1"), start_up);
        assert_eq!(locks(FamilyId::V1_3, "1.3.0", "1.3.2"), start_up);
        assert_eq!(
            locks(FamilyId::V1_3, "1.3.3", "1.3.5"),
            ["lock/failover/masters"]
        );
        assert_eq!(
            locks(FamilyId::V2_0, "2.0.1", "2.0.1"),
            ["lock/failover/masters"]
        );
        assert_eq!(
            locks(FamilyId::V2_0, "2.0.2", "2.0.9"),
            ["lock/failover/masters/h:1"]
        );
        assert_eq!(
            locks(FamilyId::V3_1, "3.1.0", "3.1.9"),
            ["lock/failover/masters/h:1"]
        );
        assert_eq!(
            locks(FamilyId::V3_2, "3.2.0", "3.2.2"),
            ["lock/master-failover/h:1"]
        );
        assert_eq!(
            locks(FamilyId::V3_3, "3.3.1", "3.4.0"),
            ["lock/master-failover/h:1"]
        );
    }

    #[test]
    fn an_unknown_point_release_takes_every_lock_it_could_be_in_one_order() {
        assert_eq!(
            locks(FamilyId::V2_0, "2.0.0", "2.0.9"),
            ["lock/failover/masters", "lock/failover/masters/h:1"]
        );
        assert_eq!(
            locks(FamilyId::V1_3, "1.3.0", "1.3.9"),
            ["lock/failover/startup-masters", "lock/failover/masters"]
        );
    }

    #[test]
    fn forms_that_change_within_a_family() {
        let form = |id, version| release(id, version, version).parameter_form();
        assert_eq!(
            form(FamilyId::V3_0, "3.0.0-alpha"),
            ParameterForm::InstanceId
        );
        assert_eq!(
            form(FamilyId::V3_0, "3.0.0-beta-2"),
            ParameterForm::WithScheduleZone
        );
        assert_eq!(
            form(FamilyId::V3_1, "3.1.6"),
            ParameterForm::WithScheduleZone
        );
        assert_eq!(
            form(FamilyId::V3_1, "3.1.7"),
            ParameterForm::WithStartParams
        );
        let flag = |id, version| release(id, version, version).mark_clears_flag();
        assert!(!flag(FamilyId::V3_0, "3.0.0-beta-1"));
        assert!(flag(FamilyId::V3_0, "3.0.0"));
        assert!(flag(FamilyId::V3_1, "3.1.0"));
        assert!(!flag(FamilyId::V3_1, "3.1.1"));
        let test_flag = |version| {
            release(FamilyId::V3_3, version, version)
                .command_columns()
                .iter()
                .any(|(name, _)| *name == "test_flag")
        };
        assert!(test_flag("3.3.0-alpha"));
        assert!(!test_flag("3.3.1"));
    }

    #[test]
    fn sub_workflows_start_again_in_3_2_and_in_3_3_0_alone() {
        let restarts = |id, version| release(id, version, version).restarts_children();
        assert!(
            restarts(FamilyId::V3_2, "3.2.0")
                && restarts(FamilyId::V3_2, "3.2.2")
                && restarts(FamilyId::V3_3, "3.3.0-alpha")
        );
        assert!(
            !restarts(FamilyId::V3_1, "3.1.9")
                && !restarts(FamilyId::V3_3, "3.3.1")
                && !restarts(FamilyId::V3_3, "3.4.3")
        );
        assert!(release(FamilyId::V3_3, "3.3.0-alpha", "3.4.3").restarts_children());
    }

    #[test]
    fn a_kill_request_is_sent_only_where_its_code_is_certain() {
        let code = |id, from, to| release(id, from, to).kill_request();
        assert_eq!(code(FamilyId::V3_0, "3.0.0", "3.0.0"), Some(15));
        assert_eq!(code(FamilyId::V3_0, "3.0.1", "3.0.6"), Some(17));
        assert_eq!(code(FamilyId::V3_0, "3.0.0", "3.0.6"), None);
        assert_eq!(code(FamilyId::V3_0, "3.0.0-beta-1", "3.0.0-beta-1"), None);
        assert_eq!(code(FamilyId::V3_1, "3.1.0", "3.1.9"), Some(18));
        assert_eq!(code(FamilyId::V2_0, "2.0.9", "2.0.9"), None);
        assert_eq!(code(FamilyId::V3_2, "3.2.2", "3.2.2"), None);
    }

    #[test]
    fn every_release_of_a_family_has_each_fact_once() {
        for family in &ALL {
            for version in [family.releases.from, family.releases.to] {
                let one = Release {
                    family,
                    range: VersionRange::new(version, version),
                    contradictions: Vec::new(),
                };
                assert_eq!(one.undecided(), None, "{version}");
                assert!(
                    !one.locks().is_empty() && one.applying(family.parameter).count() == 1,
                    "{version}"
                );
            }
        }
    }
}
