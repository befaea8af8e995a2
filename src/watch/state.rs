//! The state of the guards, in a file that outlives restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use super::clock::Reading;
use super::identity::ClusterIdentity;
use super::missing::Absence;
use crate::config::Environment;
use crate::failover::RegistrySnapshot;
use crate::files::regular::{read_regular, sibling};
use crate::files::replace::{folder_of, replace};
use crate::metadata::Mark;

/// What must survive a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The missing masters, by address, and when that was first seen, in milliseconds since 1970.
    pub missing: BTreeMap<String, i64>,
    /// Past failovers, for the cool-down of each master and the storm brake.
    pub failovers: Vec<PastFailover>,
    /// The storm brake, while it is on.
    pub brake: Option<Brake>,
    /// The last look at the registry; without one, nothing proves that the missing masters were
    /// missing all the time.
    #[serde(default)]
    pub look: Option<PastLook>,
    /// The rows of masters when they were first seen missing.
    #[serde(default)]
    pub marks: BTreeMap<String, Mark>,
    /// Masters that are not registered but have shown a sign of life, and which.
    #[serde(default)]
    pub alive: BTreeMap<String, String>,
    /// Masters that lost their registration while they had no work.
    #[serde(default)]
    pub idle: BTreeMap<String, Absence>,
    /// The registered masters at the last look that found any.
    #[serde(default)]
    pub registered: BTreeSet<String>,
    /// How many unfinished instances each dead master had.
    #[serde(default)]
    pub work: BTreeMap<String, i64>,
    /// When that was counted, in milliseconds since 1970.
    #[serde(default)]
    pub work_at_ms: i64,
    /// The cluster that all of this belongs to.
    #[serde(default)]
    pub home: Option<ClusterIdentity>,
    /// The address of the database whose rows were seen, and their release.
    #[serde(default)]
    pub database: Option<String>,
    /// The clocks when this was written.
    #[serde(default)]
    pub kept: Option<Reading>,
}

/// A look at the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastLook {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who was registered.
    pub roll: RegistrySnapshot,
}

/// One past failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastFailover {
    /// Address of the master.
    pub master: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// How many instances were handed over.
    pub instances: u64,
    /// Whether it was cut short, and may be continued at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}

/// The storm brake is on: no more failovers until an operator resumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brake {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Why.
    pub reason: String,
}

/// Why the state cannot be read or saved. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder does not exist and cannot be created.
    #[error("the folder {} for the state file cannot be created: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file exists but cannot be read.
    #[error("the state file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not a state file of dsctl; it is never overwritten.
    #[error("{} is not a state file of this dsctl: {problem}; move it away to start with an empty \
        one", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The new state cannot be written, for example because the disk is full.
    #[error("the state file {} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The file.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

const FORMAT: &str = "dsctl watch state";
const VERSION: u32 = 1;

/// Each unfinished instance of a dead master has a line of a hundred bytes: so the state of two
/// million can be read again. A wrong file must not be read completely.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The head of every version of the file.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize)]
struct StateDocument<'a> {
    format: &'static str,
    version: u32,
    state: &'a State,
}

#[derive(Deserialize)]
struct Stored {
    state: State,
}

impl StateFile {
    /// Creates the folder if need be, and checks that the file is missing or a state file of dsctl.
    ///
    /// # Errors
    /// [`StateError`]; at most the folder has been created then.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let file = Self { path: path.into() };
        let folder = folder_of(&file.path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| StateError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        file.load()?;
        Ok(file)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file next to it with which an operator tells a running watcher to resume.
    #[must_use]
    pub fn resume_marker(&self) -> PathBuf {
        sibling(&self.path, ".resume")
    }

    /// Reads it; a missing file is an empty state.
    ///
    /// # Errors
    /// [`StateError::Read`], [`StateError::Foreign`]. Nothing is changed.
    pub fn load(&self) -> Result<State, StateError> {
        let bytes = read_regular(&self.path, LARGEST);
        match bytes.map_err(|source| StateError::Read {
            path: self.path.clone(),
            source,
        })? {
            None => Ok(State::default()),
            Some(bytes) => parse(&bytes).map_err(|problem| StateError::Foreign {
                path: self.path.clone(),
                problem,
            }),
        }
    }

    /// Writes the whole state.
    ///
    /// # Errors
    /// [`StateError::Write`]: the disk is full, or the folder is gone or not accessible. The old
    /// file is unchanged.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let written = serde_json::to_vec_pretty(&StateDocument {
            format: FORMAT,
            version: VERSION,
            state,
        });
        let written = written
            .map_err(io::Error::from)
            .and_then(|bytes| replace(&self.path, &bytes));
        written.map_err(|source| StateError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

fn parse(bytes: &[u8]) -> Result<State, String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let header: Header = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match (header.format.as_str(), header.version) {
        (FORMAT, VERSION) => {}
        (FORMAT, version) => {
            return Err(format!(
                "its version is {version}, and this dsctl reads {VERSION}"
            ));
        }
        (format, _) => return Err(format!("its format is {format:?}")),
    }
    serde_json::from_slice(bytes)
        .map(|stored: Stored| stored.state)
        .map_err(|error| error.to_string())
}

/// The default path of the state file: in the state folder that systemd gives the service, else in
/// that of the installed service, so that an operator who pauses it by hand finds it, else in the
/// user's.
///
/// Variables that are empty or name a relative path count as not set, following the XDG
/// specification.
#[must_use]
pub fn default_path(environment: &Environment) -> Option<PathBuf> {
    let user = || {
        let home = || {
            environment
                .absolute_path("HOME")
                .map(|home| home.join(".local/state"))
        };
        Some(
            environment
                .absolute_path("XDG_STATE_HOME")
                .or_else(home)?
                .join("dsctl"),
        )
    };
    let installed =
        || is_there(&environment.service_folder).then(|| environment.service_folder.clone());
    service_folder(environment)
        .or_else(installed)
        .or_else(user)
        .map(|folder| folder.join("watch.json"))
}

/// A folder that is not accessible counts too, and so does systemd's link to one: a pause elsewhere
/// would have no effect.
fn is_there(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_ok()
}

/// systemd lists several folders separated by colons.
fn service_folder(environment: &Environment) -> Option<PathBuf> {
    let folders = environment.variable("STATE_DIRECTORY")?;
    std::env::split_paths(folders)
        .next()
        .filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn mark() -> Mark {
        let rows = [("10.0.0.1:5678".to_owned(), [(7, "1, -".to_owned())].into())];
        Mark {
            instance: 8,
            task: 9,
            known_instances: vec![10, 99],
            rows: rows.into(),
            ..Mark::default()
        }
    }

    fn example() -> State {
        State {
            missing: [("10.0.0.1:5678".to_owned(), 1_717_200_000_000)].into(),
            failovers: vec![PastFailover {
                master: "10.0.0.2:5678".to_owned(),
                at_ms: 5,
                instances: 12,
                cut_short: false,
            }],
            brake: Some(Brake {
                since_ms: 6,
                reason: "3 masters in 5m".to_owned(),
            }),
            look: Some(PastLook {
                at_ms: 7,
                roll: RegistrySnapshot::default(),
            }),
            marks: [("10.0.0.1:5678".to_owned(), mark())].into(),
            alive: [("10.0.0.3:5678".to_owned(), "instance 8".to_owned())].into(),
            idle: [(
                "10.0.0.4:5678".to_owned(),
                Absence {
                    since: 9,
                    mark: Some(mark()),
                },
            )]
            .into(),
            registered: ["10.0.0.5:5678".to_owned()].into(),
            work: [("10.0.0.1:5678".to_owned(), 10)].into(),
            work_at_ms: 11,
            home: Some(serde_json::from_str(r#"{"place": "zookeeper 0x2 12"}"#).unwrap()),
            database: Some("db:3306/ds".to_owned()),
            kept: Some(
                serde_json::from_str(r#"{"boot": "0a-1b", "running_ms": 12, "wall_ms": 13}"#)
                    .unwrap(),
            ),
        }
    }

    #[test]
    fn a_state_outlives_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/watch.json");
        let file = StateFile::open(&path).unwrap();
        assert_eq!(file.load().unwrap(), State::default());
        assert!(!path.exists(), "reading writes nothing");
        file.save(&example()).unwrap();
        assert_eq!(StateFile::open(&path).unwrap().load().unwrap(), example());
        file.save(&State::default()).unwrap();
        assert_eq!(file.load().unwrap(), State::default());
    }

    #[test]
    fn a_file_of_before_looks_were_kept_is_read_and_proves_nothing() {
        let old = r#"{"format": "dsctl watch state", "version": 1,
            "state": {"missing": {"a:1": 5}, "failovers": [], "brake": null}}"#;
        let state = parse(old.as_bytes()).unwrap();
        assert_eq!(
            (state.missing.len(), state.look, state.marks.len()),
            (1, None, 0)
        );
    }

    #[test]
    fn a_foreign_file_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watch.json");
        let newer = r#"{"format": "dsctl watch state", "version": 2, "state": {}}"#;
        let unknown = r#"{"format": "dsctl watch state", "version": 1,
            "state": {"missing": {}, "failovers": [], "brake": null, "guard": 1}}"#;
        let other = r#"{"format": "x", "version": 1}"#;
        for text in [
            "",
            "{}",
            "[]",
            "zk = 1",
            "{\"missing\": {",
            "\u{0}",
            newer,
            unknown,
            other,
        ] {
            std::fs::write(&path, text).unwrap();
            let error = StateFile::open(&path).unwrap_err();
            assert!(
                matches!(error, StateError::Foreign { .. }),
                "{text}: {error}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(
            StateFile::open(&path)
                .unwrap_err()
                .to_string()
                .contains("its format is \"x\"")
        );
    }

    /// Twenty masters, each with the largest number of instances that is saved.
    #[test]
    fn what_is_kept_of_very_many_instances_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::open(folder.path().join("watch.json")).unwrap();
        let look = "1, -, 2024-06-01 02:00:00.0, 2024-06-01 02:00:00.0, 1717207200000, 20, 0";
        let mark = |number: i64| {
            let master = format!("10.0.0.{number}:5678");
            let rows = (0..10_000)
                .map(|id| (1_000_000 + id, look.to_owned()))
                .collect();
            (
                master.clone(),
                Mark {
                    rows: [(master, rows)].into(),
                    ..mark()
                },
            )
        };
        let state = State {
            marks: (0..20).map(mark).collect(),
            ..example()
        };
        file.save(&state).unwrap();
        assert!(std::fs::metadata(file.path()).unwrap().len() > 16 * 1024 * 1024);
        assert!(file.load().unwrap() == state);
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            StateFile::open(folder.path()),
            Err(StateError::Read { .. })
        ));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(
            StateFile::open(file.join("watch.json")),
            Err(StateError::Folder { .. })
        ));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(matches!(
            StateFile::open(&link),
            Err(StateError::Read { .. })
        ));
        let large = folder.path().join("large");
        std::fs::File::create(&large)
            .unwrap()
            .set_len(LARGEST + 1)
            .unwrap();
        assert!(matches!(
            StateFile::open(&large),
            Err(StateError::Read { .. })
        ));
    }

    const SMALL_DISK: &str = "DSCTL_TEST_SMALL_DISK";

    /// The system itself refuses to write more than four blocks, as a full disk does: in the middle
    /// of the file.
    #[test]
    fn a_full_disk_is_reported_and_the_old_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let limited = "trap '' XFSZ; ulimit -f 4; exec \"$@\"";
        let name = "watch::state::tests::on_a_small_disk";
        let output = Command::new("sh")
            .args(["-c", limited, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env(SMALL_DISK, folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{told}"
        );
        assert_eq!(
            StateFile::open(folder.path().join("watch.json"))
                .unwrap()
                .load()
                .unwrap(),
            example()
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    #[test]
    #[ignore = "run by a_full_disk_is_reported_and_the_old_file_stays, under a limit"]
    fn on_a_small_disk() {
        let Some(folder) = std::env::var_os(SMALL_DISK) else {
            return;
        };
        let file = StateFile::open(Path::new(&folder).join("watch.json")).unwrap();
        file.save(&example()).unwrap();
        let mut large = example();
        large
            .missing
            .extend((0..1000).map(|number| (format!("10.0.0.1:{number}"), 1)));
        let error = file.save(&large).unwrap_err();
        assert!(matches!(error, StateError::Write { .. }), "{error}");
        assert_eq!(file.load().unwrap(), example());
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Environment {
            variables,
            ..Environment::default()
        }
    }

    #[test]
    fn the_default_path() {
        let cases = [
            (
                &[("STATE_DIRECTORY", "/s/a:/s/b"), ("HOME", "/h")][..],
                Some("/s/a/watch.json"),
            ),
            (
                &[("STATE_DIRECTORY", "s"), ("XDG_STATE_HOME", "/x")],
                Some("/x/dsctl/watch.json"),
            ),
            (
                &[
                    ("STATE_DIRECTORY", ""),
                    ("XDG_STATE_HOME", ""),
                    ("HOME", "/h"),
                ],
                Some("/h/.local/state/dsctl/watch.json"),
            ),
            (
                &[("STATE_DIRECTORY", ":/s/b"), ("HOME", "/h")],
                Some("/h/.local/state/dsctl/watch.json"),
            ),
            (
                &[("XDG_STATE_HOME", "x"), ("HOME", "/h")],
                Some("/h/.local/state/dsctl/watch.json"),
            ),
            (&[("HOME", "h")], None),
            (&[], None),
        ];
        for (variables, path) in cases {
            assert_eq!(
                default_path(&environment(variables)),
                path.map(PathBuf::from),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn an_installed_service_is_found_even_where_its_folder_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mut user = environment(&[("HOME", "/h")]);
        user.service_folder = folder.path().join("dsctl");
        assert_eq!(
            default_path(&user),
            Some(PathBuf::from("/h/.local/state/dsctl/watch.json"))
        );
        std::os::unix::fs::symlink(folder.path().join("private/dsctl"), &user.service_folder)
            .unwrap();
        assert_eq!(
            default_path(&user),
            Some(user.service_folder.join("watch.json"))
        );
        let mut service = environment(&[("STATE_DIRECTORY", "/s/a")]);
        service.service_folder = user.service_folder;
        assert_eq!(
            default_path(&service),
            Some(PathBuf::from("/s/a/watch.json"))
        );
    }

    proptest! {
        #[test]
        fn no_content_is_too_strange(bytes in any::<Vec<u8>>()) {
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn what_is_written_is_read(missing in any::<BTreeMap<String, i64>>(), master in any::<String>(), at_ms in any::<i64>(), instances in any::<u64>(), cut_short in any::<bool>(), reason in any::<Option<String>>()) {
            let brake = reason.map(|reason| Brake { since_ms: at_ms, reason });
            let state = State { missing, failovers: vec![PastFailover { master, at_ms, instances, cut_short }], brake, ..State::default() };
            let bytes = serde_json::to_vec(&StateDocument { format: FORMAT, version: VERSION, state: &state }).unwrap();
            prop_assert_eq!(parse(&bytes).unwrap(), state);
        }
    }
}
