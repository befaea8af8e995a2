//! Empty data folders of databases, made once and copied for every server: making one takes
//! seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::super::guard::{Folder, run};
use super::is_root;

/// Puts an initialised data folder at `target`. `make` initialises one; what it made is kept below
/// Cargo's folder for temporary files, under a name that holds `key`: the server's version and
/// whatever else `make` depends on.
pub fn copy(key: &str, target: &str, make: impl FnOnce(&Folder) -> String) {
    let template = template(key, make);
    run(Command::new("cp")
        .arg("-a")
        .arg("--")
        .arg(template)
        .arg(target));
}

fn template(key: &str, make: impl FnOnce(&Folder) -> String) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap();
    let name: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let owner = if is_root() { "root" } else { "user" };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{owner}"));
    if !path.exists() {
        let folder = Folder::new("template");
        let initialised = make(&folder);
        let unfinished = path.with_extension(std::process::id().to_string());
        run(Command::new("cp")
            .arg("-a")
            .arg("--")
            .arg(initialised)
            .arg(&unfinished));
        // Another process may have been faster; then its work is as good as ours.
        if fs::rename(&unfinished, &path).is_err() {
            let _ = fs::remove_dir_all(&unfinished);
        }
    }
    path
}
