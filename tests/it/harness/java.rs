//! Jars: Debian's, and those of other releases that Maven brings.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::guard::{Folder, run};

/// A class path of Debian's jars; their manifests name the jars that they need in turn.
pub fn debian(jars: &[&str]) -> Result<String, String> {
    let paths: Vec<String> = jars
        .iter()
        .map(|jar| format!("/usr/share/java/{jar}.jar"))
        .collect();
    match paths.iter().find(|path| !Path::new(path).exists()) {
        Some(missing) => Err(format!("{missing} is missing")),
        None => Ok(paths.join(":")),
    }
}

/// A class path of the jars that `tests/java/<name>/pom.xml` asks for. They are kept below Cargo's
/// folder for temporary files; an error is kept for the life of the process, as asking again would
/// take as long.
pub fn maven(name: &str) -> Result<String, String> {
    brought("java", name).map(|folder| format!("{folder}/*"))
}

/// The folder with the jars that `tests/conformance/<number>/pom.xml` asks for, kept in the same
/// way.
pub fn maven_release(number: &str) -> Result<String, String> {
    brought("conformance", number)
}

fn brought(kind: &str, name: &str) -> Result<String, String> {
    static BROUGHT: Mutex<BTreeMap<String, Result<String, String>>> = Mutex::new(BTreeMap::new());
    let mut brought = BROUGHT.lock().unwrap();
    brought
        .entry(format!("{kind}/{name}"))
        .or_insert_with(|| bring(kind, name))
        .clone()
}

fn bring(kind: &str, name: &str) -> Result<String, String> {
    let pom = format!("{}/tests/{kind}/{name}/pom.xml", env!("CARGO_MANIFEST_DIR"));
    let folder = match kind {
        "java" => format!("{}/{name}", env!("CARGO_TARGET_TMPDIR")),
        _ => format!("{}/{kind}-{name}", env!("CARGO_TARGET_TMPDIR")),
    };
    let complete = format!("{folder}/complete");
    let wanted = std::fs::read_to_string(&pom).map_err(|error| format!("{pom}: {error}"))?;
    if std::fs::read_to_string(&complete).ok().as_ref() != Some(&wanted) {
        // What an older list of jars brought must not stay in the class path.
        let _ = std::fs::remove_dir_all(&folder);
        if wanted.contains("<artifactItems>") {
            run_maven(name, &pom, "dependency:copy", &folder)?;
        }
        run_maven(name, &pom, "dependency:copy-dependencies", &folder)?;
        std::fs::write(&complete, wanted).map_err(|error| format!("{complete}: {error}"))?;
    }
    Ok(folder)
}

fn run_maven(name: &str, pom: &str, goal: &str, folder: &str) -> Result<(), String> {
    let mut command = Command::new("mvn");
    // What Maven keeps for itself goes below Cargo's folder too, and not into somebody's home.
    command.arg(concat!(
        "-Dmaven.repo.local=",
        env!("CARGO_TARGET_TMPDIR"),
        "/maven"
    ));
    command
        .args(["-q", "-B", "-f", pom, goal])
        .arg(format!("-DoutputDirectory={folder}"));
    finish_maven(name, &mut command)
}

fn finish_maven(name: &str, command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("mvn: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // The first line says what is missing; the rest is advice.
    let why = said
        .lines()
        .find(|line| line.contains("[ERROR]"))
        .unwrap_or(&said);
    Err(format!("Maven cannot bring {name}: {why}"))
}

/// A text file in an artifact (`group:name:version:type:classifier`) that Maven brings by itself,
/// without what it depends on: some were published without the parent that describes them. This old
/// plug-in does not ask for it.
pub fn file_of_artifact(artifact: &str, file: &str) -> Result<String, String> {
    let unpacked = Folder::new("artifact");
    unpack(&file_with(artifact)?, file, &unpacked);
    let path = unpacked.join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{file} of {artifact}: {error}"))
}

/// One file of a jar.
pub fn unpack(jar: &str, file: &str, folder: &Folder) {
    run(Command::new("jar")
        .args(["xf", jar, file])
        .current_dir(folder.path()));
}

/// The file of an artifact (`group:name:version:type`, and a classifier if it has one) that Maven
/// brings.
pub fn file_with(artifact: &str) -> Result<String, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/artifacts");
    let words: Vec<&str> = artifact.split(':').collect();
    let (name, version, kind, classifier) = match words[..] {
        [_, name, version, kind] => (name, version, kind, String::new()),
        [_, name, version, kind, classifier] => (name, version, kind, format!("-{classifier}")),
        _ => panic!("{artifact}"),
    };
    let jar = format!("{folder}/{name}-{version}{classifier}.{kind}");
    if !Path::new(&jar).exists() {
        let mut command = Command::new("timeout");
        command.args(["300", "mvn"]);
        command.arg(concat!(
            "-Dmaven.repo.local=",
            env!("CARGO_TARGET_TMPDIR"),
            "/maven"
        ));
        command.args([
            "-q",
            "-B",
            "org.apache.maven.plugins:maven-dependency-plugin:2.10:copy",
        ]);
        command.args([
            format!("-Dartifact={artifact}"),
            format!("-DoutputDirectory={folder}"),
        ]);
        finish_maven(artifact, &mut command)?;
    }
    Ok(jar)
}

/// Compiles source files of `tests/java`, once in this process, and says in which folder their
/// classes are.
pub fn compile(sources: &[&str], classpath: &str, folder: &str) -> String {
    static COMPILED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled
        .entry(folder.to_owned())
        .or_insert_with(|| compile_now(sources, classpath, folder))
        .clone()
}

fn compile_now(sources: &[&str], classpath: &str, folder: &str) -> String {
    let target = format!("{}/{folder}", env!("CARGO_TARGET_TMPDIR"));
    let unfinished = format!("{target}-{}", std::process::id());
    let sources = sources
        .iter()
        .map(|source| format!("{}/tests/java/{source}", env!("CARGO_MANIFEST_DIR")));
    let options = [
        "-Xlint:all",
        "-proc:none",
        "-implicit:none",
        "-nowarn",
        "-d",
        &unfinished,
        "-cp",
        classpath,
    ];
    run(Command::new("javac").args(options).args(sources));
    let _ = std::fs::remove_dir_all(&target);
    // Whoever is first has its own taken; the other one's is the same.
    if std::fs::rename(&unfinished, &target).is_ok() {
        target
    } else {
        unfinished
    }
}
