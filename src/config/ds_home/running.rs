//! Where a master that runs on this machine was started from: a suggestion, and no more than that.

use std::path::{Path, PathBuf};

/// The main class of every release's master.
const MASTER: &[u8] = b"org.apache.dolphinscheduler.server.master.MasterServer";

/// The installation of a running master. Its scripts go into the folder of the installation (1.x,
/// 2.0) or of the server (3.x) before they start Java.
pub(in crate::config) fn installation(processes: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(processes).ok()?;
    let folders = entries.flatten().filter_map(|entry| {
        let process = entry.path();
        let line = std::fs::read(process.join("cmdline")).ok()?;
        let is_master = line
            .split(|byte| *byte == 0)
            .any(|keyword| keyword == MASTER);
        is_master
            .then(|| std::fs::read_link(process.join("cwd")).ok())
            .flatten()
    });
    folders.into_iter().next().map(|folder| {
        let is_server = folder.ends_with("master-server");
        match folder.parent() {
            Some(parent) if is_server => parent.to_owned(),
            _ => folder,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_folder_of_a_running_master() {
        let processes = tempfile::tempdir().unwrap();
        let process = |number: &str, line: &str, folder: &str| {
            let process = processes.path().join(number);
            fs::create_dir(&process).unwrap();
            fs::write(process.join("cmdline"), line.replace(' ', "\0")).unwrap();
            symlink(folder, process.join("cwd")).unwrap();
        };
        assert_eq!(installation(processes.path()), None);
        process("1", "/sbin/init", "/");
        process(
            "2",
            "grep org.apache.dolphinscheduler.server.master.MasterServerX",
            "/x",
        );
        assert_eq!(installation(processes.path()), None);
        process(
            "3",
            "java -cp conf org.apache.dolphinscheduler.server.master.MasterServer",
            "/data/ds/master-server",
        );
        assert_eq!(installation(processes.path()), Some("/data/ds".into()));
        assert_eq!(installation(Path::new("/nowhere")), None);
    }
}
