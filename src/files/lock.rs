//! A lock that allows one watcher for each state file: two would overwrite each other's state, and
//! the storm brake would not work.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::regular::sibling;

/// How often another process may exit between opening and checking the file.
const TRIES: usize = 100;

/// The lock on a state file. It is held until this is dropped; the kernel releases it when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct StateLock {
    path: PathBuf,
    _file: File,
}

impl StateLock {
    /// Locks the file next to the state file; `None` if another process holds it.
    ///
    /// # Errors
    /// The file cannot be created, or its file system does not support locks.
    pub fn acquire(state_file: &Path) -> io::Result<Option<Self>> {
        let path = sibling(state_file, ".lock");
        // A link is not followed, and opening a pipe does not block.
        let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW;
        for _ in 0..TRIES {
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .custom_flags(flags)
                .open(&path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) if is_at(&file, &path) => return Ok(Some(Self { path, _file: file })),
                // The previous holder has removed it since it was opened.
                Ok(()) => {}
            }
        }
        Err(io::Error::other("it is always another file"))
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(file), Ok(path)) => (file.dev(), file.ino()) == (path.dev(), path.ino()),
        _ => false,
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Removed while it is still locked; a process that has opened it before notices that it is
        // gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_at_a_time_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("watch.json");
        let first = StateLock::acquire(&state).unwrap().unwrap();
        assert!(StateLock::acquire(&state).unwrap().is_none());
        let other = StateLock::acquire(&folder.path().join("other.json")).unwrap();
        assert!(other.is_some());
        drop((first, other));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // A killed process leaves the file, but no lock.
        std::fs::write(folder.path().join("watch.json.lock"), "").unwrap();
        assert!(StateLock::acquire(&state).unwrap().is_some());
    }

    #[test]
    fn a_link_or_a_folder_is_no_file_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let (state, lock) = (
            folder.path().join("watch.json"),
            folder.path().join("watch.json.lock"),
        );
        std::os::unix::fs::symlink("victim", &lock).unwrap();
        StateLock::acquire(&state).unwrap_err();
        assert!(!folder.path().join("victim").exists());
        std::fs::remove_file(&lock).unwrap();
        std::fs::create_dir(&lock).unwrap();
        StateLock::acquire(&state).unwrap_err();
        assert!(StateLock::acquire(&folder.path().join("missing/watch.json")).is_err());
    }
}
