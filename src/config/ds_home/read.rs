//! The files themselves.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::assignment::Layer;
use super::{properties, yaml};
use crate::config::ConfigError;
use crate::files::regular::read_regular;

pub(super) fn read_properties(path: &Path) -> Result<Option<Layer>, ConfigError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    properties::parse(path, &bytes)
        .map(Some)
        .map_err(|line| not_understood(path, line, "this is not a properties file"))
}

pub(super) fn read_yaml(path: &Path) -> Result<Option<Vec<Layer>>, ConfigError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        not_understood(path, line, "this is not UTF-8")
    })?;
    yaml::parse(path, text)
        .map(Some)
        .map_err(|error| not_understood(path, error.line, error.problem))
}

fn not_understood(path: &Path, line: usize, problem: &str) -> ConfigError {
    ConfigError::Line {
        path: path.to_owned(),
        line,
        problem: problem.to_owned(),
        hint: Some("DolphinScheduler's own file; its masters could not read it either".to_owned()),
    }
}

/// Nobody writes a longer configuration; a wrong file must not be read to its end.
const LONGEST: u64 = 4 * 1024 * 1024;

pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError::File {
        path: PathBuf::from(path),
        problem: error.to_string(),
    };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        // A pipe would be waited for, and what it says now need not be what it said to a master.
        Ok(metadata) if !metadata.is_file() => {
            return Err(ConfigError::File {
                path: PathBuf::from(path),
                problem: "it is a pipe or a device".to_owned(),
            });
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        _ => {}
    }
    read_regular(path, LONGEST).map_err(|error| match error.kind() {
        // Half a file may say the opposite of the whole one.
        ErrorKind::FileTooLarge => ConfigError::File {
            path: PathBuf::from(path),
            problem: "it is longer than any configuration".to_owned(),
        },
        _ => unreadable(error),
    })
}
