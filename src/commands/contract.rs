//! The keys that a command's document always has, whatever became of the command.

use serde_json::Value;

use crate::cli::{Command, LockCommand, SafetyArgs};
use crate::output::Body;

/// No record at all.
const NONE: [Value; 0] = [];

/// The body of a command that came to nothing: every key, with nothing in it.
pub(super) fn nothing(command: &Command) -> Body {
    match command {
        Command::Masters => Body::default().records("masters", "master", NONE),
        Command::Lock(LockCommand::Status(_)) => Body::default().records("locks", "lock", NONE),
        Command::Lock(LockCommand::Acquire(_)) => {
            Body::default().records("locks", "lock", NONE).key("held_ms", Value::Null)
        }
        Command::Instances(_) => Body::default().records("instances", "instance", NONE),
        Command::ClearHosts(arguments) => run(&arguments.safety).key("next", Vec::<Value>::new()),
        Command::Recover(arguments) => run(&arguments.safety),
        Command::Failover(arguments) => run(&arguments.safety).key("take_up", Value::Null),
        Command::Commands => {
            Body::default().records("commands", "command", NONE).records("error_commands", "error_command", NONE)
        }
        Command::Demo(_) => demo(),
        Command::Watch(_) | Command::Completions { .. } | Command::Man | Command::Help(_) => Body::default(),
    }
}

fn run(safety: &SafetyArgs) -> Body {
    Body::default()
        .key("dry_run", safety.dry_run)
        .key("locks", Vec::<Value>::new())
        .records("masters", "master", NONE)
        .key("recovered", 0)
        .key("skipped", 0)
        .key("elapsed_ms", 0)
        .key("reason", safety.reason.clone())
}

fn demo() -> Body {
    let lists = ["masters", "instances_before", "plan", "outcome", "instances"];
    let body = lists.into_iter().fold(Body::default(), |body, key| match key {
        "plan" | "outcome" => body.key(key, Value::Null),
        list => body.key(list, Vec::<Value>::new()),
    });
    body.key("file", Value::Null).key("dead_master", Value::Null)
}

/// Puts what the command came to over the body that holds nothing; the keys keep that one's order.
pub(super) fn complete(nothing: Body, answer: Body) -> Body {
    let mut body = Body { keys: nothing.keys, ..answer };
    body.keys.extend(answer.keys);
    for records in nothing.records {
        if !body.records.iter().any(|other| other.key == records.key) {
            body.records.push(records);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Records;

    #[test]
    fn an_answer_fills_what_was_empty_and_adds_the_rest() {
        let nothing = Body::default().key("a", 0).records("list", "item", NONE).key("b", Value::Null);
        let answer = Body::default().records("list", "item", vec![json!(1)]).key("new", 2).key("a", 3).closing("end");
        let body = complete(nothing, answer);
        assert_eq!(body.records.iter().flat_map(Records::texts).collect::<Vec<_>>(), ["1"]);
        assert_eq!(Value::Object(body.keys).to_string(), r#"{"a":3,"list":null,"b":null,"new":2}"#);
        assert_eq!((body.records.len(), body.closing.len()), (1, 1));
    }
}
