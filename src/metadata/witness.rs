//! Who gave an answer. Between us and the server that takes the writes may stand a pooler that asks
//! a replica, a cache, or something that cuts answers off; and the address may lead elsewhere than
//! a moment ago. So what a read finds, above all that it finds nothing, counts only with a witness:
//! a last row of the very statement, in which the server says who it is, what keeps it from
//! writing, and a number that was drawn for this statement.

use std::hash::{BuildHasher, RandomState};

use super::database::{DatabaseError, Dialect, Row, Value};
use super::query::Query;

/// Ends the answer to a statement with the witness's row: all columns NULL, and behind them one
/// more, which is NULL in all other rows. `None` for what is no plain SELECT.
///
/// The statement keeps its own order: a server of MySQL's kind forgets that of a part without
/// LIMIT.
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

/// Ends each row of a statement that locks rows with what the witness says. Nothing can stand
/// behind those; and whoever leads reads to a replica leads this one to the server that takes the
/// writes. `None` as above.
pub(super) fn signed(query: &Query, witness: &str, mark: &str, dialect: Dialect) -> Option<Query> {
    let (columns, _, rest) = parts(query.sql())?;
    let text = format!("{columns}, CONCAT('{mark}', '|', {witness}){rest}");
    Some(query.rewritten(dialect, text).build())
}

/// The columns, with the word SELECT before them, how many they are, and what follows them.
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

/// Draws a mark that no other statement has, ours included.
pub(super) fn mark() -> String {
    // Every `RandomState` has keys of its own.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Testimony {
    server: String,
    /// Why it takes no writes; empty where it does.
    bars: String,
}

/// Takes the witness's row out of an answer.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    mark: String,
    heard: Option<String>,
    more: bool,
}

impl Hearing {
    pub(super) fn new(mark: String) -> Self {
        Self {
            mark,
            heard: None,
            more: false,
        }
    }

    /// What a writing statement returned of its witness.
    pub(super) fn of(mark: &str, said: String) -> Self {
        Self {
            mark: mark.to_owned(),
            heard: Some(said),
            more: false,
        }
    }

    /// Takes a row; gives it back if it is one of the answer's own.
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

    /// Which server it is, if that is told.
    pub(super) fn server(&self) -> Option<String> {
        self.clone().end().ok().map(|testimony| testimony.server)
    }

    /// The testimony, or why there is none.
    fn end(self) -> Result<Testimony, &'static str> {
        let said = self
            .heard
            .filter(|_| !self.more)
            .ok_or("the row that ends it did not come: it was cut off")?;
        let said = said
            .strip_prefix(&self.mark)
            .and_then(|rest| rest.strip_prefix('|'));
        let said = said
            .ok_or("it ends with the mark of another question: it is an old one, out of a cache")?;
        let (server, bars) = said
            .split_once('|')
            .ok_or("the server did not say who it is")?;
        Ok(Testimony {
            server: server.to_owned(),
            bars: bars.to_owned(),
        })
    }
}

/// What the witnesses have said so far.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    known: Option<String>,
    /// Whether writes rest on what is read.
    pub(crate) must_write: bool,
    /// What is wrong with it, where nothing rests on that.
    doubt: Option<String>,
    /// Whether it was heard since the last transaction began.
    vouched: bool,
}

impl Witnesses {
    /// Which one it is.
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

    pub(super) fn is_vouched(&self) -> bool {
        self.vouched
    }

    /// Compares what is heard with what was heard before. A file has no witness, and needs none.
    ///
    /// # Errors
    /// [`DatabaseError::Doubtful`].
    pub(super) fn believe(
        &mut self,
        hearing: Option<Hearing>,
        endpoint: &str,
    ) -> Result<(), DatabaseError> {
        let heard = hearing.map_or(Ok(()), |hearing| self.hear(hearing));
        self.vouched |= heard.is_ok();
        heard.map_err(|cause| DatabaseError::Doubtful {
            endpoint: endpoint.to_owned(),
            cause,
        })
    }

    /// Compares what is heard with what was heard before.
    ///
    /// # Errors
    /// Why nothing may rest on the answer.
    fn hear(&mut self, hearing: Hearing) -> Result<(), String> {
        let Testimony { server, bars } = hearing
            .end()
            .map_err(|cause| format!("an answer of the database's cannot be relied on: {cause}"))?;
        self.doubt = None;
        if !bars.is_empty() {
            self.object(format!(
                "the database server that answers ({server}) takes no writes ({bars}): it may be a replica, and what it says \
                 may be old"
            ))?;
        }
        match &self.known {
            // Who reads goes on to compare with the one that takes the writes.
            Some(known) if *known != server => self.object(format!(
                "the database's address led to one server ({known}), and now to another one ({server})"
            )),
            Some(_) => Ok(()),
            None => {
                self.known = Some(server);
                Ok(())
            }
        }
    }

    fn object(&mut self, cause: String) -> Result<(), String> {
        if self.must_write {
            return Err(cause);
        }
        self.doubt = Some(cause);
        Ok(())
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

    fn hearing(rows: &[Option<&str>]) -> Hearing {
        let mut hearing = Hearing::new("m".to_owned());
        for row in rows {
            let own = hearing.take(Row(vec![
                Value::Int(1),
                (*row).map_or(Value::Null, Value::from),
            ]));
            assert_eq!(own.is_some(), row.is_none());
        }
        hearing
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
                assert!(server(must_write).hear(hearing(rows)).is_err(), "{rows:?}");
            }
        }
        let mut server = server(true);
        server
            .believe(Some(hearing(&[None, Some("m|a|")])), "db")
            .unwrap();
        assert_eq!((server.known(), server.is_vouched()), (Some("a"), true));
        server.begin();
        assert!(!server.is_vouched());
    }

    #[test]
    fn who_writes_refuses_what_who_reads_only_hears() {
        for (first, second) in [
            ("m|a|", "m|b|"),
            ("m|a|", "m|a|read_only is on"),
            ("m|a|read_only is on", "m|a|"),
        ] {
            let told = [first, second].map(|said| hearing(&[Some(said)]));
            let mut strict = server(true);
            assert!(
                told.into_iter()
                    .any(|hearing| strict.hear(hearing).is_err())
            );
            let mut lenient = server(false);
            let mut doubts = 0;
            for said in [first, second] {
                lenient.hear(hearing(&[Some(said)])).unwrap();
                doubts += usize::from(lenient.doubt().is_some());
            }
            assert_eq!(doubts, 1, "{first} {second}");
        }
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
    fn whoever_reads_from_two_servers_is_told_as_long_as_that_lasts() {
        let mut server = server(false);
        for (said, doubts) in [
            ("m|a|", false),
            ("m|b|", true),
            ("m|b|", true),
            ("m|a|", false),
        ] {
            server.hear(hearing(&[Some(said)])).unwrap();
            assert_eq!(server.doubt().is_some(), doubts, "{said}");
        }
    }

    #[test]
    fn after_a_reconnect_any_server_may_answer() {
        let mut server = server(true);
        server
            .believe(Some(hearing(&[Some("m|a|")])), "db")
            .unwrap();
        server.forget();
        assert!(!server.is_vouched());
        server.hear(hearing(&[Some("m|b|")])).unwrap();
    }
}
