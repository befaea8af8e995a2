//! The file of a snapshot while it is written: under another name, until it is complete.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter};

use super::parts::{APPLICATION_ID, SnapshotError, TABLE};
use crate::files::regular::sibling;
use crate::metadata::database::Row;
use crate::metadata::sqlite::value;
use crate::metadata::statements::snapshot::{ColumnKind, SnapshotColumn};

/// Nobody else reads it before it is complete, and after a crash it is not used: so it needs no
/// journal.
const UNDER_WAY: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN";

/// Removed again unless [`SnapshotFile::publish`] has given it its name.
pub(super) struct SnapshotFile {
    path: PathBuf,
    temporary: Temporary,
    connection: Connection,
}

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl SnapshotFile {
    /// Starts one, which only its owner can read.
    ///
    /// # Errors
    /// [`SnapshotError::File`]: there is a file of this name, or none can be made.
    pub(super) fn create(path: &Path) -> Result<Self, SnapshotError> {
        if path.symlink_metadata().is_ok() {
            return Err(failure(path, "it exists already"));
        }
        // Never the name of one that a killed process has left.
        let name = sibling(path, &format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(&name)
            .map_err(|error| failure(&name, &error))?;
        let temporary = Temporary(name);
        let opened = Connection::open(&temporary.0).and_then(|connection| {
            connection.execute_batch(UNDER_WAY)?;
            Ok(connection)
        });
        Ok(Self {
            path: path.to_owned(),
            connection: opened.map_err(|error| failure(path, &error))?,
            temporary,
        })
    }

    /// Makes a table with these columns. A number called `id` is its key.
    pub(super) fn create_table(
        &self,
        table: &str,
        columns: &[SnapshotColumn],
    ) -> Result<(), SnapshotError> {
        let columns = columns.iter().map(|column| {
            let kind = match (column.name.as_str(), column.kind) {
                ("id", ColumnKind::Integer) => "INTEGER PRIMARY KEY",
                (_, ColumnKind::Integer | ColumnKind::Written) => "INTEGER",
                (_, ColumnKind::Number) => "NUMERIC",
                (_, ColumnKind::Time | ColumnKind::Text) => "TEXT",
            };
            format!("{} {kind}", quoted(&column.name))
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let sql = format!("CREATE TABLE {} ({columns})", quoted(table));
        self.run(|connection| connection.execute_batch(&sql))
    }

    /// Adds rows, without those that are there; returns how many it has added.
    pub(super) fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Row],
    ) -> Result<usize, SnapshotError> {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!(
            "INSERT OR IGNORE INTO {} ({}) VALUES ({places})",
            quoted(table),
            names.join(", ")
        );
        self.run(|connection| {
            let mut statement = connection.prepare(&sql)?;
            let mut insert = |row: &Row| statement.execute(params_from_iter(&row.0));
            rows.iter().map(&mut insert).sum()
        })
    }

    /// The different numbers in a column.
    pub(super) fn distinct(&self, table: &str, column: &str) -> Result<Vec<i64>, SnapshotError> {
        let (table, column) = (quoted(table), quoted(column));
        let sql =
            format!("SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1");
        self.run(|connection| {
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut numbers = Vec::new();
            while let Some(row) = rows.next()? {
                numbers.extend(Row(vec![value(row.get_ref(0)?)]).int(0));
            }
            Ok(numbers)
        })
    }

    /// Adds what stands beside DolphinScheduler's tables, makes it durable, and gives the file its
    /// name. Under that name a file is always complete.
    ///
    /// # Errors
    /// [`SnapshotError::File`]; also if a file of this name has come meanwhile. None of ours is left then.
    pub(super) fn publish(self, parts: &[(&str, String)]) -> Result<(), SnapshotError> {
        let sql = format!(
            "CREATE TABLE {TABLE} (part TEXT PRIMARY KEY, content TEXT NOT NULL);
             PRAGMA application_id = {APPLICATION_ID}"
        );
        self.run(|connection| {
            connection.execute_batch(&sql)?;
            let sql = format!("INSERT INTO {TABLE} VALUES (?, ?)");
            let mut statement = connection.prepare(&sql)?;
            for (part, content) in parts {
                statement.execute((part, content))?;
            }
            Ok(())
        })?;
        self.run(|connection| connection.execute_batch("COMMIT"))?;
        let Self {
            path,
            temporary,
            connection,
        } = self;
        drop(connection);
        name(&temporary.0, &path).map_err(|error| failure(&path, &error))
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SnapshotError> {
        work(&self.connection).map_err(|error| failure(&self.path, &error))
    }
}

fn failure(path: &Path, cause: &(impl ToString + ?Sized)) -> SnapshotError {
    SnapshotError::File {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

/// A second name replaces no file, unlike a new one; but some file systems know no second names.
fn name(temporary: &Path, path: &Path) -> io::Result<()> {
    File::open(temporary)?.sync_all()?;
    match std::fs::hard_link(temporary, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            if path.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(temporary, path)
        }
        linked => linked,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::database::Value;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn columns() -> Vec<SnapshotColumn> {
        let column = |name: &str, kind| SnapshotColumn {
            name: name.to_owned(),
            kind,
            is_readable: true,
        };
        vec![
            column("id", ColumnKind::Integer),
            column("a \"b\"", ColumnKind::Text),
        ]
    }

    #[test]
    fn a_file_is_there_when_it_is_complete_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let write = || {
            let mut file = SnapshotFile::create(&path)?;
            file.create_table("t", &columns())?;
            let row = |id, text: &str| Row(vec![Value::Int(id), text.into()]);
            let names = ["id", "a \"b\""];
            assert_eq!(file.insert("t", &names, &[row(7, "1"), row(8, "1")])?, 2);
            assert_eq!(file.insert("t", &names, &[row(9, "2"), row(7, "2")])?, 1);
            assert_eq!(file.distinct("t", "id")?, [7, 8, 9]);
            Ok::<_, SnapshotError>(file)
        };
        drop(write().unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
        let (one, other) = (write().unwrap(), path.with_extension("other"));
        assert!(!crate::metadata::snapshot::is_snapshot(&path));
        one.publish(&[("head", "{}".to_owned())]).unwrap();
        assert_eq!(names(folder.path()), ["x.db"]);
        assert!(crate::metadata::snapshot::is_snapshot(&path));
        write().err().unwrap();
        // One that comes while another is written.
        std::fs::rename(&path, &other).unwrap();
        let late = write().unwrap();
        std::fs::rename(&other, &path).unwrap();
        let before = std::fs::read(&path).unwrap();
        late.publish(&[]).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(names(folder.path()), ["x.db"]);
    }

    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        SnapshotFile::create(&path).unwrap().publish(&[]).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
