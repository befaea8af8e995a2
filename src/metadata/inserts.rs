//! Inserts recovery commands, many at once, and finds the id that each of them got.

use std::collections::{HashMap, HashSet};

use jiff::civil::DateTime;

use super::database::{DatabaseError, Dialect, Row};
use super::guarded::WriteBatch;
use super::rows;
use super::statements::NewCommand;
use super::store::MetadataStore;
use super::witness::{WitnessReader, mark};
use crate::family::CommandValue;
use crate::model::InstanceId;

/// Bytes of parameter text in one insert: well below the smallest default packet limit of a server.
const INSERT_BYTES: usize = 512 * 1024;

/// Commands in one insert: three placeholders each, far below every database's limit.
const INSERT_ROWS: usize = 1000;

impl MetadataStore {
    /// Inserts one recovery command for each instance, with ids assigned by the database; returns
    /// instance → command id. `now` is the present time in the cluster's zone; without it the
    /// database's own clock is used. The instances' rows are locked, and equal to those in
    /// `commands`; with `claimed`, they must have the claim of this batch.
    ///
    /// # Errors
    /// [`DatabaseError`]; also if a command is not inserted because one that names the instance
    /// already exists. The batch must not be committed then.
    pub async fn insert_commands(
        &mut self,
        within: &WriteBatch,
        commands: &[NewCommand<'_>],
        claimed: bool,
        now: Option<DateTime>,
    ) -> Result<HashMap<InstanceId, i64>, DatabaseError> {
        let now = now.map(|now| now.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let mut inserted = HashMap::with_capacity(commands.len());
        let mut has_trigger = false;
        // A column that is left out gets the database's default: rows with and without a priority
        // are inserted separately.
        let (with, without): (Vec<_>, Vec<_>) = commands
            .iter()
            .partition(|command| command.row.priority.is_some());
        for group in [with, without] {
            for piece in pieces(&group) {
                has_trigger |= self
                    .insert_piece(piece, claimed, now.as_deref(), &mut inserted)
                    .await?;
            }
        }
        let ids: Vec<InstanceId> = commands.iter().map(|one| one.row.instance.id).collect();
        if has_trigger {
            // Whatever it does, it has done that by now: to the claims as well.
            self.retain_existing(&mut inserted).await?;
            self.ensure_claimed(within, &ids).await?;
        }
        let missing: Vec<InstanceId> = ids
            .into_iter()
            .filter(|id| !inserted.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(inserted);
        }
        if claimed {
            self.ensure_claimed(within, &missing).await?;
        }
        let (some, more) = (
            missing.iter().take(20),
            if missing.len() > 20 { ",…" } else { "" },
        );
        Err(DatabaseError::Refused {
            endpoint: self.database.endpoint().to_owned(),
            cause: format!(
                "{} commands were inserted instead of {}: the command table already has a recovery command for \
                 instance {}{more}, or discards new ones; nothing of this batch was written",
                inserted.len(),
                commands.len(),
                super::statements::list(some),
            ),
            busy: false,
        })
    }

    /// Inserts some of them; gives whether something may act behind that.
    async fn insert_piece(
        &mut self,
        piece: &[&NewCommand<'_>],
        claimed: bool,
        now: Option<&str>,
        inserted: &mut HashMap<InstanceId, i64>,
    ) -> Result<bool, DatabaseError> {
        let Some(first) = piece.first() else {
            return Ok(false);
        };
        let with_priority = first.row.priority.is_some();
        let columns: Vec<(&str, CommandValue)> = self
            .release
            .command_columns()
            .into_iter()
            .filter(|(_, value)| with_priority || *value != CommandValue::Priority)
            .collect();
        let wanted: HashSet<InstanceId> = piece
            .iter()
            .map(|command| command.row.instance.id)
            .collect();
        let drawn = mark();
        let (mut reader, mut has_trigger) = (None, false);
        let mut kept = HashMap::with_capacity(piece.len());
        let mut keep = |row: Row| {
            has_trigger = row.int(3) == Some(1);
            reader = row.text(4).map(|said| WitnessReader::of(&drawn, said));
            kept.extend(named(&row).filter(|(instance, _)| wanted.contains(instance)));
        };
        let witness = self.database.witness().unwrap_or_default();
        let query =
            self.statements()
                .insert_commands(&columns, piece, (claimed, now), (&drawn, &witness));
        if self.database.dialect() != Dialect::MySql {
            let done = self.database.ready().await.query(&query, &mut keep).await;
            done.map_err(refused_row)?;
            self.server.verify(reader, self.database.endpoint())?;
            inserted.extend(kept);
            return Ok(has_trigger);
        }
        let written = self.database.ready().await.execute(&query).await;
        let written = written.map_err(refused_row)?;
        if written.rows == 0 {
            return Ok(false);
        }
        if usize::try_from(written.rows).is_ok_and(|rows| rows > piece.len()) {
            return Err(DatabaseError::Refused {
                endpoint: self.database.endpoint().to_owned(),
                cause: format!(
                    "{} commands were inserted instead of {}; nothing of this batch was written",
                    written.rows,
                    piece.len()
                ),
                busy: false,
            });
        }
        // MySQL has no RETURNING: the ids are read back, starting with the first one assigned.
        let read_back = self.statements().commands_from(written.insert_id);
        self.each(&read_back, &mut keep).await?;
        inserted.extend(kept);
        Ok(false)
    }

    /// Of these commands, by their instances, those that are there behind all inserts, and are the
    /// only one since then.
    async fn retain_existing(
        &mut self,
        kept: &mut HashMap<InstanceId, i64>,
    ) -> Result<(), DatabaseError> {
        let Some(first) = kept.values().min() else {
            return Ok(());
        };
        let read_back = self.statements().commands_from(*first);
        let mut standing: HashMap<InstanceId, Vec<i64>> = HashMap::with_capacity(kept.len());
        self.each(&read_back, &mut |row| {
            if let Some((instance, id)) = named(&row).filter(|(one, _)| kept.contains_key(one)) {
                standing.entry(instance).or_default().push(id);
            }
        })
        .await?;
        kept.retain(|instance, id| standing.get(instance).is_some_and(|ids| *ids == [*id]));
        Ok(())
    }
}

/// A unique key that is not the table's own is a site's: it refuses a row, as any other constraint does.
/// With another row the insert may succeed; with an id that exists already no insert does.
fn refused_row(error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::UniqueViolation {
            endpoint,
            cause,
            primary: false,
        } => DatabaseError::Refused {
            endpoint,
            cause,
            busy: false,
        },
        error => error,
    }
}

/// Which instance a command names, and the command's id.
fn named(row: &Row) -> Option<(InstanceId, i64)> {
    let instance = rows::command_instance(row.int(1), row.text(2).as_deref());
    instance.zip(row.int(0))
}

/// Splits commands into inserts of a bounded size.
fn pieces<'a, 'b>(commands: &'b [&'a NewCommand<'a>]) -> Vec<&'b [&'a NewCommand<'a>]> {
    let mut pieces = Vec::new();
    let mut rest = commands;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |command: &&&NewCommand<'_>| {
            bytes += command.parameter.len();
            bytes <= INSERT_BYTES
        };
        let count = rest
            .iter()
            .take(INSERT_ROWS)
            .take_while(fits)
            .count()
            .max(1);
        let (piece, more) = rest.split_at(count);
        pieces.push(piece);
        rest = more;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InstanceRow;

    #[test]
    fn inserts_are_bounded_and_lose_nothing() {
        let row = InstanceRow::default();
        let command = |bytes: usize| NewCommand {
            row: &row,
            parameter: "x".repeat(bytes),
        };
        let commands: Vec<NewCommand<'_>> = [10, INSERT_BYTES, 10, 3 * INSERT_BYTES, 10]
            .into_iter()
            .map(command)
            .collect();
        let all: Vec<&NewCommand<'_>> = commands.iter().collect();
        let sizes: Vec<usize> = pieces(&all).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 1]);
        let many: Vec<&NewCommand<'_>> =
            std::iter::repeat_n(&commands[0], 2 * INSERT_ROWS + 1).collect();
        let sizes: Vec<usize> = pieces(&many).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [INSERT_ROWS, INSERT_ROWS, 1]);
    }
}
