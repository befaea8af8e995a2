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
    let of_each: Vec<Option<(String, usize)>> = match target {
        DbTarget::Postgres(target) => target
            .each()
            .map(|server| pgpass::password(&text, &server))
            .collect(),
        DbTarget::MySql(target) => {
            let group = ClientGroup::parse(&text);
            let own = |server| group.password.clone().filter(|_| group.is_about(&server));
            target.each().map(own).collect()
        }
        DbTarget::Sqlite(_) => return None,
    };
    let is_given = |found: &(String, usize)| !found.0.is_empty();
    if !of_each.iter().flatten().any(is_given) {
        return None;
    }
    let Some((password, line)) = same(of_each) else {
        return Some(ClientPassword::Unused(Warning::PasswordNotOfAll(path)));
    };
    Some(if is_open {
        ClientPassword::Unused(Warning::OpenPasswordFile(path))
    } else {
        ClientPassword::Usable(Secret::new(password), Origin::File { path, line })
    })
}

/// The password of all servers, if it is the same one: none is told that of another.
fn same(found: Vec<Option<(String, usize)>>) -> Option<(String, usize)> {
    let mut found = found.into_iter();
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
