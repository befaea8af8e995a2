//! The kill request that a failing-over master sends to a task's worker
//! (`MasterFailoverService.sendKillCommandToWorker` of 3.0 and 3.1), and the worker's answer
//! (`TaskKillProcessor`).

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::frame::{self, Frame};
use crate::model::Address;

/// `TaskKillResponseCommand`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KillResponse {
    task_instance_id: i64,
    /// A code in 3.0, the name of `TaskExecutionStatus` in 3.1.
    #[serde(default)]
    status: Json,
}

/// Asks one worker to end tasks, and returns those that it reports as ended. `request` is the
/// ordinal of `TASK_KILL_REQUEST` in its release; the answer's is the next one.
///
/// A worker that does not know a task (any more) does not answer for it: a task that is missing in
/// the answer may still run. Takes at most `limit`, and never fails: a worker that cannot be
/// reached has ended nothing.
pub async fn kill(worker: &Address, request: u8, tasks: &[i64], limit: Duration) -> HashSet<i64> {
    let mut ended = HashSet::new();
    let asking = request_kill(worker, request, tasks, &mut ended);
    let trouble = match tokio::time::timeout(limit, asking).await {
        Ok(Ok(())) => return ended,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the worker did not answer for every task in time".to_owned(),
    };
    tracing::warn!("worker {worker}: {trouble}");
    ended
}

async fn request_kill(
    worker: &Address,
    request: u8,
    tasks: &[i64],
    ended: &mut HashSet<i64>,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(worker.as_str()).await?;
    stream.set_nodelay(true)?;
    for (number, task) in (1..).zip(tasks) {
        let body = format!(r#"{{"taskInstanceId":{task}}}"#);
        stream
            .write_all(&frame::encode(request, number, body.as_bytes()))
            .await?;
    }
    let mut open: HashSet<i64> = tasks.iter().copied().collect();
    while !open.is_empty() {
        let Some((task, has_ended)) = answer(&frame::read(&mut stream).await?, request + 1) else {
            continue;
        };
        if open.remove(&task) && has_ended {
            ended.insert(task);
        }
    }
    Ok(())
}

/// The task that an answer is about, and whether it has ended. Other messages are ignored.
fn answer(frame: &Frame, response: u8) -> Option<(i64, bool)> {
    if frame.kind != response {
        return None;
    }
    let answer: KillResponse = serde_json::from_slice(&frame.body).ok()?;
    Some((answer.task_instance_id, is_end(&answer.status)))
}

/// Killed before it started (`KILL`), or its processes were killed (`SUCCESS`); anything else does
/// not mean that it has ended.
fn is_end(status: &Json) -> bool {
    const SUCCESS: i64 = 7;
    const KILL: i64 = 9;
    match status {
        Json::Number(code) => matches!(code.as_i64(), Some(SUCCESS | KILL)),
        Json::String(name) => name == "SUCCESS" || name == "KILL",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(kind: u8, body: &str) -> Option<(i64, bool)> {
        answer(
            &Frame {
                kind,
                body: body.as_bytes().to_vec(),
            },
            19,
        )
    }

    #[test]
    fn answers_of_both_releases() {
        assert_eq!(
            about(
                19,
                r#"{"taskInstanceId":5,"host":"w:1","status":7,"processId":1}"#
            ),
            Some((5, true))
        );
        assert_eq!(
            about(19, r#"{"taskInstanceId":5,"status":9}"#),
            Some((5, true))
        );
        assert_eq!(
            about(19, r#"{"taskInstanceId":5,"status":6}"#),
            Some((5, false))
        );
        assert_eq!(
            about(
                19,
                r#"{"taskInstanceId":5,"status":"SUCCESS","appIds":null}"#
            ),
            Some((5, true))
        );
        assert_eq!(
            about(19, r#"{"taskInstanceId":5,"status":"KILL"}"#),
            Some((5, true))
        );
        assert_eq!(
            about(19, r#"{"taskInstanceId":5,"status":"FAILURE"}"#),
            Some((5, false))
        );
        assert_eq!(about(19, r#"{"taskInstanceId":5}"#), Some((5, false)));
        assert_eq!(about(18, r#"{"taskInstanceId":5,"status":7}"#), None);
        assert_eq!(about(19, "[]"), None);
    }
}
