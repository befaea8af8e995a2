//! Master failover for Apache DolphinScheduler, from outside: the library of the program `dsctl`.
//!
//! # The modules, from the top down
//!
//! | module | contents |
//! | --- | --- |
//! | [`commands`] | one folder or file for each command, its arguments next to its `run`; one match dispatches to all of them |
//! | [`signals`] | SIGINT, SIGTERM and other signals to the process |
//! | [`watch`] | the loop, its guards, its state, and its sinks |
//! | [`failover`] | a run as one value, [`failover::Handover`]: look, check, lock, prepare, write, confirm, report |
//! | [`cluster`] | registry, metadata store and time zone of one cluster |
//! | [`registry`] | the interface to the registry: `ZooKeeper`, and DolphinScheduler's own in a database |
//! | [`config`] | settings, and the source of each of them |
//! | [`demo`] | a made-up cluster, with the tables of every release |
//! | [`metadata`] | the interface to the database, and the metadata store; only this module and the JDBC registry contain SQL |
//! | [`options`] | the grammar of the command line |
//! | [`output`] | documents, tables, formats, the terminal |
//! | [`worker`] | the client for kill requests to workers |
//! | [`family`] | the facts of the releases, as data; no other module depends on the release itself |
//! | [`model`] | plain data |
//! | [`files`] | files that other processes use at the same time |
//! | [`stop`], [`exit_code`], [`secret`], [`logging`] | the base |
//!
//! A module uses only modules below it, and there are no circular dependencies between files:
//! `tests/it/layout.rs` checks that in the source.
//!
//! # Glossary
//!
//! - *master*: a DolphinScheduler master server. It is *dead* if it is not registered and
//!   unfinished instances name it.
//! - *instance*: a process instance (workflow instance from 3.3 on), a row that names its master's
//!   address.
//! - *unfinished*: in a state that masters fail over.
//! - *claim*: marking an instance as handed over, in its host (up to 3.2) or its state (3.3 and
//!   newer).
//! - *recovery command*: the row of type `RECOVER_TOLERANCE_FAULT_PROCESS` that makes a living
//!   master take up an instance.
//! - *orphan*: a claimed instance without a recovery command.
//! - *hand over*: to claim an instance and insert its recovery command, in one transaction.
//! - *lock*: the masters' own failover lock, in the registry.
//! - *registration*: a master's node or row in the registry; *heartbeat*: what it writes into it.
//! - *look*: one read of the registrations, or of the rows, at one moment.
//! - *witness*: the last row of every answer, which says which server answered, and that the answer
//!   is complete.
//! - *sign of life*: a row that a master without a registration must have written since it was
//!   lost.
//! - *guard*: a condition under which the loop delays a failover, such as the grace time; *storm
//!   brake*: the guard that stops all failovers after too many, until an operator resumes.
//!
//! `F§` or `R§` with a number in a comment cites a section of [`family::facts`], the page of all
//! facts about DolphinScheduler's releases that the program relies on.
//!
//! # How to add
//!
//! - **a release**: its range in `family/data.rs` if it belongs to a family; else a family there,
//!   what distinguishes it in `family/detect.rs`, its tables in `demo/schema`, its line in
//!   `tests/it/failover/releases.rs`, and what it does in `family/facts.md`.
//! - **a database**: one file in `metadata` that implements [`metadata::database::Database`], its
//!   dialect in `metadata/statements.rs`, one arm in `cluster/connect.rs`.
//! - **a registry**: one folder in `registry` that implements [`registry::Registry`], one arm in
//!   `cluster/connect.rs`; the tests of the lock and the races take it as one more case.
//! - **a command**: one file in `commands` with its arguments and its `run`, one line in the enum
//!   of `commands/command.rs`: the match there does not compile without its arm.
//! - **an event of the loop**: a variant of [`watch::What`] with its keys, its sentence in
//!   `watch/event/text.rs`; the compiler names every sink that must handle it.
//! - **a place that states settings**: a type that implements `SettingSource` of `config/source.rs`, one line in
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
pub mod cryptography;
pub mod demo;
pub mod diagnosis;
pub mod exit_code;
pub mod failover;
pub mod family;
pub mod files;
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
