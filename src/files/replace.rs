//! Writes a file completely or not at all: a reader sees the old content or the new, never a part.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a temporary file in the same folder, syncs it to disk, and renames it.
///
/// # Errors
/// What the system says. The old file is as it was, and the temporary one is removed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_for(path)?;
    let replaced = write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if replaced.is_err() {
        let _ = std::fs::remove_file(&temporary);
        return replaced;
    }
    // The new name is durable once the folder is synced. Some file systems cannot do that; the file
    // itself is complete either way.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The folder that a file is in, `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// It has a different extension, so that programs that collect files by extension ignore it.
fn temporary_for(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(folder_of(path).join(temporary))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A killed process may have left one; and a link that another user put there must not be
    // followed.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn the_new_file_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.prom");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["x.prom"]);
    }

    #[test]
    fn nothing_is_left_behind_when_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::create_dir(&path).unwrap();
        replace(&path, b"one").unwrap_err();
        assert_eq!(names(folder.path()), ["x"]);
        replace(&folder.path().join("missing/x"), b"one").unwrap_err();
        replace(Path::new("/"), b"one").unwrap_err();
    }

    #[test]
    fn what_a_killed_process_left_is_no_obstacle_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("x"), folder.path().join("victim"));
        std::fs::write(&victim, "untouched").unwrap();
        let temporary = temporary_for(&path).unwrap();
        assert!(
            temporary.extension().is_some_and(|ending| ending == "tmp"),
            "{}",
            temporary.display()
        );
        std::os::unix::fs::symlink(&victim, temporary).unwrap();
        replace(&path, b"one").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
    }
}
