//! Proxies that change answers, by name.

use super::database::{Database, DatabaseError, Dialect};

/// How the cause begins where ShardingSphere-Proxy answers.
pub(crate) const SHARDING_SPHERE: &str = "ShardingSphere-Proxy answers, and through it nobody can read which tables and columns there are";

/// A statement of ShardingSphere-Proxy's own up to 5.2, and from 5.3 on; to PostgreSQL both are errors.
const ITS_OWN: [&str; 2] = ["SHOW ALL VARIABLES", "SHOW DIST VARIABLES"];

/// What 5.1 says of a statement of its own that it does not know, also in PostgreSQL's protocol.
const ITS_WORDS: &str = "You have an error in your SQL syntax";

/// The same error with the name of the proxy that it comes from, where that can be told. In MySQL's
/// protocol it shows by its version, before anything is asked.
pub(super) async fn by_name(database: &mut dyn Database, error: DatabaseError) -> DatabaseError {
    let DatabaseError::Doubtful { endpoint, cause } = error else {
        return error;
    };
    let is_sharding = database.dialect() == Dialect::Postgres && is_sharding_sphere(database).await;
    let cause = if is_sharding {
        format!("{SHARDING_SPHERE} ({cause})")
    } else {
        cause
    };
    DatabaseError::Doubtful { endpoint, cause }
}

async fn is_sharding_sphere(database: &mut dyn Database) -> bool {
    for statement in ITS_OWN {
        let mut rows = 0_u32;
        let answer = database
            .query(&statement.into(), &mut |_| rows = rows.saturating_add(1))
            .await;
        if is_its(&answer, rows) {
            return true;
        }
    }
    false
}

fn is_its(answer: &Result<(), DatabaseError>, rows: u32) -> bool {
    match answer {
        Ok(()) => rows > 0,
        Err(error) => error.to_string().contains(ITS_WORDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ShardingSphere-Proxy 5.1.0 and PostgreSQL 15 answer.
    #[test]
    fn only_the_proxy_knows_its_own_statements() {
        let refused = |cause: &str| {
            Err(DatabaseError::Refused {
                endpoint: "db".to_owned(),
                cause: cause.to_owned(),
                busy: false,
            })
        };
        assert!(is_its(&Ok(()), 3));
        assert!(!is_its(&Ok(()), 0));
        assert!(is_its(
            &refused("You have an error in your SQL syntax (SQLSTATE 42601)"),
            0
        ));
        assert!(!is_its(
            &refused("syntax error at or near \"DIST\" (SQLSTATE 42601)"),
            0
        ));
    }
}
