//! Regular files, and their neighbours in the same folder.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Reads a file of at most `largest` bytes; `None` if there is no file. Opening pipes and devices
/// does not block.
///
/// # Errors
/// It is not a regular file, it is larger, or what the system says.
pub fn read_regular(path: &Path, largest: u64) -> io::Result<Option<Vec<u8>>> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) if !std::fs::metadata(path)?.is_file() => {
            return Err(io::Error::other("it is not a file"));
        }
        Ok(_) => {}
    }
    let file = std::fs::File::open(path)?;
    if file.metadata()?.len() > largest {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        Err(io::ErrorKind::FileTooLarge.into())
    } else {
        Ok(Some(bytes))
    }
}

/// The file next to another one, with this suffix added to its name.
#[must_use]
pub fn sibling(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
