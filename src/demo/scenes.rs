//! The story as rows of the tables.

use jiff::civil::DateTime;
use serde_json::json;

use super::cast::{CAST, HostOf, RATES, Role, Situation, WORKFLOWS};
use super::registration::{Registered, Server};
use super::schema::{R2_0, is_typed};
use super::seed::{self, Seed, time_text};
use super::story::{Story, server_address};
use crate::family::{Claim, nearest_family};
use crate::model::Version;

mod tasks;

/// How long a heartbeat is valid: the file should stay usable for rehearsals.
const TEN_YEARS_MILLIS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// Minutes since the start of the living servers: before every instance of theirs.
const SERVERS_STARTED: i64 = 2 * 24 * 60;

/// A story as rows, in the order in which they may be inserted.
#[must_use]
pub fn rows(story: &Story) -> Vec<Seed> {
    let mut rows = servers(story);
    rows.extend(definitions(story.version));
    for role in CAST {
        rows.push(instance(story, role));
        rows.extend(tasks::rows(story, role));
    }
    rows.extend(commands(story));
    rows
}

fn servers(story: &Story) -> Vec<Seed> {
    let servers = [
        (Server::Master, &story.living_master),
        (Server::Worker, &story.living_worker),
    ];
    let registered = servers
        .into_iter()
        .zip(1_i64..)
        .map(|((server, address), client)| Registered {
            server,
            address: address.as_str(),
            client,
            process: 4700 + client,
            started: story.instant(SERVERS_STARTED),
            reported: story.now,
            session_millis: TEN_YEARS_MILLIS,
        });
    registered
        .flat_map(|registered| registered.rows(story.version))
        .collect()
}

fn definitions(version: Version) -> Vec<Seed> {
    let mut rows = vec![seed::project(version)];
    for workflow in WORKFLOWS {
        let defined = |row: Seed| row.definition(workflow.key(version), 1).name(workflow.name);
        rows.push(defined(seed::definition(version)));
        if version >= R2_0 {
            rows.push(defined(seed::definition_log(version)));
        }
    }
    let schedule = seed::schedule(version).definition(RATES.key(version), 1);
    rows.push(schedule.maybe("timezone_id", "Asia/Shanghai"));
    rows
}

fn instance(story: &Story, role: &Role) -> Seed {
    let (version, started) = (story.version, story.ago(role.minutes_ago));
    let name = story
        .scenes
        .iter()
        .find(|scene| scene.instance == role.instance)
        .map(|scene| scene.name.as_str());
    let row = seed::instance(version)
        .id(role.instance)
        .set("name", name)
        .definition(role.workflow.key(version), 1)
        .host(&host(story, role))
        .state(state(version, role))
        .started(started)
        .set("is_sub_process", i64::from(role.part == Situation::Child))
        .maybe("state_history", state_history(version, role, started));
    let row = if role.part == Situation::Finished {
        row.time("end_time", story.ago(role.minutes_ago - 5))
    } else {
        row
    };
    match role.part {
        Situation::Child => row.parameter(&child_parameter(version, role)),
        Situation::StartParameters => row.parameter(start_parameters(version)),
        Situation::Scheduled => row
            .set("command_type", 6)
            .time("schedule_time", started)
            .parameter(schedule_parameter(version)),
        _ => row,
    }
}

/// Up to 3.2 the claim is in the host, later in the state.
fn host(story: &Story, role: &Role) -> String {
    let owner = match role.owner {
        HostOf::Living => story.living_master.clone(),
        HostOf::Dead => story.dead_master.clone(),
        HostOf::Other { host, port } => server_address(story.version, host, port),
    };
    match nearest_family(story.version).claim {
        Claim::Host(text) if role.part.is_claimed() => text.to_owned(),
        Claim::Host(_) | Claim::State(_) => owner.to_string(),
    }
}

fn state(version: Version, role: &Role) -> i64 {
    match nearest_family(version).claim {
        Claim::State(state) if role.part.is_claimed() => state,
        Claim::State(_) | Claim::Host(_) => role.state,
    }
}

/// From 3.3 on masters write an entry when they take up a start, and none afterwards; the hand-over
/// writes none in any release.
fn state_history(version: Version, role: &Role, started: DateTime) -> String {
    let entry = |state: &str, desc: &str| json!({ "time": time_text(started), "state": state, "desc": desc });
    let begun = entry("RUNNING_EXECUTION", "start a new process");
    let entries = match role.state {
        _ if is_typed(version) => vec![begun],
        4 => vec![begun, entry("READY_STOP", "stop requested")],
        5 => vec![begun, entry("STOP", "stopped")],
        6 => vec![begun, entry("FAILURE", "a task failed")],
        7 => vec![begun, entry("SUCCESS", "all tasks done")],
        _ => vec![begun],
    };
    json!(entries).to_string()
}

fn child_parameter(version: Version, role: &Role) -> String {
    if is_typed(version) {
        return json!({ "commandType": "START_PROCESS", "subWorkflowInstance": true }).to_string();
    }
    let parent = tasks::PARENT_INSTANCE.to_string();
    json!({ "processInstanceId": role.instance.to_string(), "parentProcessInstanceId": parent })
        .to_string()
}

/// Up to 3.2 start parameters are a JSON object inside a JSON text.
fn start_parameters(version: Version) -> &'static str {
    if is_typed(version) {
        concat!(
            r#"{"commandType":"START_PROCESS","subWorkflowInstance":false,"startNodes":null,"commandParams":"#,
            r#"[{"prop":"region","direct":"IN","type":"VARCHAR","value":"emea"}],"timeZone":null}"#
        )
    } else {
        r#"{"StartParams":"{\"region\":\"emea\"}"}"#
    }
}

fn schedule_parameter(version: Version) -> &'static str {
    if is_typed(version) {
        r#"{"commandType":"SCHEDULER","subWorkflowInstance":false,"timeZone":"Asia/Shanghai"}"#
    } else {
        r#"{"schedule_timezone":"Asia/Shanghai"}"#
    }
}

/// One recovery command waits; another one failed, and only its error row is left.
fn commands(story: &Story) -> impl Iterator<Item = Seed> {
    const WAITING: i64 = 42;
    const FAILED: i64 = 41;
    let version = story.version;
    let claimed = CAST.iter().filter(|role| role.part.is_claimed());
    claimed.map(move |role| {
        let row = if role.part == Situation::WaitingCommand {
            seed::recovery_command(version, role.instance)
                .id(WAITING)
                .of_instance(role.instance)
        } else {
            failed_command(version, role).id(FAILED)
        };
        let row = row
            .definition(role.workflow.key(version), 1)
            .time("update_time", story.ago(9));
        // From 3.3 on a failover omits the start time.
        if is_typed(version) {
            row
        } else {
            row.time("start_time", story.ago(9))
        }
    })
}

/// Up to 3.2.1 the error row loses the instance's column; its parameter still names it.
fn failed_command(version: Version, role: &Role) -> Seed {
    let message = "Deadlock found when trying to get lock; try restarting transaction";
    let row = seed::error_command(version, 0, crate::family::RECOVERY_COMMAND, message)
        .parameter(&seed::recovery_parameter(version, role.instance));
    if version < Version::new(3, 2, 2) {
        row
    } else {
        row.of_instance(role.instance)
    }
}
