//! `dsctl demo`: a failover from beginning to end, on a made-up cluster in a SQLite file.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::{CommandError, of_failover};
use super::handover::record::RunReport;
use super::handover::report::{self, Phrases};
use super::instances::{InstanceEntry, InstancesDocument, Listing};
use super::masters::MasterEntry;
use super::shell::{Answer, Shell, Skeleton};
use super::{connected, masters};
use crate::cluster::{self, Cluster, Purpose};
use crate::config::{DbTarget, Settings};
use crate::demo::{self, Story};
use crate::exit_code::ExitCode;
use crate::failover::{Handover, Observer, Rules, Run};
use crate::metadata::sqlite::{OpenMode, SqliteDatabase};
use crate::model::{Address, LockNode, Permit, Version, shell_word};
use crate::output::{Body, Document, Keys, Table};
use clap::Args;

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub(super) struct DemoArgs {
    /// Keep the made-up cluster in this file
    #[arg(long, value_name = "FILE.db")]
    pub file: Option<PathBuf>,
}

/// The default release of the made-up cluster.
const DEFAULT_RELEASE: Version = Version::new(3, 2, 2);

/// The document of `demo`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct DemoDocument {
    masters: Vec<MasterEntry>,
    instances_before: Vec<InstanceEntry>,
    plan: Option<RunReport>,
    outcome: Option<RunReport>,
    instances: Vec<InstanceEntry>,
    file: Option<String>,
    dead_master: Option<Address>,
}

impl Keys for DemoDocument {}

impl Skeleton for DemoDocument {
    const COMMAND: &'static str = "demo";
}

pub(super) async fn run(
    shell: &mut Shell<'_, '_>,
    arguments: &DemoArgs,
    document: &mut Document,
) -> Result<Answer<DemoDocument>, CommandError> {
    let file = arguments.file.clone().unwrap_or_else(unused_file);
    let version = shell.settings.ds_version.unwrap_or(DEFAULT_RELEASE);
    let story = create(&shell.settings, &file, version).await?;
    let settings = Settings {
        db: Some(DbTarget::Sqlite(file.clone())),
        zk: None,
        registry: None,
        ds_version: Some(version),
        time_zone: Some(TimeZone::UTC),
        ..shell.settings.clone()
    };
    let mut cluster = cluster::connect(&settings, Purpose::Write, &shell.stop).await?;
    document.family = Some(cluster.store.release().family.label.to_owned());
    document.ds_version = Some(version.to_string());
    let played = play(&mut cluster, &story).await;
    let _ = connected::close(cluster).await;
    let (body, run) = played?;
    let given = shell.settings.ds_version;
    let mut answer = Answer::new(closing(body, &file, &story, given));
    answer.exit = Some(run.exit_code());
    answer.error = run
        .failure
        .as_ref()
        .map(|failure| of_failover(failure, run.wrote));
    Ok(answer)
}

/// A new file for each demo: earlier ones stay usable.
fn unused_file() -> PathBuf {
    let name = format!(
        "dsctl-demo-{}-{}.db",
        Timestamp::now().as_millisecond(),
        std::process::id()
    );
    std::env::temp_dir().join(name)
}

async fn create(settings: &Settings, file: &Path, version: Version) -> Result<Story, CommandError> {
    if crate::family::family_of(version).is_none() {
        let hint = "for example 1.3.9, 2.0.9, 3.1.9, 3.2.2 or 3.4.1";
        return Err(CommandError::usage(
            anyhow!("{version} belongs to no known family of releases"),
            hint,
        ));
    }
    if file.exists() {
        return Err(CommandError::Other {
            error: anyhow!("{} exists already", file.display()),
            hint: "the demo creates a new file and overwrites none; use another name".to_owned(),
            exit: ExitCode::Refused,
        });
    }
    let mut database = SqliteDatabase::open(
        file,
        OpenMode::Create,
        settings.timeout,
        settings.statement_timeout,
    )?;
    Ok(demo::create(&mut database, version, Timestamp::now()).await?)
}

/// The masters, the plan, the failover, and its outcome.
async fn play(
    cluster: &mut Cluster,
    story: &Story,
) -> Result<(Body<DemoDocument>, Run), CommandError> {
    let rules = rules();
    let masters_before = masters::seen(cluster).await?;
    let instances_before = listing(cluster).await?;
    let dead = [story.dead_master.clone()];
    let plan = Handover::new(cluster, &rules, None, &mut Silent)
        .failover(&dead)
        .await;
    let permit = Permit::by_operator();
    let run = Handover::new(cluster, &rules, Some(&permit), &mut Silent)
        .failover(&dead)
        .await;
    let instances_after = listing(cluster).await?;
    let phrases = Phrases {
        done: "handed over",
        would: "would be handed over",
        empty: "no unfinished instance names a dead master",
    };
    let (mut tables, mut keys) = (Vec::new(), DemoDocument::default());
    keys.masters = show(masters_before, &mut tables, "1. the masters: dsctl masters").masters;
    keys.instances_before = show(
        instances_before,
        &mut tables,
        "2. their unfinished instances: dsctl instances",
    )
    .instances;
    let plan = report::body(&plan, true, phrases);
    let consent = if cluster.store.release().recovered_looks_unfinished() {
        " --allow-recovered"
    } else {
        ""
    };
    keys.plan = Some(show(
        plan,
        &mut tables,
        &format!("3. the plan: dsctl failover --all-dead --dry-run{consent}"),
    ));
    let outcome = report::body(&run, false, phrases);
    keys.outcome = Some(show(
        outcome,
        &mut tables,
        &format!("4. the failover: dsctl failover --all-dead --yes{consent}"),
    ));
    keys.instances = show(
        instances_after,
        &mut tables,
        "5. afterwards: dsctl instances",
    )
    .instances;
    Ok((
        Body {
            tables,
            ..Body::new(keys)
        },
        run,
    ))
}

/// Shows what a command would show; returns the keys of its document.
fn show<K>(body: Body<K>, tables: &mut Vec<Table>, title: &str) -> K {
    tables.extend(body.tables.into_iter().map(|table| table.title(title)));
    body.keys
}

async fn listing(cluster: &mut Cluster) -> Result<Body<InstancesDocument>, CommandError> {
    let registered = cluster.registry.masters().await?;
    let mut listed = Vec::new();
    cluster
        .store
        .each_listed(None, |instance| listed.push(instance))
        .await?;
    Ok(Listing::related(&listed, cluster, registered)
        .await?
        .listed(listed))
}

/// `given` is the release that was asked for, which the tables may not show.
fn closing(
    mut body: Body<DemoDocument>,
    file: &Path,
    story: &Story,
    given: Option<Version>,
) -> Body<DemoDocument> {
    let version = given.map_or_else(String::new, |given| format!(" --ds-version {given}"));
    let shown = file.display();
    let url = format!("sqlite:{shown}");
    let url = shell_word(&url);
    body.keys.file = Some(file.to_string_lossy().into_owned());
    body.keys.dead_master = Some(story.dead_master.clone());
    body.closing(format!(
        "{} had died; its {} instances now have a command each, and the next free master would take them up.",
        story.dead_master,
        story.hanging().len()
    ))
    .closing("One instance was handed over long ago and has no command: an orphan, which no \
        master will ever take up.")
    .closing(format!("The cluster is in {shown}; continue with:"))
    .closing(format!(
        "  dsctl --db {url}{version} recover --orphans --dry-run"
    ))
    .closing(format!("  dsctl --db {url}{version} commands"))
}

fn rules() -> Rules {
    Rules {
        lock_timeout: std::time::Duration::from_secs(5),
        max_instances: 100,
        // No master takes up the demo's commands, so no instance was ever recovered.
        allow_recovered: true,
        ..Rules::default()
    }
}

/// There are no waits for a lock in a private file.
struct Silent;

impl Observer for Silent {
    fn waiting_for_lock(&mut self, _path: &str, _holder: &LockNode) {}

    fn batch_done(&mut self, _master: &Address, _done: usize, _total: usize) {}
}
