//! The text of a recovery command's `command_param` (F§7.5), as a live master of the release would
//! write it.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::family::{Claim, Family, ParameterForm};
use crate::model::{CommandRow, FARTHEST_ZONES, Instance, InstanceId, InstanceRow, SkipReason};

/// The state that an instance of 3.3 or newer had before it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum OriginalState {
    /// `RUNNING_EXECUTION`
    Running,
    /// `READY_PAUSE`
    ReadyPause,
    /// `READY_STOP`
    ReadyStop,
}

/// What an operator states about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenState {
    /// For named instances: it is used, whatever is stored.
    Named(OriginalState),
    /// For all orphans: it is used for those whose state is not stored.
    WhereUnknown(OriginalState),
}

impl GivenState {
    fn state(self) -> OriginalState {
        match self {
            Self::Named(state) | Self::WhereUnknown(state) => state,
        }
    }
}

/// The state that a command is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OriginalStateFound {
    /// `None` if it is neither stored nor given.
    pub(crate) state: Option<OriginalState>,
    /// The stored state, if the operator states another one.
    pub(crate) contradicted: Option<OriginalState>,
}

impl OriginalState {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Upstream's name (`WorkflowExecutionStatus`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING_EXECUTION",
            Self::ReadyPause => "READY_PAUSE",
            Self::ReadyStop => "READY_STOP",
        }
    }

    /// Its name on the command line and in JSON.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.into()
    }

    /// From upstream's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }

    /// From a state code of an unfinished instance.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Running),
            2 => Some(Self::ReadyPause),
            4 => Some(Self::ReadyStop),
            _ => None,
        }
    }

    /// The state in a claimed instance's former recovery command and in its own history: if they
    /// differ, the newer one. The command may have been written in another zone than the history,
    /// so that only a difference larger than any two zones proves which is newer.
    ///
    /// Masters write RUNNING_EXECUTION into the history when they take up a start, and nothing when
    /// a user requests a pause or stop: by itself it does not show that the instance was to go on.
    #[must_use]
    pub fn found(row: &InstanceRow, error: Option<&CommandRow>) -> Option<Self> {
        let lived = row.state_history.as_deref().and_then(from_history);
        let asked = lived.filter(|state| *state != Self::Running);
        let Some(error) = error else { return asked };
        let said = error.command_param.as_deref().and_then(from_command);
        let (command_time, change) = (
            error.written(),
            // A take-up since then shows in one or the other.
            row.instance.last_change.max(row.instance.restart_time),
        );
        let ahead = command_time
            .zip(change)
            .map(|(command, change)| command.duration_since(change));
        match ahead {
            Some(ahead) if ahead > FARTHEST_ZONES => said,
            Some(ahead) if ahead < -FARTHEST_ZONES => asked,
            // Both may be of a life before the last one, which somebody has asked to stop.
            _ if said == lived && asked.is_none() && began_again(&row.instance) => None,
            _ if said == lived => said,
            // Without any history nothing can be newer.
            _ if lived.is_none() && change.is_none() => said,
            _ => None,
        }
    }
}

/// Whether it was taken up, or run, once more after its first start. Both times are of masters.
fn began_again(instance: &Instance) -> bool {
    instance.restart_time.is_some() && instance.restart_time != instance.start_time
}

fn from_command(parameter: &str) -> Option<OriginalState> {
    let parameter: serde_json::Value = serde_json::from_str(parameter).ok()?;
    OriginalState::from_name(parameter.get("workflowExecutionStatus")?.as_str()?)
}

/// `state_history` is a list of `{time, state, desc}`; the hand-over itself adds nothing to it.
fn from_history(history: &str) -> Option<OriginalState> {
    let history: serde_json::Value = serde_json::from_str(history).ok()?;
    OriginalState::from_name(history.as_array()?.last()?.get("state")?.as_str()?)
}

/// A definition's schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule<'a> {
    /// Its zone; may be missing.
    pub(crate) zone: Option<&'a str>,
}

/// The sources of the text, besides the instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParameterSources<'a> {
    pub(crate) form: ParameterForm,
    /// The definition's schedule, if it has one.
    pub(crate) schedule: Option<Schedule<'a>>,
    /// 3.3 and newer.
    pub(crate) original_state: Option<OriginalState>,
}

#[derive(Serialize)]
struct Typed {
    #[serde(rename = "commandType")]
    command_type: &'static str,
    #[serde(rename = "subWorkflowInstance")]
    sub_workflow_instance: bool,
    #[serde(rename = "startNodes")]
    start_nodes: Option<()>,
    #[serde(rename = "commandParams")]
    command_params: Option<()>,
    #[serde(rename = "timeZone")]
    time_zone: Option<()>,
    #[serde(rename = "workflowExecutionStatus")]
    workflow_execution_status: &'static str,
}

/// The value of `StartParams`, verbatim. Of two the last counts, as in upstream's parser; null
/// counts as missing.
fn start_params(own: &str) -> Option<&RawValue> {
    let keys: HashMap<String, &RawValue> = serde_json::from_str(own).ok()?;
    keys.get("StartParams")
        .copied()
        .filter(|value| value.get() != "null")
}

#[derive(Serialize)]
struct WithNumber<'a> {
    #[serde(rename = "StartParams", skip_serializing_if = "Option::is_none")]
    start_params: Option<&'a RawValue>,
    #[serde(rename = "ProcessInstanceId")]
    instance: InstanceId,
}

/// With a schedule, upstream re-writes the map with every value as text.
#[derive(Serialize)]
struct WithTexts<'a> {
    #[serde(rename = "StartParams", skip_serializing_if = "Option::is_none")]
    start_params: Option<String>,
    #[serde(rename = "ProcessInstanceId")]
    instance: String,
    schedule_timezone: Option<&'a str>,
}

/// Writes the text for one instance.
///
/// # Errors
/// Why no master could read such a text; the instance must be left alone then.
pub(crate) fn write(
    row: &InstanceRow,
    sources: ParameterSources<'_>,
) -> Result<String, SkipReason> {
    match sources.form {
        ParameterForm::InstanceId => Ok(text(&WithNumber {
            start_params: None,
            instance: row.instance.id,
        })),
        ParameterForm::WithScheduleZone => with_map(row.instance.id, None, sources.schedule),
        ParameterForm::WithStartParams => {
            let own = row.command_param.as_deref();
            with_map(
                row.instance.id,
                own.and_then(start_params),
                sources.schedule,
            )
        }
        ParameterForm::Typed => {
            let state = sources
                .original_state
                .ok_or(SkipReason::OriginalStateUnknown)?;
            Ok(text(&Typed {
                command_type: "RECOVER_TOLERANCE_FAULT",
                sub_workflow_instance: false,
                start_nodes: None,
                command_params: None,
                time_zone: None,
                workflow_execution_status: state.name(),
            }))
        }
    }
}

fn with_map(
    instance: InstanceId,
    start_params: Option<&RawValue>,
    schedule: Option<Schedule<'_>>,
) -> Result<String, SkipReason> {
    let Some(Schedule { zone }) = schedule else {
        return Ok(text(&WithNumber {
            start_params,
            instance,
        }));
    };
    let start_params = start_params.map(as_text).transpose()?;
    Ok(text(&WithTexts {
        start_params,
        instance: instance.to_string(),
        schedule_timezone: zone,
    }))
}

fn as_text(value: &RawValue) -> Result<String, SkipReason> {
    match serde_json::from_str(value.get()) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        Ok(serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Ok(value.get().to_owned()),
        _ => Err(SkipReason::StartParameters),
    }
}

fn text(value: &impl Serialize) -> String {
    // Structures of texts and numbers always serialise; an empty object would be refused by any
    // reader.
    serde_json::to_string(value).unwrap_or_default()
}

/// The state before the hand-over, for an instance that is being handed over now or was before.
pub(crate) fn original_state(
    family: &Family,
    row: &InstanceRow,
    given: Option<GivenState>,
    error_command: Option<&CommandRow>,
) -> OriginalStateFound {
    if matches!(family.claim, Claim::Host(_)) || !family.claim.is_on(&row.instance) {
        let state = row.instance.state.and_then(OriginalState::from_code);
        return OriginalStateFound {
            state,
            contradicted: None,
        };
    }
    let found = OriginalState::found(row, error_command);
    let state = match given {
        Some(GivenState::Named(state)) => Some(state),
        Some(GivenState::WhereUnknown(state)) => found.or(Some(state)),
        None => found,
    };
    let given = given.map(GivenState::state);
    OriginalStateFound {
        state,
        contradicted: found.filter(|found| given.is_some_and(|given| given != *found)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn row(command_param: &str) -> InstanceRow {
        let instance = Instance {
            id: 123,
            ..Instance::default()
        };
        InstanceRow {
            instance,
            command_param: Some(command_param.to_owned()),
            ..InstanceRow::default()
        }
    }

    #[allow(clippy::option_option)] // no schedule, one without a zone, one with
    fn written(
        form: ParameterForm,
        own: &str,
        zone: Option<Option<&str>>,
    ) -> Result<String, SkipReason> {
        let schedule = zone.map(|zone| Schedule { zone });
        write(
            &row(own),
            ParameterSources {
                form,
                schedule,
                original_state: Some(OriginalState::ReadyStop),
            },
        )
    }

    #[test]
    fn the_texts_of_each_form() {
        use ParameterForm as F;
        let own = r#"{"StartParams":"{\"day\":\"1\"}","x":1}"#;
        let plain = r#"{"ProcessInstanceId":123}"#;
        assert_eq!(written(F::InstanceId, own, Some(None)).unwrap(), plain);
        assert_eq!(written(F::WithScheduleZone, own, None).unwrap(), plain);
        assert_eq!(
            written(F::WithScheduleZone, own, Some(Some("Asia/Shanghai"))).unwrap(),
            r#"{"ProcessInstanceId":"123","schedule_timezone":"Asia/Shanghai"}"#
        );
        assert_eq!(
            written(F::WithScheduleZone, own, Some(None)).unwrap(),
            r#"{"ProcessInstanceId":"123","schedule_timezone":null}"#
        );
        assert_eq!(
            written(F::WithStartParams, own, None).unwrap(),
            r#"{"StartParams":"{\"day\":\"1\"}","ProcessInstanceId":123}"#
        );
        assert_eq!(
            written(F::WithStartParams, own, Some(Some("UTC"))).unwrap(),
            r#"{"StartParams":"{\"day\":\"1\"}","ProcessInstanceId":"123","schedule_timezone":"UTC"}"#
        );
        assert_eq!(
            written(F::Typed, own, None).unwrap(),
            r#"{"commandType":"RECOVER_TOLERANCE_FAULT","subWorkflowInstance":false,"startNodes":null,"commandParams":null,"timeZone":null,"workflowExecutionStatus":"READY_STOP"}"#
        );
    }

    #[test]
    fn start_parameters_are_kept_to_the_letter() {
        let own = r#"{"StartParams":{"n": 1.50, "big":123456789012345678901234567890}}"#;
        assert_eq!(
            written(ParameterForm::WithStartParams, own, None).unwrap(),
            r#"{"StartParams":{"n": 1.50, "big":123456789012345678901234567890},"ProcessInstanceId":123}"#
        );
        let refused = written(ParameterForm::WithStartParams, own, Some(None));
        assert_eq!(refused, Err(SkipReason::StartParameters));
    }

    #[test]
    fn a_lost_state_is_found_again_or_not_guessed() {
        let mut claimed = InstanceRow {
            instance: Instance {
                state: Some(18),
                ..Instance::default()
            },
            state_history: Some(
                r#"[{"time":"t","state":"SUBMITTED_SUCCESS"},{"state":"READY_PAUSE"}]"#.to_owned(),
            ),
            ..InstanceRow::default()
        };
        assert_eq!(
            OriginalState::found(&claimed, None),
            Some(OriginalState::ReadyPause)
        );
        claimed.instance.last_change = "2024-06-01T07:00:00".parse().ok();
        let found = |status: &str, time: &str| {
            let error = CommandRow {
                command_param: Some(format!(r#"{{"workflowExecutionStatus":"{status}"}}"#)),
                update_time: time.parse().ok(),
                ..CommandRow::default()
            };
            OriginalState::found(&claimed, Some(&error))
        };
        assert_eq!(found("READY_PAUSE", ""), Some(OriginalState::ReadyPause));
        assert_eq!(
            found("READY_STOP", "2024-06-02T10:00:00"),
            Some(OriginalState::ReadyStop)
        );
        assert_eq!(
            found("READY_STOP", "2024-05-30T10:00:00"),
            Some(OriginalState::ReadyPause)
        );
        // In one zone it is newer, in another one older.
        assert_eq!(found("READY_STOP", "2024-06-01T15:00:00"), None);
        assert_eq!(found("READY_STOP", ""), None);
        // An old release's parameter contains no state.
        assert_eq!(found("", "2024-06-02T10:00:00"), None);
        assert_eq!(
            found("", "2024-05-30T10:00:00"),
            Some(OriginalState::ReadyPause)
        );
        // A recovery that was taken up since is newer than the command.
        let restarted = "2024-06-08T10:00:00".parse().ok();
        let mut later = claimed.clone();
        later.instance.restart_time = restarted;
        let stopped = CommandRow {
            command_param: Some(r#"{"workflowExecutionStatus":"READY_STOP"}"#.to_owned()),
            update_time: "2024-06-02T10:00:00".parse().ok(),
            ..CommandRow::default()
        };
        assert_eq!(
            OriginalState::found(&later, Some(&stopped)),
            Some(OriginalState::ReadyPause)
        );
        // Its first recovery failed while it was running; a second one was taken up soon, and whoever
        // asked to stop it then is written nowhere.
        let mut again = claimed.clone();
        again.state_history =
            Some(r#"[{"time":"2024-06-01 07:00:00","state":"RUNNING_EXECUTION"}]"#.to_owned());
        let failed = CommandRow {
            command_param: Some(r#"{"workflowExecutionStatus":"RUNNING_EXECUTION"}"#.to_owned()),
            update_time: "2024-06-01T08:00:00".parse().ok(),
            ..CommandRow::default()
        };
        let start: Option<DateTime> = "2024-06-01T07:00:00".parse().ok();
        again.instance.start_time = start;
        for (restarted, found) in [
            (None, Some(OriginalState::Running)),
            (start, Some(OriginalState::Running)),
            ("2024-06-01T09:00:00".parse().ok(), None),
        ] {
            again.instance.restart_time = restarted;
            assert_eq!(OriginalState::found(&again, Some(&failed)), found);
        }
        claimed.instance.last_change = None;
        for history in [
            None,
            // It was running when that was written; whether it was to stop is not stored.
            Some(r#"[{"time":"t","state":"RUNNING_EXECUTION"}]"#),
            Some("[]"),
            Some("{"),
            Some(r#"[{"state":"SUCCESS"}]"#),
        ] {
            claimed.state_history = history.map(str::to_owned);
            assert_eq!(OriginalState::found(&claimed, None), None);
        }
        let sources = ParameterSources {
            form: ParameterForm::Typed,
            schedule: None,
            original_state: None,
        };
        assert_eq!(
            write(&claimed, sources),
            Err(SkipReason::OriginalStateUnknown)
        );
    }

    proptest! {
        #[test]
        fn whatever_the_instance_holds_the_text_is_json_with_its_id(own in ".*", zone in proptest::option::of(".*")) {
            let schedule = Some(zone.as_deref());
            for schedule in [None, schedule] {
                let text = written(ParameterForm::WithStartParams, &own, schedule).unwrap();
                let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
                let id = &parsed["ProcessInstanceId"];
                prop_assert!(id == 123 || id == "123");
            }
        }
    }
}
