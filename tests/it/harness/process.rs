//! What the system says of processes.

/// The first process below this one that runs a command of this name.
pub fn child_of(parent: u32, name: &str) -> Option<u32> {
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .find_map(|pid: u32| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if command.trim() == name {
                Some(pid)
            } else {
                child_of(pid, name)
            }
        })
}
