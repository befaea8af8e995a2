//! From PostgreSQL's columns to our values.

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
        (_, PgValueFormat::Text)
        | ("TEXT" | "VARCHAR" | "CHAR" | "NAME" | "\"CHAR\"" | "UNKNOWN" | "JSON", _) => {
            Ok(text(bytes))
        }
        _ => Err("cast it to text in the statement".into()),
    }
}

fn text(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into_owned())
}
