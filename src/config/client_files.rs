//! Passwords in the files of the servers' own clients: they are used where no other place has one,
//! and only for the server and the user that they are about.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::option_file::ClientGroup;
use super::secrets::others_have_access;
use super::source::Environment;
use super::{DbTarget, Origin, Warning, pgpass};
use crate::secret::Secret;

/// Nobody's file is longer; a wrong one (a log) must not be read completely.
const LONGEST: u64 = 1024 * 1024;

/// What such a file has for a database.
pub(super) enum ClientPassword {
    /// Its password.
    Usable(Secret, Origin),
    /// A password that is not used, and why.
    Unused(Warning),
}

/// Looks up the password in the file of the database's own client. A file that is missing or cannot
/// be read has none, as for that client.
pub(super) fn look_up(environment: &Environment, target: &DbTarget) -> Option<ClientPassword> {
    let path = place(environment, target)?;
    let (text, is_open) = read(&path)?;
    let (password, line) = match target {
        DbTarget::Postgres(target) => {
            same(target.each().map(|server| pgpass::password(&text, &server)))?
        }
        DbTarget::MySql(target) => {
            let group = ClientGroup::parse(&text);
            let is_about_all = target.each().all(|server| group.is_about(&server));
            is_about_all.then_some(group.password)??
        }
        DbTarget::Sqlite(_) => return None,
    };
    if password.is_empty() {
        return None;
    }
    Some(if is_open {
        ClientPassword::Unused(Warning::OpenPasswordFile(path))
    } else {
        ClientPassword::Usable(Secret::new(password), Origin::File { path, line })
    })
}

/// The password of all servers, if it is the same one: none is told that of another.
fn same(mut found: impl Iterator<Item = Option<(String, usize)>>) -> Option<(String, usize)> {
    let first = found.next()??;
    let is_same = |other: Option<(String, usize)>| other.is_some_and(|(text, _)| text == first.0);
    found.all(is_same).then_some(first)
}

fn place(environment: &Environment, target: &DbTarget) -> Option<PathBuf> {
    let in_home = |name: &str| Some(environment.absolute_path("HOME")?.join(name));
    match target {
        DbTarget::Postgres(_) => environment
            .variable("PGPASSFILE")
            .map(PathBuf::from)
            .or_else(|| in_home(".pgpass")),
        DbTarget::MySql(_) => in_home(".my.cnf"),
        DbTarget::Sqlite(_) => None,
    }
}

/// The text of a plain file, and whether others have access to it.
fn read(path: &Path) -> Option<(String, bool)> {
    // Opening a pipe would wait for somebody who writes to it.
    std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let file = std::fs::File::open(path);
    let file = file
        .inspect_err(|error| tracing::debug!("{} is not read: {error}", path.display()))
        .ok()?;
    let is_open = others_have_access(&file.metadata().ok()?);
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .inspect_err(|error| tracing::debug!("{} is not read: {error}", path.display()))
        .ok()?;
    Some((text, is_open))
}
