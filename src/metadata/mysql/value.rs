//! From MySQL's columns to our values.

use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlRow, MySqlValueFormat, MySqlValueRef};
use sqlx::{Column, Decode, MySql, Row as _, TypeInfo, ValueRef};

use crate::metadata::database::{Row, Value};

/// A row, or which column cannot be read. The driver does not say which format a row came in: binary if the statement
/// had parameters.
pub(super) fn row(row: &MySqlRow, format: MySqlValueFormat) -> Result<Row, String> {
    let values: Result<Vec<Value>, String> = (0..row.len()).map(|column| value(row, column, format)).collect();
    values.map(Row)
}

fn value(row: &MySqlRow, column: usize, format: MySqlValueFormat) -> Result<Value, String> {
    let raw = row.try_get_raw(column).map_err(|error| error.to_string())?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().into_owned();
    decode(kind.name(), raw, format).map_err(|cause| {
        let name = row.columns().get(column).map_or("?", |column| column.name());
        format!("column {name} of type {} cannot be read: {cause}", kind.name())
    })
}

/// Strings and decimals are text in both formats; times in one of them.
fn decode(kind: &str, raw: MySqlValueRef<'_>, format: MySqlValueFormat) -> Result<Value, BoxDynError> {
    match (kind, format) {
        ("BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT", _) => {
            <i64 as Decode<MySql>>::decode(raw).map(Value::Int)
        }
        ("YEAR" | "BIT", _) => <u64 as Decode<MySql>>::decode(raw).map(unsigned),
        _ if kind.ends_with("UNSIGNED") => <u64 as Decode<MySql>>::decode(raw).map(unsigned),
        ("FLOAT", _) => <f32 as Decode<MySql>>::decode(raw).map(|number| Value::Text(number.to_string())),
        ("DOUBLE", _) => <f64 as Decode<MySql>>::decode(raw).map(|number| Value::Text(number.to_string())),
        ("DATE" | "DATETIME" | "TIMESTAMP", MySqlValueFormat::Binary) => time(bytes(raw)?),
        ("TIME", MySqlValueFormat::Binary) => Err("cast it to text in the statement".into()),
        _ => Ok(Value::Text(String::from_utf8_lossy(bytes(raw)?).into_owned())),
    }
}

fn bytes(raw: MySqlValueRef<'_>) -> Result<&[u8], BoxDynError> {
    <&[u8] as Decode<MySql>>::decode(raw)
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Int)
}

/// A time in the binary format: its length, then date, time of day and microseconds, as far as they are not zero.
fn time(bytes: &[u8]) -> Result<Value, BoxDynError> {
    let text = match *bytes {
        [4, low, high, month, day] => format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([low, high])),
        [7 | 11, low, high, month, day, hour, minute, second, ref fraction @ ..] => {
            let year = u16::from_le_bytes([low, high]);
            let fraction = <[u8; 4]>::try_from(fraction).map_or(0, u32::from_le_bytes);
            let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
        }
        _ => return Err("its length is none of those that a time has".into()),
    };
    Ok(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Value, time, unsigned};

    #[test]
    fn times_are_written_as_the_text_protocol_writes_them() {
        let text = |bytes: &[u8]| match time(bytes) {
            Ok(Value::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(&[4, 0xe8, 7, 2, 29]), "2024-02-29");
        assert_eq!(text(&[7, 0xe8, 7, 2, 29, 23, 5, 9]), "2024-02-29 23:05:09");
        assert_eq!(text(&[11, 0xe8, 7, 2, 29, 23, 5, 9, 0x40, 0xe2, 1, 0]), "2024-02-29 23:05:09.123456");
    }

    #[test]
    fn unsigned_numbers_beyond_i64_are_text() {
        assert_eq!(unsigned(7), Value::Int(7));
        assert_eq!(unsigned(u64::MAX), Value::Text("18446744073709551615".to_owned()));
    }

    proptest! {
        #[test]
        fn strange_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            let _ = time(&bytes);
        }
    }
}
