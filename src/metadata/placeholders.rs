//! The `?` of our statements, counted and rewritten for PostgreSQL.

use super::database::Value;

/// How many parameters a statement has. A `?` between quotes is none.
pub(super) fn count(sql: &str) -> usize {
    let mut quotes = Quotes::default();
    sql.chars().filter(|&character| quotes.is_placeholder(character)).count()
}

/// A statement as PostgreSQL wants it, and the parameters that are left to be bound.
///
/// NULL is written out: it then takes whatever type its place has, while a bound NULL must have a type of its own. The
/// other parameters get their type written beside them, since the driver keeps prepared statements by their text alone:
/// the same text must not stand for two lists of types.
pub(super) fn numbered<'v>(sql: &str, parameters: &'v [Value]) -> (String, Vec<&'v Value>) {
    let mut text = String::with_capacity(sql.len() + 8 * parameters.len());
    let (mut quotes, mut values, mut bound) = (Quotes::default(), parameters.iter(), Vec::new());
    for character in sql.chars() {
        if !quotes.is_placeholder(character) {
            text.push(character);
            continue;
        }
        let kind = match values.next() {
            None | Some(Value::Null) => {
                text.push_str("NULL");
                continue;
            }
            Some(value @ Value::Int(_)) => {
                bound.push(value);
                "int8"
            }
            Some(value @ Value::Text(_)) => {
                bound.push(value);
                "text"
            }
        };
        text = text + "$" + &bound.len().to_string() + "::" + kind;
    }
    (text, bound)
}

/// Whether we are between quotes while walking through a statement.
#[derive(Default)]
struct Quotes(Option<char>);

impl Quotes {
    /// Takes the next character. A doubled quote closes and opens again, which comes to the same.
    fn is_placeholder(&mut self, character: char) -> bool {
        match (self.0, character) {
            (Some(quote), _) if quote == character => self.0 = None,
            (None, '\'' | '"' | '`') => self.0 = Some(character),
            (None, '?') => return true,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::{Value, count, numbered};

    fn text(sql: &str, parameters: &[Value]) -> String {
        numbered(sql, parameters).0
    }

    #[test]
    fn parameters_are_numbered_with_their_types() {
        let parameters = [7.into(), "a".into()];
        let (sql, bound) = numbered("SELECT x FROM t WHERE a = ? AND b = ?", &parameters);
        assert_eq!(sql, "SELECT x FROM t WHERE a = $1::int8 AND b = $2::text");
        assert_eq!(bound, [&parameters[0], &parameters[1]]);
    }

    #[test]
    fn null_is_written_out_and_takes_no_number() {
        let parameters = [Value::Null, 7.into(), Value::Null];
        assert_eq!(text("VALUES (?, ?, ?)", &parameters), "VALUES (NULL, $1::int8, NULL)");
    }

    #[test]
    fn a_question_mark_between_quotes_stays() {
        let sql = r#"SELECT 'a?''?', "b?", `c?`, ?, '"?', ?"#;
        assert_eq!(count(sql), 2);
        assert_eq!(text(sql, &[1.into(), 2.into()]), r#"SELECT 'a?''?', "b?", `c?`, $1::int8, '"?', $2::int8"#);
    }

    /// Pieces of a statement, some with a placeholder.
    fn pieces() -> impl Strategy<Value = Vec<(String, Value)>> {
        let value = proptest::prop_oneof![
            any::<i64>().prop_map(Value::Int),
            ".*".prop_map(Value::Text),
            proptest::strategy::Just(Value::Null)
        ];
        let piece = proptest::prop_oneof!["[a-z =(),$0-9é]{0,9}", "'[^']{0,9}'"];
        proptest::collection::vec((piece, value), 0..9)
    }

    proptest! {
        #[test]
        fn every_placeholder_gets_its_value(pieces in pieces()) {
            let sql = pieces.iter().fold(String::new(), |sql, (piece, _)| sql + piece + "?");
            let values: Vec<Value> = pieces.iter().map(|(_, value)| value.clone()).collect();
            prop_assert_eq!(count(&sql), pieces.len());
            let (mut number, mut want) = (0, String::new());
            for (piece, value) in &pieces {
                number += usize::from(*value != Value::Null);
                let kind = match value {
                    Value::Null => None,
                    Value::Int(_) => Some("int8"),
                    Value::Text(_) => Some("text"),
                };
                want = want + piece + &kind.map_or("NULL".to_owned(), |kind| format!("${number}::{kind}"));
            }
            let (got, bound) = numbered(&sql, &values);
            prop_assert_eq!(got, want);
            prop_assert!(bound.into_iter().eq(values.iter().filter(|value| **value != Value::Null)));
        }

        #[test]
        fn strange_texts_do_not_panic(sql in ".*", values in proptest::collection::vec(any::<i64>(), 0..4)) {
            let values: Vec<Value> = values.into_iter().map(Value::Int).collect();
            let (_, bound) = numbered(&sql, &values);
            prop_assert_eq!(bound.len(), count(&sql).min(values.len()));
        }
    }
}
