//! Converts PostgreSQL's columns to values.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgValueFormat, PgValueRef};
use sqlx::{Column, Decode, Postgres, Row as _, TypeInfo, ValueRef};

use crate::metadata::database::{Row, Value};

/// A row, or which column cannot be read.
pub(super) fn row(row: &PgRow) -> Result<Row, String> {
    let values: Result<Vec<Value>, String> =
        (0..row.len()).map(|column| value(row, column)).collect();
    values.map(Row)
}

fn value(row: &PgRow, column: usize) -> Result<Value, String> {
    let raw = row.try_get_raw(column).map_err(|error| error.to_string())?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    decode(&kind, raw).map_err(|cause| {
        let name = row
            .columns()
            .get(column)
            .map_or("?", |column| column.name());
        format!("column {name} of type {kind} cannot be read: {cause}")
    })
}

fn decode(kind: &str, raw: PgValueRef<'_>) -> Result<Value, BoxDynError> {
    let bytes = raw.as_bytes()?;
    match (kind, raw.format()) {
        ("INT2" | "INT4" | "INT8" | "OID", PgValueFormat::Text) => {
            Ok(Value::Int(raw.as_str()?.parse()?))
        }
        ("INT2" | "INT4" | "INT8", PgValueFormat::Binary) => {
            <i64 as Decode<Postgres>>::decode(raw).map(Value::Int)
        }
        ("OID", PgValueFormat::Binary) => {
            Ok(Value::Int(u32::from_be_bytes(bytes.try_into()?).into()))
        }
        ("BOOL", _) => <bool as Decode<Postgres>>::decode(raw).map(|yes| Value::Int(yes.into())),
        ("NUMERIC", PgValueFormat::Binary) => decimal(bytes).ok_or_else(|| "no decimal".into()),
        (_, PgValueFormat::Text)
        | ("TEXT" | "VARCHAR" | "CHAR" | "NAME" | "\"CHAR\"" | "UNKNOWN" | "JSON", _) => {
            Ok(text(bytes))
        }
        _ => Err("cast it to text in the statement".into()),
    }
}

/// A whole number as the server sends a decimal: how many digits follow, each of them of four
/// decimals; of which power the first one is; a sign; and how many places to show. A number with a
/// fraction is not an id, and shown as text. The driver's own decoders would add a crate for
/// decimals, with random numbers and more, only for this.
fn decimal(bytes: &[u8]) -> Option<Value> {
    let mut words = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (_count, power, sign, _places) = (
        words.next()?,
        i16::from_be_bytes(words.next()?.to_be_bytes()),
        words.next()?,
        words.next()?,
    );
    let digits: Vec<u16> = words.collect();
    let whole = usize::try_from(power.checked_add(1)?).unwrap_or(0);
    if digits.len() > whole || sign > MINUS {
        return Some(Value::Text("a number with a fraction, or none".to_owned()));
    }
    let number = (0..whole).try_fold(0_i64, |number, place| {
        let digit = digits.get(place).copied().unwrap_or(0);
        number.checked_mul(10_000)?.checked_add(digit.into())
    });
    Some(number.map_or_else(
        || Value::Text("a number beyond all ids".to_owned()),
        |number| Value::Int(if sign == MINUS { -number } else { number }),
    ))
}

/// The sign of a decimal; larger values mean NaN.
const MINUS: u16 = 0x4000;

fn text(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Value, decimal};

    fn of(words: &[u16]) -> Option<Value> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        decimal(&bytes)
    }

    #[test]
    fn whole_decimals_are_numbers() {
        for (words, number) in [
            (&[0, 0, 0, 0][..], 0),
            (&[1, 0, 0, 0, 7], 7),
            (&[1, 0, 0, 2, 7], 7),
            (&[1, 1, 0, 0, 12], 120_000),
            (&[2, 1, 0x4000, 0, 12, 34], -120_034),
        ] {
            assert_eq!(of(words), Some(Value::Int(number)), "{words:?}");
        }
        // 0.5, 7.5, no number, and more than fits.
        for words in [
            &[1, 0xffff, 0, 1, 5000][..],
            &[2, 0, 0, 1, 7, 5000],
            &[0, 0, 0xc000, 0],
            &[1, 9, 0, 0, 1],
        ] {
            assert!(matches!(of(words), Some(Value::Text(_))), "{words:?}");
        }
        assert_eq!(of(&[1]), None);
    }
}
