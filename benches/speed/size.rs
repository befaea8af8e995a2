//! The program itself.

use crate::report::Table;

pub fn run() {
    let program = env!("CARGO_BIN_EXE_dsctl");
    let size = std::fs::metadata(program).unwrap().len();
    let linked = std::process::Command::new("ldd")
        .arg(program)
        .output()
        .unwrap();
    let libraries: Vec<String> = String::from_utf8_lossy(&linked.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    let table = Table::new(&["size, MiB", "libraries"]);
    table.row(&[
        format!("{:.1}", size as f64 / 1024.0 / 1024.0),
        libraries.join(", "),
    ]);
}
