//! Converts MySQL's columns to values.

use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlRow, MySqlValueFormat, MySqlValueRef};
use sqlx::{Column, Decode, MySql, Row as _, TypeInfo, ValueRef};

use crate::metadata::database::{Row, Value};

/// A row, or which column cannot be read. The driver does not say which format a row has: binary if
/// the statement had parameters.
pub(super) fn row(row: &MySqlRow, format: MySqlValueFormat) -> Result<Row, String> {
    let values: Result<Vec<Value>, String> = (0..row.len())
        .map(|column| value(row, column, format))
        .collect();
    values.map(Row)
}

fn value(row: &MySqlRow, column: usize, format: MySqlValueFormat) -> Result<Value, String> {
    let raw = row.try_get_raw(column).map_err(|error| error.to_string())?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().into_owned();
    decode(kind.name(), raw, format).map_err(|cause| {
        let name = row
            .columns()
            .get(column)
            .map_or("?", |column| column.name());
        format!(
            "column {name} of type {} cannot be read: {cause}",
            kind.name()
        )
    })
}

/// Strings and decimals are text in both formats; times and floating-point numbers in one of them,
/// and statements cast them.
fn decode(
    kind: &str,
    raw: MySqlValueRef<'_>,
    format: MySqlValueFormat,
) -> Result<Value, BoxDynError> {
    match (kind, format) {
        ("BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT", _) => {
            <i64 as Decode<MySql>>::decode(raw).map(Value::Int)
        }
        ("YEAR" | "BIT", _) => <u64 as Decode<MySql>>::decode(raw).map(unsigned),
        _ if kind.ends_with("UNSIGNED") => <u64 as Decode<MySql>>::decode(raw).map(unsigned),
        (
            "FLOAT" | "DOUBLE" | "DATE" | "DATETIME" | "TIMESTAMP" | "TIME",
            MySqlValueFormat::Binary,
        ) => Err("cast it to text in the statement".into()),
        _ => Ok(Value::Text(
            String::from_utf8_lossy(bytes(raw)?).into_owned(),
        )),
    }
}

fn bytes(raw: MySqlValueRef<'_>) -> Result<&[u8], BoxDynError> {
    <&[u8] as Decode<MySql>>::decode(raw)
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Int)
}

#[cfg(test)]
mod tests {
    use super::{Value, unsigned};

    #[test]
    fn unsigned_numbers_beyond_i64_are_text() {
        assert_eq!(unsigned(7), Value::Int(7));
        assert_eq!(
            unsigned(u64::MAX),
            Value::Text("18446744073709551615".to_owned())
        );
    }
}
