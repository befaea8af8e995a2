//! What would stop a hand-over at its first write, found before it: the columns of the tables, and
//! the privileges of this user.

use std::collections::BTreeMap;

use strum::{IntoStaticStr, VariantArray};

use super::database::{DatabaseError, Dialect, Row};
use super::statements::{catalogue, id_sequence};
use super::store::MetadataStore;
use crate::family::{Claim, TaskRule};

/// The writes that are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// Instances are claimed.
    pub claims: bool,
    /// Recovery commands are inserted.
    pub commands: bool,
    /// Locks are rows in this database, too.
    pub locks: bool,
}

/// Why a hand-over could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A recovery command fills a column that does not exist.
    #[error(
        "{table} has no column {column}, which masters of this release fill in a recovery command"
    )]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column needs a value that a recovery command does not have.
    #[error(
        "{table}.{column} may not be NULL and has no default, and masters of this release do not fill it"
    )]
    NotFilled {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The database generates no ids.
    #[error("the database generates no ids for {0}: the column id no longer has a default")]
    NoIds(String),
    /// Row level security shows this user only a part of the rows that a write relies on.
    #[error(
        "row level security hides rows of {} from this user, or may do so, and writes must not \
         rely on an incomplete view", .0.join(", ")
    )]
    Hidden(Vec<String>),
    /// Privileges that this user lacks.
    #[error("this database user lacks required privileges: {}", .0.join("; "))]
    NoRight(Vec<String>),
}

impl Obstacle {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoColumn { .. } => {
                "the masters cannot write it either: finish the upgrade of the schema, or repeat \
                 with the --ds-version that it belongs to"
                    .to_owned()
            }
            Self::NotFilled { table, column } => {
                format!(
                    "give {table}.{column} a default, or make it nullable: also if a trigger \
                     fills it for the masters"
                )
            }
            Self::NoIds(table) => format!(
                "define it as DolphinScheduler does: AUTO_INCREMENT, or DEFAULT nextval('{}')",
                id_sequence(table)
            ),
            Self::Hidden(_) => {
                "use a user that sees all rows: one with BYPASSRLS, or the tables' owner".to_owned()
            }
            Self::NoRight(_) => "GRANT them to this user; the README lists what each command \
                needs"
                .to_owned(),
        }
    }
}

/// A privilege, as `GRANT` names it; in the order of the catalogue's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "UPPERCASE")]
enum Right {
    Insert,
    Update,
    /// For the whole table.
    Delete,
}

/// The catalogue's entry of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ColumnRights {
    /// An insert may omit it.
    fills_itself: bool,
    rights: Vec<Right>,
}

impl ColumnRights {
    fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

/// The tables that are written to.
#[derive(Debug, Default)]
struct WritableColumns {
    columns: BTreeMap<(String, String), ColumnRights>,
    /// Sequences behind columns' defaults that this user may not use.
    closed_sequences: BTreeMap<String, String>,
}

impl WritableColumns {
    fn read(&mut self, row: &Row) {
        let (Some(table), Some(column)) = (row.text(0), row.text(1)) else {
            return;
        };
        let is = |place| row.int(place) == Some(1);
        if let Some(sequence) = row.text(6) {
            self.closed_sequences.insert(table.clone(), sequence);
        }
        let rights = Right::VARIANTS
            .iter()
            .zip(3..)
            .filter(|(_, place)| is(*place))
            .map(|(right, _)| *right)
            .collect();
        self.columns.insert(
            (table, column),
            ColumnRights {
                fills_itself: is(2),
                rights,
            },
        );
    }

    fn column(&self, table: &str, column: &str) -> Option<&ColumnRights> {
        self.columns.get(&(table.to_owned(), column.to_owned()))
    }

    fn of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = (&'a str, &'a ColumnRights)> {
        self.columns
            .iter()
            .filter(move |((of, _), _)| of == table)
            .map(|((_, column), seen)| (column.as_str(), seen))
    }

    /// The columns on which a privilege is missing, as `GRANT` names it.
    fn lacking(&self, right: Right, table: &str, columns: &[&str]) -> Option<String> {
        let closed = |column: &&&str| {
            self.column(table, column)
                .is_some_and(|seen| !seen.may(right))
        };
        let closed: Vec<&str> = columns.iter().filter(closed).copied().collect();
        let word: &str = right.into();
        match closed.len() {
            0 => None,
            all if right == Right::Delete || (all == columns.len() && all > 1) => {
                Some(format!("{word} ON {table}"))
            }
            _ => Some(format!("{word} ({}) ON {table}", closed.join(", "))),
        }
    }

    /// What stops an insert that fills these columns and omits the others.
    fn insert(&self, table: &str, filled: &[&str]) -> Option<Obstacle> {
        if let Some(column) = filled
            .iter()
            .find(|column| self.column(table, column).is_none())
        {
            return Some(Obstacle::NoColumn {
                table: table.to_owned(),
                column: (*column).to_owned(),
            });
        }
        let (column, _) = self
            .of(table)
            .find(|(column, seen)| !seen.fills_itself && !filled.contains(column))?;
        Some(match column {
            "id" => Obstacle::NoIds(table.to_owned()),
            column => Obstacle::NotFilled {
                table: table.to_owned(),
                column: column.to_owned(),
            },
        })
    }
}

/// Number of the error of MySQL's that says which right on a table is missing.
const NOT_ALLOWED: &str = "1142 ";

const DATA: &str = "t_ds_jdbc_registry_data";
const LOCK: &str = "t_ds_jdbc_registry_lock";
const CLIENT: &str = "t_ds_jdbc_registry_client_heartbeat";
const LOCK_FILLED: [&str; 4] = ["lock_key", "lock_owner", "client_id", "create_time"];
const CLIENT_FILLED: [&str; 5] = [
    "id",
    "client_name",
    "last_heartbeat_time",
    "connection_config",
    "create_time",
];

impl MetadataStore {
    /// What would stop these writes, as far as the catalogue shows it. Nothing is written, and what
    /// is unknown is not an obstacle.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn obstacle(&mut self, writing: Writing) -> Result<Option<Obstacle>, DatabaseError> {
        let hidden = self.hidden_from_writers(writing);
        if !hidden.is_empty() {
            return Ok(Some(Obstacle::Hidden(hidden)));
        }
        let tables = self.release.family.tables;
        let mut names = vec![tables.instance, tables.task, tables.command];
        names.extend([LOCK, CLIENT].into_iter().filter(|_| writing.locks));
        let query = catalogue::written_tables(self.database.dialect(), &names);
        let mut seen = WritableColumns::default();
        self.database
            .ready()
            .await
            .query(&query, &mut |row| seen.read(&row))
            .await?;
        let undeletable = self.undeletable(writing).await?;
        let filled: Vec<&str> = self
            .release
            .command_columns()
            .into_iter()
            .map(|(column, _)| column)
            .collect();
        if writing.commands
            && let Some(obstacle) = seen.insert(tables.command, &filled)
        {
            return Ok(Some(obstacle));
        }
        let mut rights = self.missing_rights(&seen, &filled, writing);
        rights.extend(undeletable);
        Ok((!rights.is_empty()).then_some(Obstacle::NoRight(rights)))
    }

    /// Tables of which every row matters: a hidden command would be inserted again, a hidden task
    /// would be left running, and a hidden master would look dead. A hidden instance is left alone,
    /// which is reported.
    fn hidden_from_writers(&self, writing: Writing) -> Vec<String> {
        let tables = self.release.family.tables;
        let rows = writing.claims || writing.commands;
        let marks = rows && self.release.task_rule() != TaskRule::Untouched;
        let counts = |table: &&String| {
            let table = table.as_str();
            table == tables.command && rows
                || table == tables.task && marks
                || [DATA, LOCK, CLIENT].contains(&table) && writing.locks
        };
        self.hidden.iter().filter(counts).cloned().collect()
    }

    /// Tables from which rows are going to be deleted, and may not be, where the catalogue does not
    /// tell: a server of MySQL's kind looks at the rights before it explains a statement.
    async fn undeletable(&mut self, writing: Writing) -> Result<Vec<String>, DatabaseError> {
        let mut missing = Vec::new();
        let database = self.database.ready().await;
        if !writing.locks || database.dialect() != Dialect::MySql {
            return Ok(missing);
        }
        for table in [LOCK, CLIENT] {
            let query = format!("EXPLAIN DELETE FROM {table} WHERE 1 = 0").into();
            match database.query(&query, &mut |_| ()).await {
                Err(DatabaseError::Refused { cause, .. }) if cause.starts_with(NOT_ALLOWED) => {
                    missing.push(format!("DELETE ON {table}"));
                }
                // What it does not explain is no obstacle.
                Ok(()) | Err(DatabaseError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    }

    fn missing_rights(
        &self,
        seen: &WritableColumns,
        filled: &[&str],
        writing: Writing,
    ) -> Vec<String> {
        let family = self.release.family;
        let tables = family.tables;
        let update = |table, columns: &[&str]| seen.lacking(Right::Update, table, columns);
        let insert = |table, columns: &[&str]| seen.lacking(Right::Insert, table, columns);
        let delete = |table| seen.lacking(Right::Delete, table, &["id"]);
        let sequence = |table| {
            seen.closed_sequences
                .get(table)
                .map(|name| format!("USAGE ON SEQUENCE {name}"))
        };
        let mut missing = Vec::new();
        let claimed = match family.claim {
            Claim::Host(_) => "host",
            Claim::State(_) => "state",
        };
        // Even without changing a column of an instance its row is locked, which needs a privilege
        // on any column.
        let rows = writing.claims || writing.commands;
        if writing.claims
            || rows
                && !seen
                    .of(tables.instance)
                    .any(|(_, column)| column.may(Right::Update))
        {
            missing.extend(update(tables.instance, &[claimed]));
        }
        if rows && self.release.task_rule() != TaskRule::Untouched {
            let marked: &[&str] = if self.release.mark_clears_flag() {
                &["state", "flag"]
            } else {
                &["state"]
            };
            missing.extend(update(tables.task, marked));
        }
        if writing.commands {
            missing.extend(insert(tables.command, filled));
            missing.extend(sequence(tables.command));
        }
        if writing.locks {
            missing.extend(insert(LOCK, &LOCK_FILLED));
            missing.extend(sequence(LOCK));
            missing.extend(delete(LOCK));
            missing.extend(insert(CLIENT, &CLIENT_FILLED));
            missing.extend(update(CLIENT, &["last_heartbeat_time"]));
            missing.extend(delete(CLIENT));
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::Value;
    use super::*;

    fn seen(rows: &[(&str, i64, i64, i64)]) -> WritableColumns {
        let mut seen = WritableColumns::default();
        for (column, fills_itself, insert, update) in rows {
            let [fills_itself, insert, update] =
                [fills_itself, insert, update].map(|flag| Value::Int(*flag));
            let row = vec![
                "t".into(),
                (*column).into(),
                fills_itself,
                insert,
                update,
                Value::Int(1),
                Value::Null,
            ];
            seen.read(&Row(row));
        }
        seen
    }

    #[test]
    fn a_column_that_is_never_filled_is_named_and_an_id_apart() {
        let whole = seen(&[("id", 1, 0, 0), ("a", 0, 1, 0), ("b", 1, 0, 0)]);
        assert_eq!(whole.insert("t", &["a"]), None);
        let lacks = |column: &str| Obstacle::NoColumn {
            table: "t".to_owned(),
            column: column.to_owned(),
        };
        assert_eq!(whole.insert("t", &["a", "c"]), Some(lacks("c")));
        let strange = seen(&[("id", 1, 0, 0), ("a", 0, 1, 0), ("b", 0, 0, 0)]);
        let not_filled = Obstacle::NotFilled {
            table: "t".to_owned(),
            column: "b".to_owned(),
        };
        assert_eq!(strange.insert("t", &["a"]), Some(not_filled));
        assert_eq!(
            seen(&[("id", 0, 1, 0)]).insert("t", &[]),
            Some(Obstacle::NoIds("t".to_owned()))
        );
    }

    #[test]
    fn missing_rights_are_named_as_they_are_granted() {
        let some = seen(&[("a", 1, 1, 0), ("b", 1, 0, 0)]);
        let insert = |columns: &[&str]| some.lacking(Right::Insert, "t", columns);
        assert_eq!(insert(&["a"]), None);
        assert_eq!(insert(&["a", "b"]).as_deref(), Some("INSERT (b) ON t"));
        let update = some.lacking(Right::Update, "t", &["a", "b"]);
        assert_eq!(update.as_deref(), Some("UPDATE ON t"));
    }
}
