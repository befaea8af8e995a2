//! A complete statement: its text, and the values of its placeholders. Both are built together, so
//! that they always have the same number and order.

use super::value::{Dialect, Value};

/// A statement to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// An empty statement, to be written in this dialect.
    pub fn builder(dialect: Dialect) -> QueryBuilder {
        QueryBuilder {
            dialect,
            query: Self {
                sql: String::new(),
                values: Vec::new(),
            },
        }
    }

    /// Its text. Placeholders have the form of the dialect, in the order of their values.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values of its placeholders: numbers and texts. NULL is written literally.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The same values in another text that still has their placeholders, in the same order. More
    /// may follow.
    pub(super) fn rewritten(&self, dialect: Dialect, sql: String) -> QueryBuilder {
        QueryBuilder {
            dialect,
            query: Self {
                sql,
                values: self.values.clone(),
            },
        }
    }
}

/// A statement without values.
impl From<&str> for Query {
    fn from(sql: &str) -> Self {
        Self::from(sql.to_owned())
    }
}

/// A statement without values.
impl From<String> for Query {
    fn from(sql: String) -> Self {
        Self {
            sql,
            values: Vec::new(),
        }
    }
}

/// Writes a statement from its beginning to its end.
#[derive(Clone, Debug)]
#[must_use]
pub struct QueryBuilder {
    dialect: Dialect,
    query: Query,
}

impl QueryBuilder {
    /// Appends text: constant SQL and names, and integers. Whatever comes from a row, a registry or
    /// an operator is bound.
    pub fn push(mut self, sql: &str) -> Self {
        self.query.sql.push_str(sql);
        self
    }

    /// Appends a placeholder with its value.
    ///
    /// NULL is written literally: it then has the type that is needed, while a bound NULL must have
    /// its own type. PostgreSQL's placeholders have an explicit type: so one text never has two
    /// lists of types.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        let value = value.into();
        let kind = match &value {
            Value::Null => return self.push("NULL"),
            Value::Int(_) => "int8",
            Value::Text(_) => "text",
        };
        self.query.values.push(value);
        match self.dialect {
            Dialect::MySql | Dialect::Sqlite => self.push("?"),
            Dialect::Postgres => {
                let number = self.query.values.len();
                self.push(&format!("${number}::{kind}"))
            }
        }
    }

    /// Appends each of these, with the separator between them.
    pub fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        separator: &str,
        write: impl Fn(Self, T) -> Self,
    ) -> Self {
        let mut is_first = true;
        items.into_iter().fold(self, |query, item| {
            let query = if std::mem::take(&mut is_first) {
                query
            } else {
                query.push(separator)
            };
            write(query, item)
        })
    }

    /// Binds each of these values, for `IN (...)`.
    pub fn bind_each<T: Into<Value>>(
        self,
        values: impl IntoIterator<Item = T>,
        separator: &str,
    ) -> Self {
        self.each(values, separator, Self::bind)
    }

    /// The statement.
    #[must_use]
    pub fn build(self) -> Query {
        self.query
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{
        Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };

    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite];

    fn both(dialect: Dialect) -> Query {
        Query::builder(dialect)
            .push("SELECT x FROM t WHERE a = ")
            .bind(7)
            .push(" AND b = ")
            .bind("a")
            .build()
    }

    #[test]
    fn placeholders_are_written_as_the_dialect_has_them() {
        for dialect in [Dialect::MySql, Dialect::Sqlite] {
            assert_eq!(both(dialect).sql(), "SELECT x FROM t WHERE a = ? AND b = ?");
        }
        let numbered = both(Dialect::Postgres);
        assert_eq!(
            numbered.sql(),
            "SELECT x FROM t WHERE a = $1::int8 AND b = $2::text"
        );
        assert_eq!(numbered.values(), [Value::Int(7), Value::from("a")]);
    }

    #[test]
    fn null_is_written_out_and_takes_no_number() {
        let query = |dialect| {
            Query::builder(dialect)
                .bind_each([Value::Null, 7.into(), Value::Null], ", ")
                .build()
        };
        assert_eq!(query(Dialect::MySql).sql(), "NULL, ?, NULL");
        assert_eq!(query(Dialect::Postgres).sql(), "NULL, $1::int8, NULL");
        assert_eq!(query(Dialect::Postgres).values(), [Value::Int(7)]);
    }

    #[test]
    fn a_rewritten_statement_goes_on_counting() {
        let more = both(Dialect::Postgres)
            .rewritten(Dialect::Postgres, "a = $1::int8, b = $2::text, ".to_owned());
        let more = more.bind("c").build();
        assert_eq!(more.sql(), "a = $1::int8, b = $2::text, $3::text");
        assert_eq!(more.values().len(), 3);
    }

    #[test]
    fn a_question_mark_in_a_text_is_not_a_placeholder() {
        let query = Query::builder(Dialect::Postgres)
            .push("SELECT 'a?''?', ")
            .bind("?")
            .build();
        assert_eq!(query.sql(), "SELECT 'a?''?', $1::text");
    }

    /// Pieces of a statement, each followed by a value.
    fn pieces() -> impl Strategy<Value = Vec<(String, Value)>> {
        let value = prop_oneof![
            any::<i64>().prop_map(Value::Int),
            ".*".prop_map(Value::Text),
            Just(Value::Null)
        ];
        let piece = prop_oneof!["[a-z =(),$0-9é]{0,9}", "'[^']{0,9}'"];
        proptest::collection::vec((piece, value), 0..9)
    }

    proptest! {
        #[test]
        fn every_placeholder_gets_its_value(pieces in pieces()) {
            for dialect in DIALECTS {
                let query = pieces.iter().fold(Query::builder(dialect), |query, (piece, value)| {
                    query.push(piece).bind(value.clone())
                });
                let query = query.build();
                let (mut number, mut want) = (0, String::new());
                for (piece, value) in &pieces {
                    number += usize::from(*value != Value::Null);
                    let place = match (dialect, value) {
                        (_, Value::Null) => "NULL".to_owned(),
                        (Dialect::Postgres, Value::Int(_)) => format!("${number}::int8"),
                        (Dialect::Postgres, Value::Text(_)) => format!("${number}::text"),
                        _ => "?".to_owned(),
                    };
                    want = want + piece + &place;
                }
                prop_assert_eq!(query.sql(), want);
                let bound = pieces.iter().map(|(_, value)| value).filter(|value| **value != Value::Null);
                prop_assert!(query.values().iter().eq(bound));
            }
        }
    }
}
