//! Master failover for Apache DolphinScheduler, from outside: the library behind the program
//! `dsctl`.
//!
//! # The house, from the top down
//!
//! | room | what stands there |
//! | --- | --- |
//! | [`commands`] | one room a command, its arguments beside its `run`; one match sends to all of them |
//! | [`signals`] | SIGINT, SIGTERM and the others, as the process hears them |
//! | [`watch`] | the loop, its guards, its state, and who is told of it |
//! | [`failover`] | a run as one value, [`failover::Handover`]: look, check, lock, prepare, write, confirm, tell |
//! | [`cluster`] | registry, store and zone of one cluster |
//! | [`registry`] | the seam to the registry: `ZooKeeper`, and DolphinScheduler's own in a database |
//! | [`config`] | settings, and where each of them came from |
//! | [`demo`] | a made-up cluster, with the tables of every release |
//! | [`metadata`] | the seam to the database, and the store on it; SQL stands here and in the registry's tables alone |
//! | [`options`] | the grammar of the command line |
//! | [`output`] | documents, tables, formats, the terminal |
//! | [`worker`] | the one thing that workers are asked: to end a task |
//! | [`family`] | the facts of the releases, as data; nobody else asks which release it is |
//! | [`model`] | plain data |
//! | [`stop`], [`exit_code`], [`secret`], [`logging`] | the ground |
//!
//! A room needs rooms below it alone, and no two files need each other: `tests/it/layout.rs` reads
//! that from the source.
//!
//! # Words
//!
//! - *master*: a DolphinScheduler master server. It is *dead* if it is not registered and
//!   unfinished instances name it.
//! - *instance*: a process instance (workflow instance from 3.3 on), a row that its master's
//!   address stands in.
//! - *unfinished*: in a state that masters fail over.
//! - *claim*: marking an instance as handed over, in its host (up to 3.2) or its state (3.3 and
//!   newer).
//! - *recovery command*: the row of type `RECOVER_TOLERANCE_FAULT_PROCESS` that makes a living
//!   master take an instance up.
//! - *orphan*: a claimed instance without a recovery command.
//! - *hand over*: to claim an instance and insert its recovery command, in one transaction.
//! - *lock*: the masters' own failover lock, in the registry.
//! - *registration*: a master's node or row in the registry; *heartbeat*: what it writes into it.
//! - *witness*: the last row of every answer, which says which server answered, and that the answer
//!   is whole.
//! - *sign of life*: a row that a master without a registration must have written since it was
//!   lost.
//!
//! `F§` or `R§` with a number in a comment cites a section of [`family::facts`], the page of everything that is relied on in
//! DolphinScheduler's releases.
//!
//! # How to add
//!
//! - **a release**: its range in `family/data.rs` if it belongs to a family; else a family there,
//!   what tells it apart in `family/detect.rs`, its tables in `demo/schema`, its line in
//!   `tests/it/failover/releases.rs`, and what it does in `family/facts.md`.
//! - **a database**: one file in `metadata` that implements [`metadata::database::Database`], its
//!   dialect in `metadata/statements.rs`, one arm in `commands/connect.rs`.
//! - **a registry**: one folder in `registry` that implements [`registry::Registry`], one arm in
//!   `commands/connect.rs`; the tests of the lock and the races take it as one more case.
//! - **a command**: one file in `commands` with its arguments and its `run`, one line in the enum
//!   of `commands/command.rs`: the match there does not compile without its arm.
//! - **an event of the loop**: a variant of [`watch::What`] with its keys, its sentence in
//!   `watch/event/text.rs`; the compiler names every sink that has to know it.
//! - **a place that states settings**: a type that implements `Source` of `config/source.rs`, one line in
//!   the list of `Sources::find` there.
//! - **a sink of these events**: one file in `watch/sinks` that implements [`watch::sinks::Sink`],
//!   one line in the list of `commands/watch/sinks.rs`.
//! - **a remark on what masters of a release do**: a line in [`family::Remark`], its releases in
//!   `family/data.rs`, its sentence in `failover/remarks.rs`.
//! - **a check before the first write**: a method in `failover/checks.rs`, a variant of
//!   [`failover::Refusal`] with its sentence and the command that helps.

pub mod cluster;
pub mod commands;
pub mod config;
pub mod demo;
pub mod exit_code;
pub mod failover;
pub mod family;
pub mod logging;
pub mod metadata;
pub mod model;
pub mod options;
pub mod output;
pub mod registry;
pub mod secret;
pub mod signals;
pub mod stop;
pub mod watch;
pub mod worker;
