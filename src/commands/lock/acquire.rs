//! `dsctl lock acquire`: take the failover lock and hold it.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::child::{self, End, ProgramEnd};
use super::taken::LockEntry;
use crate::cluster::{self, Purpose};
use crate::commands::connected;
use crate::commands::failure::{CommandError, holder_sentence};
use crate::commands::shell::{Answer, Shell, Skeleton};
use crate::commands::times;
use crate::exit_code::ExitCode;
use crate::failover::{Refusal, check_registry, ensure_session, place};
use crate::family::Release;
use crate::model::{Address, LockNode};
use crate::options::value;
use crate::output::{Body, Document, Keys, Printer, Records};
use crate::registry::{Lease, Registry};
use crate::signals::ClosingSignals;
use crate::stop::StopSignal;
use clap::Args;
use std::ffi::OsString;
use std::io;

/// Arguments of `lock acquire`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AcquireArgs {
    /// The lock that a failover of this master takes
    #[arg(value_name = "MASTER")]
    pub master: String,

    /// Release the lock after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = value::positive_duration)]
    pub hold_for: Option<Duration>,

    /// Longest wait for the lock; 0s tries once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::duration, help_heading = "Safety")]
    pub lock_timeout: Duration,

    /// Program to run while the lock is held, with its arguments
    #[arg(last = true, value_name = "CMD")]
    pub program: Vec<OsString>,
}

/// The document of `lock acquire`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::commands) struct LockAcquireDocument {
    locks: Vec<LockEntry>,
    held_ms: Option<u64>,
}

impl Keys for LockAcquireDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "locks",
            record: "lock",
            rows: &mut self.locks,
        }]
    }
}

impl Skeleton for LockAcquireDocument {
    const COMMAND: &'static str = "lock acquire";
}

pub(in crate::commands) async fn run(
    shell: &mut Shell<'_, '_>,
    arguments: &AcquireArgs,
    document: &mut Document,
) -> Result<Answer<LockAcquireDocument>, CommandError> {
    let mut left = None;
    let held = hold(shell, arguments, document, &mut left).await;
    document.warnings.extend(left.clone());
    let held = held?;
    let Some(status) = held.child else {
        return Ok(Answer::new(held.body()));
    };
    // The program had stdout.
    if let Some(left) = &left {
        shell.printer.warning(left);
    }
    Ok(Answer::ending(status))
}

/// The locks that were held, and for how long.
struct Held {
    locks: Vec<(String, Duration)>,
    time: Duration,
    child: Option<u8>,
}

impl Held {
    fn body(&self) -> Body<LockAcquireDocument> {
        let locks = self
            .locks
            .iter()
            .map(|(path, waited)| LockEntry::new(path, *waited))
            .collect();
        let body = Body::new(LockAcquireDocument {
            locks,
            held_ms: Some(times::milliseconds(self.time)),
        });
        let paths: Vec<&str> = self.locks.iter().map(|(path, _)| path.as_str()).collect();
        body.closing(format!(
            "released {} after {}",
            paths.join(" and "),
            times::short(self.time)
        ))
    }
}

async fn hold(
    shell: &mut Shell<'_, '_>,
    arguments: &AcquireArgs,
    document: &mut Document,
    left: &mut Option<String>,
) -> Result<Held, CommandError> {
    connected::refuse_snapshot(
        &shell.settings,
        "a lock in it excludes no master",
        "take the lock in the cluster: with its own --db, and --zk or --registry jdbc",
    )?;
    let database = async {
        let (release, registered_elsewhere) =
            connected::release(&shell.settings, Purpose::Write, &shell.stop, document).await?;
        let address = Address::typed(&arguments.master, release.family.registry.address_form)?;
        Ok::<_, CommandError>((release, address, registered_elsewhere))
    };
    let layout = |(release, ..): &(Release, _, _)| release.family.registry;
    let ((release, address, registered_elsewhere), registry) = cluster::both(
        &shell.settings,
        Purpose::Write,
        &shell.stop,
        database,
        layout,
    )
    .await?;
    let mut registry = registry?;
    // A lock in the wrong registry excludes no client.
    let refusal = registered_elsewhere.or_else(|| ensure_session(&*registry).err());
    let result = match refusal {
        Some(refusal) => Err(refusal.into()),
        None => match doubt_about_place(&mut *registry, &release).await {
            Ok(doubt) => {
                warn_doubt(shell, arguments, document, doubt);
                acquire_and_hold(
                    shell,
                    arguments,
                    &mut *registry,
                    &release.lock_paths(&address),
                )
                .await
            }
            Err(error) => Err(error),
        },
    };
    // Closes the session, and with it every lock, on each way out.
    *left = connected::close_registry(registry).await;
    result
}

/// If a program uses the streams, a warning cannot wait for the document.
fn warn_doubt(
    shell: &mut Shell<'_, '_>,
    arguments: &AcquireArgs,
    document: &mut Document,
    doubt: Option<String>,
) {
    let Some(doubt) = doubt else { return };
    if arguments.program.is_empty() {
        document.warnings.push(doubt);
    } else {
        shell.printer.warning(&doubt);
    }
}

async fn acquire_and_hold(
    shell: &mut Shell<'_, '_>,
    arguments: &AcquireArgs,
    registry: &mut dyn Registry,
    paths: &[String],
) -> Result<Held, CommandError> {
    let mut leases = Vec::new();
    let deadline = Instant::now() + arguments.lock_timeout;
    for path in paths {
        let left = deadline.saturating_duration_since(Instant::now());
        let printer = &mut *shell.printer;
        let full_path = registry.full_path(path);
        let mut on_wait = |holder: &LockNode| {
            printer.waiting(&format!("{full_path}, {}", holder_sentence(holder)));
        };
        leases.push(registry.acquire(path, left, &mut on_wait).await?);
    }
    shell.printer.settled();
    let locks = leases
        .iter()
        .map(|lease| (lease.path.clone(), lease.waited))
        .collect();
    let began = Instant::now();
    let child = hold_until_end(
        shell.printer,
        arguments,
        registry,
        &leases,
        shell.stop.clone(),
    )
    .await?;
    for lease in leases.into_iter().rev() {
        registry.release(lease).await?;
    }
    Ok(Held {
        locks,
        time: began.elapsed(),
        child,
    })
}

/// A lock in the wrong registry excludes no client. If no master is registered, perhaps none runs;
/// or this is the wrong registry.
async fn doubt_about_place(
    registry: &mut dyn Registry,
    release: &Release,
) -> Result<Option<String>, CommandError> {
    let masters = registry.masters().await?;
    match check_registry(&masters, release.family, place(registry), false) {
        Ok(()) => Ok(None),
        Err(Refusal::NoMasters { parent, .. }) => Ok(Some(format!(
            "no master is registered below {parent}: if masters run, they are registered \
             elsewhere, and this lock excludes none of them; 'dsctl masters' says what to check"
        ))),
        Err(refusal) => Err(CommandError::Failover(refusal.into())),
    }
}

/// Holds the locks until the time is over, the program ends, a signal arrives or a lock is lost.
async fn hold_until_end(
    printer: &mut Printer<'_>,
    arguments: &AcquireArgs,
    registry: &mut dyn Registry,
    leases: &[Lease],
    stop: StopSignal,
) -> Result<Option<u8>, CommandError> {
    if !arguments.program.is_empty() {
        return run_program(printer, arguments, registry, leases, stop).await;
    }
    let paths: Vec<&str> = leases.iter().map(|lease| lease.path.as_str()).collect();
    let until = arguments.hold_for.map_or_else(
        || "until Ctrl-C".to_owned(),
        |time| format!("for {}", times::short(time)),
    );
    printer.remark(&format!("holding {} {until}", paths.join(" and ")));
    let (mut signal, mut farewells) = (stop, ClosingSignals::listen());
    tokio::select! {
        lost = child::any_lost(registry, leases) => Err(lost.into()),
        _ = signal.requested() => Ok(None),
        _ = farewells.recv() => Ok(None),
        () = over(arguments.hold_for) => Ok(None),
    }
}

async fn over(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn run_program(
    printer: &mut Printer<'_>,
    arguments: &AcquireArgs,
    registry: &mut dyn Registry,
    leases: &[Lease],
    stop: StopSignal,
) -> Result<Option<u8>, CommandError> {
    let session = registry.session_timeout();
    let program = child::Program {
        words: &arguments.program,
        limit: arguments.hold_for,
        session,
    };
    let name = arguments
        .program
        .first()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    match child::run(program, registry, leases, stop).await {
        Ok(End { how, left }) => {
            if !left.is_empty() {
                printer.warning(&about_left(&name, &left));
            }
            match how {
                ProgramEnd::Status(code) => Ok(Some(code)),
                ProgramEnd::LockLost(error) => Err(error.into()),
                ProgramEnd::Unguarded => Err(unguarded(&name)),
            }
        }
        Err(error) => {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            Err(CommandError::Other {
                error: anyhow::Error::new(error).context(format!("cannot run {name:?}")),
                hint: "the lock was released".to_owned(),
                exit: if is_missing {
                    ExitCode::NotFound
                } else {
                    ExitCode::NotExecutable
                },
            })
        }
    }
}

fn unguarded(name: &str) -> CommandError {
    CommandError::Other {
        error: anyhow::anyhow!(
            "the process that would end {name:?} after a kill of this one is gone, so it was ended"
        ),
        hint: "the lock was released; somebody has killed 'dsctl __end-group …', or stopped it"
            .to_owned(),
        exit: ExitCode::Failure,
    }
}

/// A warning that some processes go on without the lock.
fn about_left(name: &str, left: &[i32]) -> String {
    let numbers: Vec<String> = left.iter().map(ToString::to_string).collect();
    format!(
        "processes started by {name:?} could not be killed, perhaps because they belong to \
         another user, and go on without the lock: end the processes {}",
        numbers.join(", ")
    )
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Failover(refusal.into())
    }
}
