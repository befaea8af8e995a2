//! The settings of a session: the server's, those that are needed, and how to restore them.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::mysql::MySqlValueFormat;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use super::super::driver::milliseconds;
use super::obstacle::LoginObstacle;
use super::value;

/// Variables of the session, as the server set them, by their names in lower case.
pub(super) type SessionVariables = BTreeMap<String, String>;

/// Keeps texts from being truncated.
const STRICT: &str = "STRICT_ALL_TABLES";

/// Modes in which a statement means something else: a text that becomes empty is NULL, and a
/// condition with it never holds, so that an insert would not see the command that is there already;
/// `BEGIN` begins no transaction; and a host in a column of type CHAR ends with blanks, and is no
/// master's.
const OTHER_MEANING: [&str; 3] = ["EMPTY_STRING_IS_NULL", "ORACLE", "PAD_CHAR_TO_FULL_LENGTH"];

/// The SQL mode of the session, from the one that the server set.
fn sql_mode(given: &str) -> String {
    let kept = given
        .split(',')
        .filter(|mode| !mode.is_empty() && !OTHER_MEANING.contains(mode));
    kept.chain([STRICT]).collect::<Vec<_>>().join(",")
}

/// The largest row limit. Setting `max_join_size` resets `sql_big_selects`, which therefore comes
/// after it.
const NO_LIMIT: u64 = u64::MAX;

/// The variables that identify a server, that keep it from accepting writes, and that say how it
/// logs them, if this server has them.
const OF_SERVER: [&str; 11] = [
    "hostname",
    "port",
    "server_id",
    "server_uuid",
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "tx_read_only",
    "transaction_read_only",
    "binlog_format",
    "wsrep_on",
];

/// What the end of a transaction does in addition: `NO_CHAIN` means nothing.
const COMPLETION: &str = "completion_type";

/// Whether a statement that changes rows without a key is refused. It is for people who forget a
/// condition, and a site may have taken keys away.
const SAFE_UPDATES: &str = "sql_safe_updates";

/// The statements before which a node of a Galera cluster waits until it has caught up with the
/// others. Without that it may lag behind and still accept writes: a command inserted through
/// another node is not seen there, and neither is a row lock. 7 means reads, updates and inserts,
/// and the start of a transaction.
const SYNC_WAIT: &str = "wsrep_sync_wait";

/// The variables that are set in a session, in the order in which they can be restored: some of
/// these set others.
const OF_SESSION: [&str; 16] = [
    "autocommit",
    COMPLETION,
    SYNC_WAIT,
    SAFE_UPDATES,
    "innodb_lock_wait_timeout",
    "lock_wait_timeout",
    "wait_timeout",
    "sql_mode",
    "sql_select_limit",
    "max_join_size",
    "sql_big_selects",
    "max_statement_time",
    "max_execution_time",
    "character_set_client",
    "character_set_results",
    "collation_connection",
];

/// The isolation level, by the names of old and new servers.
const LEVELS: [&str; 2] = ["transaction_isolation", "tx_isolation"];

fn variables() -> String {
    let names = OF_SERVER.into_iter().chain(OF_SESSION).chain(LEVELS);
    let names = names
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(", ");
    format!("SHOW VARIABLES WHERE Variable_name IN ({names})")
}

/// The statements that restore a session as the server set it.
pub(super) fn restore_statements(known: &SessionVariables) -> Vec<String> {
    let set = |name: &&str| {
        let value = known
            .get(*name)
            .filter(|value| *name == "sql_mode" || !value.is_empty())?;
        let is_number = value.parse::<f64>().is_ok();
        Some(format!(
            "SESSION {name} = {}",
            if is_number {
                value.clone()
            } else {
                quoted(value)
            }
        ))
    };
    let sets = OF_SESSION.iter().filter_map(set).collect::<Vec<_>>();
    let level = LEVELS
        .iter()
        .find_map(|name| known.get(*name))
        .map(|level| level.replace('-', " "));
    let level = level.map(|level| format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"));
    (!sets.is_empty())
        .then(|| format!("SET {}", sets.join(", ")))
        .into_iter()
        .chain(level)
        .collect()
}

/// An SQL string literal for any SQL mode.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// SQL for which server answers, and why it accepts no writes: from the variables that it has.
pub(super) fn witness(known: &SessionVariables) -> String {
    let of = |names: &[&str], write: fn(&str) -> String| {
        let named = names.iter().filter(|name| known.contains_key(**name));
        // An empty list is not valid SQL.
        named
            .map(|name| write(name))
            .chain(["NULL".to_owned()])
            .collect::<Vec<_>>()
            .join(", ")
    };
    let server = of(&["hostname", "port", "server_id", "server_uuid"], |name| {
        format!("@@{name}")
    });
    let global = of(
        &["read_only", "super_read_only", "innodb_read_only"],
        |name| is_on("GLOBAL", name),
    );
    let session = of(&["tx_read_only", "transaction_read_only"], |name| {
        is_on("SESSION", name)
    });
    format!("CONCAT(CONCAT_WS(' ', {server}), '|', CONCAT_WS(', ', {global}, {session}))")
}

/// Some servers have words as values of these variables.
fn is_on(scope: &str, name: &str) -> String {
    format!("CASE WHEN CAST(@@{scope}.{name} AS CHAR) NOT IN ('0', 'OFF') THEN '{name} is on' END")
}

/// The server's version in lower case, and the variables of the session as the server set them.
/// From here on no row limit hides anything.
pub(super) async fn read(
    connection: &mut MySqlConnection,
) -> Result<(String, SessionVariables), sqlx::Error> {
    // A row limit would hide variables, too.
    let first = connection
        .fetch_one(sqlx::raw_sql(
            "SELECT VERSION(), @@SESSION.sql_select_limit",
        ))
        .await?;
    let first = value::row(&first, MySqlValueFormat::Text).map_err(sqlx::Error::Protocol)?;
    let version = first.text(0).unwrap_or_default();
    // Nothing is set here: each setting would stay on some connection that is everybody's.
    if version.contains("ShardingSphere") {
        return Err(LoginObstacle::ShardingSphere(version).into_error());
    }
    let version = version.to_lowercase();
    let limit = format!("SET SESSION sql_select_limit = {NO_LIMIT}");
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(limit)))
        .await?;
    let mut known = SessionVariables::new();
    for row in connection
        .fetch_all(sqlx::raw_sql(AssertSqlSafe(variables())))
        .await?
    {
        let row = value::row(&row, MySqlValueFormat::Text).map_err(sqlx::Error::Protocol)?;
        known.insert(
            row.text(0).unwrap_or_default().to_lowercase(),
            row.text(1).unwrap_or_default(),
        );
    }
    known.insert(
        "sql_select_limit".to_owned(),
        first.text(1).unwrap_or_default(),
    );
    // If they have their defaults, they are not mentioned, so that a proxy need not know them.
    let in_cluster = known.get("wsrep_on").is_some_and(|on| on == "ON");
    known.retain(|name, value| match name.as_str() {
        COMPLETION => value != "NO_CHAIN",
        SAFE_UPDATES => value != "OFF",
        SYNC_WAIT => in_cluster,
        _ => true,
    });
    Ok((version, known))
}

/// How long a statement waits for a lock, in seconds.
pub(super) fn lock_wait(timeout: Duration) -> u64 {
    timeout.as_secs().clamp(1, 31_536_000)
}

/// The settings that every session needs. The time zone stays the server's own, and so does the SQL
/// mode, except for modes that change the meaning of statements, and for strictness: without it a
/// text that is too long is truncated, and no master can read half a `command_param`. Without
/// `autocommit`, which a server may have off by default, single statements would never be
/// committed; nor if each end of a transaction starts another one, or closes the connection. At
/// READ UNCOMMITTED work that another client may still roll back would look done. Row limits
/// protect users who forget a condition: they would truncate answers, or refuse a scan.
///
/// They are set statement by statement, and with literal values: so `ProxySQL` knows what to repeat
/// on another connection, and what to reset on one that the next client gets
/// (`mysql_tracked_variables`).
///
/// At READ COMMITTED the insert of commands reads those of others without a lock. At REPEATABLE
/// READ it locks all of them, and waits for clients that have one locked, such as a master that
/// died during a transaction, until the server notices. Only with statement-based binary logging
/// the server requires it.
///
/// `timeout` is how long a statement waits for a lock, `statement_timeout` how long it may run.
pub(super) fn settings(
    known: &SessionVariables,
    timeout: Duration,
    statement_timeout: Duration,
    is_mariadb: bool,
) -> [String; 2] {
    let lock = lock_wait(timeout);
    let limit = milliseconds(statement_timeout);
    let limit = match (is_mariadb, limit % 1000) {
        (true, 0) => format!("max_statement_time = {}", limit / 1000),
        (true, rest) => format!("max_statement_time = {}.{rest:03}", limit / 1000),
        (false, _) => format!("max_execution_time = {limit}"),
    };
    let mode = sql_mode(known.get("sql_mode").map_or("", String::as_str));
    let where_known = |name, setting| {
        if known.contains_key(name) {
            setting
        } else {
            ""
        }
    };
    let alone = where_known(COMPLETION, "SESSION completion_type = 0, ");
    let synced = where_known(SYNC_WAIT, "SESSION wsrep_sync_wait = 7, ");
    let keyless = where_known(SAFE_UPDATES, "SESSION sql_safe_updates = 0, ");
    let logs_statements = known
        .get("binlog_format")
        .is_some_and(|format| format == "STATEMENT");
    let level = if logs_statements {
        "REPEATABLE READ"
    } else {
        "READ COMMITTED"
    };
    [
        format!(
            "SET SESSION autocommit = 1, {alone}{synced}{keyless}SESSION innodb_lock_wait_timeout = {lock}, \
                 SESSION lock_wait_timeout = {lock}, SESSION sql_mode = {}, SESSION max_join_size = {NO_LIMIT}, \
                 SESSION sql_big_selects = 1, SESSION {limit}, NAMES utf8mb4",
            quoted(&mode)
        ),
        format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SessionVariables, restore_statements, settings, witness};

    fn of_server(timeout: Duration, limit: Duration, is_mariadb: bool) -> String {
        settings(&SessionVariables::new(), timeout, limit, is_mariadb).join("; ")
    }

    #[test]
    fn each_server_gets_its_own_statement_limit() {
        let (timeout, limit) = (Duration::from_secs(3), Duration::from_millis(1050));
        let mysql = of_server(timeout, limit, false);
        assert!(
            mysql.contains("SESSION max_execution_time = 1050,")
                && !mysql.contains("max_statement_time"),
            "{mysql}"
        );
        let mariadb = of_server(timeout, limit, true);
        assert!(
            mariadb.contains("SESSION max_statement_time = 1.050,"),
            "{mariadb}"
        );
        assert!(of_server(timeout, timeout, true).contains("SESSION max_statement_time = 3,"));
        assert!(
            mariadb
                .contains("SESSION innodb_lock_wait_timeout = 3, SESSION lock_wait_timeout = 3,"),
            "{mariadb}"
        );
    }

    #[test]
    fn no_limit_is_ever_zero_which_would_mean_none() {
        let mysql = of_server(Duration::ZERO, Duration::ZERO, false);
        assert!(
            mysql.contains("innodb_lock_wait_timeout = 1,")
                && mysql.contains("max_execution_time = 1,"),
            "{mysql}"
        );
        assert!(
            of_server(Duration::ZERO, Duration::ZERO, true).contains("max_statement_time = 0.001,")
        );
    }

    #[test]
    fn a_server_is_asked_for_what_it_knows() {
        let known = |names: &[&str]| {
            witness(
                &names
                    .iter()
                    .map(|name| ((*name).to_owned(), "1".to_owned()))
                    .collect(),
            )
        };
        let on = |scope: &str, name: &str| super::is_on(scope, name);
        assert_eq!(
            known(&[
                "hostname",
                "port",
                "server_id",
                "server_uuid",
                "read_only",
                "super_read_only"
            ]),
            format!(
                "CONCAT(CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@server_uuid, NULL), '|', CONCAT_WS(', ', {}, {}, \
                 NULL, NULL))",
                on("GLOBAL", "read_only"),
                on("GLOBAL", "super_read_only")
            )
        );
        assert_eq!(
            known(&[]),
            "CONCAT(CONCAT_WS(' ', NULL), '|', CONCAT_WS(', ', NULL, NULL))"
        );
    }

    #[test]
    fn what_is_set_is_given_back() {
        let known: SessionVariables = [
            ("autocommit", "OFF"),
            ("sql_mode", ""),
            ("max_statement_time", "0.000000"),
            ("character_set_results", ""),
            ("tx_isolation", "READ-UNCOMMITTED"),
            ("hostname", "db"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            restore_statements(&known),
            [
                "SET SESSION autocommit = 'OFF', SESSION sql_mode = '', SESSION max_statement_time = 0.000000",
                "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
            ]
        );
        assert_eq!(restore_statements(&SessionVariables::new()), [""; 0]);
    }
}
