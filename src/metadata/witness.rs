//! Which server gave an answer. Between this process and the server that accepts writes there may
//! be a pooler that queries a replica, a cache, or something that truncates answers; and the
//! address may lead elsewhere than a moment ago. So what a read finds, above all that it finds
//! nothing, counts only with a witness: a last row of the same statement, in which the server
//! states its identity, what keeps it from writing, and a random number for this statement.

use std::hash::{BuildHasher, RandomState};

use super::database::{DatabaseError, Dialect, Row, Value};
use super::query::Query;

/// Appends the witness's row to the answer of a statement: all columns NULL, and after them one
/// more, which is NULL in all other rows. `None` if it is not a plain SELECT.
///
/// The statement keeps its order: MySQL and MariaDB ignore that of a part without LIMIT.
pub(super) fn witnessed(
    query: &Query,
    witness: &str,
    mark: &str,
    dialect: Dialect,
) -> Option<Query> {
    let (columns, width, from) = parts(query.sql())?;
    let keep_order =
        dialect == Dialect::MySql && from.contains(" ORDER BY ") && !from.contains(" LIMIT ");
    let limit = if keep_order {
        " LIMIT 18446744073709551615"
    } else {
        ""
    };
    let nulls = vec!["NULL"; width].join(", ");
    let text = format!("({columns}, NULL{from}{limit}) UNION ALL (SELECT {nulls}, CONCAT(");
    let text = query.rewritten(dialect, text);
    // Without values a statement takes one round trip; the texts of the others should be few.
    let text = if query.values().is_empty() {
        text.push(&format!("'{mark}'"))
    } else {
        text.bind(mark)
    };
    Some(text.push(&format!(", '|', {witness}))")).build())
}

/// Appends the witness to each row of a statement that locks rows. No row can follow those; and a
/// proxy that routes reads to a replica routes this one to the server that accepts writes. `None`
/// as above.
pub(super) fn signed(query: &Query, witness: &str, mark: &str, dialect: Dialect) -> Option<Query> {
    let (columns, _, rest) = parts(query.sql())?;
    let text = format!("{columns}, CONCAT('{mark}', '|', {witness}){rest}");
    Some(query.rewritten(dialect, text).build())
}

/// The columns, including SELECT, their number, and what follows them.
fn parts(sql: &str) -> Option<(&str, usize, &str)> {
    let (mut width, mut depth, mut is_text) = (1, 0_i32, false);
    for (place, character) in sql.strip_prefix("SELECT ").map(|_| sql)?.char_indices() {
        let is_outside = depth == 0 && !is_text;
        match character {
            '\'' => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text => depth -= 1,
            ',' if is_outside => width += 1,
            ' ' if is_outside && sql[place..].starts_with(" FROM ") => {
                return Some((&sql[..place], width, &sql[place..]));
            }
            _ => {}
        }
    }
    Some((sql, width, ""))
}

/// Generates a mark that no other statement has.
pub(super) fn mark() -> String {
    // Every `RandomState` has keys of its own.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What a server states about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Testimony {
    server: String,
    /// Why it accepts no writes; empty if it does.
    bars: String,
}

/// Extracts the witness's row from an answer.
#[derive(Clone, Debug)]
pub(super) struct WitnessReader {
    mark: String,
    heard: Option<String>,
    more: bool,
}

impl WitnessReader {
    pub(super) fn new(mark: String) -> Self {
        Self {
            mark,
            heard: None,
            more: false,
        }
    }

    /// From the witness that a writing statement returned.
    pub(super) fn of(mark: &str, said: String) -> Self {
        Self {
            mark: mark.to_owned(),
            heard: Some(said),
            more: false,
        }
    }

    /// Takes a row; returns it if it is one of the answer's own.
    pub(super) fn take(&mut self, row: Row) -> Option<Row> {
        match row.0.last() {
            Some(Value::Text(said)) if self.heard.is_none() => {
                self.heard = Some(said.clone());
                None
            }
            _ => {
                self.more |= self.heard.is_some();
                Some(row)
            }
        }
    }

    /// Which server it is, if known.
    pub(super) fn server(&self) -> Option<String> {
        self.clone().end().ok().map(|testimony| testimony.server)
    }

    /// The testimony, or why it is missing.
    fn end(self) -> Result<Testimony, &'static str> {
        let said = self
            .heard
            .filter(|_| !self.more)
            .ok_or("its last row is missing: it was truncated")?;
        let said = said
            .strip_prefix(&self.mark)
            .and_then(|rest| rest.strip_prefix('|'));
        let said = said
            .ok_or("it ends with the mark of another statement: it is an old one from a cache")?;
        let (server, bars) = said
            .split_once('|')
            .ok_or("the server did not identify itself")?;
        Ok(Testimony {
            server: server.to_owned(),
            bars: bars.to_owned(),
        })
    }
}

/// The testimonies so far.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    known: Option<String>,
    /// Whether writes rely on what is read.
    pub(crate) must_write: bool,
    /// What is wrong with it, if no write relies on it.
    doubt: Option<String>,
    /// Whether it testified since the last transaction started.
    vouched: bool,
}

impl Witnesses {
    /// Which server it is.
    pub(crate) fn known(&self) -> Option<&str> {
        self.known.as_deref()
    }

    pub(crate) fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    pub(crate) fn forget(&mut self) {
        (self.known, self.vouched) = (None, false);
    }

    pub(super) fn begin(&mut self) {
        self.vouched = false;
    }

    pub(super) fn has_testified(&self) -> bool {
        self.vouched
    }

    /// Compares a testimony with earlier ones. A file has no witness, and needs none.
    ///
    /// # Errors
    /// [`DatabaseError::Doubtful`]; [`DatabaseError::Lost`]: the server was started again since the
    /// first testimony, and every transaction of before has ended.
    pub(super) fn verify(
        &mut self,
        reader: Option<WitnessReader>,
        endpoint: &str,
    ) -> Result<(), DatabaseError> {
        let heard = reader.map_or(Ok(()), |reader| self.compare(reader));
        self.vouched |= heard.is_ok();
        let endpoint = endpoint.to_owned();
        heard.map_err(|objection| match objection {
            Objection::Doubt(cause) => DatabaseError::Doubtful { endpoint, cause },
            Objection::Restart(cause) => DatabaseError::Lost { endpoint, cause },
        })
    }

    /// Compares a testimony with earlier ones.
    ///
    /// # Errors
    /// Why nothing may rely on the answer.
    fn compare(&mut self, reader: WitnessReader) -> Result<(), Objection> {
        let Testimony { server, bars } = reader.end().map_err(|cause| {
            Objection::Doubt(format!(
                "an answer of the database cannot be relied on: {cause}"
            ))
        })?;
        self.doubt = None;
        if !bars.is_empty() {
            self.object(Objection::Doubt(format!(
                "the database server that answers ({server}) accepts no writes ({bars}): it may \
                 be a replica with old data"
            )))?;
        }
        match &self.known {
            Some(known) if is_restarted(known, &server) => {
                self.object(Objection::Restart(format!(
                    "the database server was started again, or another one took its address over ({known}, and now {server})"
                )))
            }
            // When only reading, later answers are compared with the server that accepts writes.
            Some(known) if *known != server => self.object(Objection::Doubt(format!(
                "the database's address led to one server ({known}), and now to another one ({server})"
            ))),
            Some(_) => Ok(()),
            None => {
                self.known = Some(server);
                Ok(())
            }
        }
    }

    fn object(&mut self, objection: Objection) -> Result<(), Objection> {
        if self.must_write {
            return Err(objection);
        }
        let (Objection::Doubt(cause) | Objection::Restart(cause)) = objection;
        self.doubt = Some(cause);
        Ok(())
    }
}

/// Why nothing may rely on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Objection {
    /// It is not from the right server, not current, or not complete.
    Doubt(String),
    /// The server was started again, which ended every connection to it. Whatever its address leads to
    /// from then on accepts writes as before, so this is a lost connection and no doubt about the
    /// address. It is not taken for the same server without a word: a standby that took the address
    /// over may lack the last commits.
    Restart(String),
}

/// How a testimony with a start says where the server is, and when it was started.
const STARTED: &str = " started ";

/// Whether these testify of one place (host, port, schemas), whose server was started later in the
/// second one. Without a host two servers behind one proxy could look like that, and nothing is known.
fn is_restarted(known: &str, now: &str) -> bool {
    let parts = |told: &str| -> Option<(String, u64, String)> {
        let (place, rest) = told.split_once(STARTED)?;
        let (start, schemas) = rest.split_once(' ').unwrap_or((rest, ""));
        Some((place.to_owned(), start.parse().ok()?, schemas.to_owned()))
    };
    match (parts(known), parts(now)) {
        (Some((place, before, schemas)), Some((same, after, also))) => {
            place == same && schemas == also && before < after
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_witness_comes_last_and_is_as_wide_as_the_rest() {
        let (mysql, postgres) = (Dialect::MySql, Dialect::Postgres);
        let sql = "SELECT STRAIGHT_JOIN i.id, CAST(i.t AS CHAR), IF(a, b, c) FROM s WHERE x IN (1,2) AND h = ";
        let query = Query::builder(mysql)
            .push(sql)
            .bind("h")
            .push(" ORDER BY s.id")
            .build();
        let query = witnessed(&query, "W", "m", mysql).unwrap();
        assert_eq!(
            query.sql(),
            "(SELECT STRAIGHT_JOIN i.id, CAST(i.t AS CHAR), IF(a, b, c), NULL FROM s WHERE x IN (1,2) AND h = ? ORDER BY s.id \
             LIMIT 18446744073709551615) UNION ALL (SELECT NULL, NULL, NULL, CONCAT(?, '|', W))"
        );
        assert_eq!(query.values(), ["h", "m"].map(Value::from));
        let query = Query::builder(postgres)
            .push("SELECT id FROM t WHERE h = ")
            .bind("h")
            .push(" LIMIT 1")
            .build();
        assert_eq!(
            witnessed(&query, "W", "m", postgres).unwrap().sql(),
            "(SELECT id, NULL FROM t WHERE h = $1::text LIMIT 1) UNION ALL (SELECT NULL, CONCAT($2::text, '|', W))"
        );
        assert_eq!(
            witnessed(&"SELECT id FROM t LIMIT 1".into(), "W", "m", postgres),
            Some(
                "(SELECT id, NULL FROM t LIMIT 1) UNION ALL (SELECT NULL, CONCAT('m', '|', W))"
                    .into()
            )
        );
        assert_eq!(witnessed(&"SHOW x".into(), "W", "m", mysql), None);
        let (columns, width, from) =
            parts("SELECT a, f(b FROM 'x, (') FROM t WHERE c = 'd, FROM '").unwrap();
        assert_eq!(
            (columns, width, from),
            (
                "SELECT a, f(b FROM 'x, (')",
                2,
                " FROM t WHERE c = 'd, FROM '"
            )
        );
    }

    fn reader(rows: &[Option<&str>]) -> WitnessReader {
        let mut reader = WitnessReader::new("m".to_owned());
        for row in rows {
            let own = reader.take(Row(vec![
                Value::Int(1),
                (*row).map_or(Value::Null, Value::from),
            ]));
            assert_eq!(own.is_some(), row.is_none());
        }
        reader
    }

    fn server(must_write: bool) -> Witnesses {
        Witnesses {
            must_write,
            ..Witnesses::default()
        }
    }

    #[test]
    fn an_answer_without_its_own_end_is_refused_whatever_rests_on_it() {
        for must_write in [false, true] {
            for rows in [
                &[None, None][..],
                &[],
                &[Some("other|a|")],
                &[Some("m|a|"), None],
                &[Some("m")],
                &[Some("m|a")],
            ] {
                assert!(
                    server(must_write).compare(reader(rows)).is_err(),
                    "{rows:?}"
                );
            }
        }
        let mut server = server(true);
        server
            .verify(Some(reader(&[None, Some("m|a|")])), "db")
            .unwrap();
        assert_eq!((server.known(), server.has_testified()), (Some("a"), true));
        server.begin();
        assert!(!server.has_testified());
    }

    #[test]
    fn writers_refuse_what_readers_only_report() {
        for (first, second) in [
            ("m|a|", "m|b|"),
            ("m|a|", "m|a|read_only is on"),
            ("m|a|read_only is on", "m|a|"),
        ] {
            let told = [first, second].map(|said| reader(&[Some(said)]));
            let mut strict = server(true);
            assert!(
                told.into_iter()
                    .any(|reader| strict.compare(reader).is_err())
            );
            let mut lenient = server(false);
            let mut doubts = 0;
            for said in [first, second] {
                lenient.compare(reader(&[Some(said)])).unwrap();
                doubts += usize::from(lenient.doubt().is_some());
            }
            assert_eq!(doubts, 1, "{first} {second}");
        }
    }

    #[test]
    fn a_server_that_was_started_again_is_a_lost_connection_and_no_other_server() {
        let first = "m|10.0.0.1 5432 started 100 schemas public|";
        for (second, is_restart) in [
            ("m|10.0.0.1 5432 started 101 schemas public|", true),
            ("m|10.0.0.1 5432 started 99 schemas public|", false),
            ("m|10.0.0.2 5432 started 101 schemas public|", false),
            ("m|10.0.0.1 5432 started 101 schemas other|", false),
            ("m|started 101 schemas public|", false),
            (
                "m|10.0.0.1 5432 started 101 schemas public|it is a standby",
                false,
            ),
        ] {
            let mut strict = server(true);
            strict.verify(Some(reader(&[Some(first)])), "db").unwrap();
            let error = strict.verify(Some(reader(&[Some(second)])), "db");
            assert_eq!(
                matches!(error, Err(DatabaseError::Lost { .. })),
                is_restart,
                "{second} {error:?}"
            );
            assert!(error.is_err(), "{second}");
        }
        // Behind a socket nothing but the start differs, as with two servers behind one proxy.
        let mut strict = server(true);
        let by_socket = |start| format!("m|started {start} schemas public|");
        let told = [100, 101].map(by_socket);
        strict
            .verify(Some(reader(&[Some(&told[0])])), "db")
            .unwrap();
        let error = strict.verify(Some(reader(&[Some(&told[1])])), "db");
        assert!(
            matches!(error, Err(DatabaseError::Doubtful { .. })),
            "{error:?}"
        );
    }

    #[test]
    fn what_locks_rows_is_signed_row_by_row() {
        assert_eq!(
            signed(
                &"SELECT a, IF(b, c, d) FROM t WHERE a IN (1,2) ORDER BY a FOR UPDATE".into(),
                "W",
                "m",
                Dialect::MySql
            ),
            Some("SELECT a, IF(b, c, d), CONCAT('m', '|', W) FROM t WHERE a IN (1,2) ORDER BY a FOR UPDATE".into())
        );
        assert_eq!(signed(&"SHOW x".into(), "W", "m", Dialect::MySql), None);
    }

    #[test]
    fn a_reader_of_two_servers_is_warned_as_long_as_that_lasts() {
        let mut server = server(false);
        for (said, doubts) in [
            ("m|a|", false),
            ("m|b|", true),
            ("m|b|", true),
            ("m|a|", false),
        ] {
            server.compare(reader(&[Some(said)])).unwrap();
            assert_eq!(server.doubt().is_some(), doubts, "{said}");
        }
    }

    #[test]
    fn after_a_reconnect_any_server_may_answer() {
        let mut server = server(true);
        server.verify(Some(reader(&[Some("m|a|")])), "db").unwrap();
        server.forget();
        assert!(!server.has_testified());
        server.compare(reader(&[Some("m|b|")])).unwrap();
    }
}
