//! Faults at every step: `kill -9`, an error, and a sleep that is longer than the session, at every
//! point at which the world outside of the program changes.
//!
//! There is no fault point in the program itself, so none can be in a shipped one. All that others
//! see of a run are the messages that it exchanges with ZooKeeper and the database, or, with a
//! SQLite file, its system calls on that file. Whatever the program does between two of them is in
//! its memory alone, and is gone with it: a process that dies after it has received an answer
//! leaves the world as one that dies right before it sends its next request. So these points are
//! all there are, and each of them is tried:
//!
//! - [`servers`]: a [`tap::Tap`] before each server reads their protocols message by message and
//!   numbers the points: *before* each request is delivered, and *after* the server has processed
//!   it but before the answer is delivered.
//! - [`file`]: a library that is loaded before libc numbers the calls that write, synchronise,
//!   lock, cut and delete the database's file and its journal, and strikes before or after one of
//!   them. That is finer than statements: most of these points lie inside of COMMIT.
//! - [`halves`]: connections that end at each message of `clear-hosts` and of `recover`.
//!
//! After each fault the rule holds (each instance is untouched, or claimed with exactly one
//! command) and a second run does the rest. `DSCTL_TEST_ALL=1` tries every fault at every point for
//! more releases and for the registry inside the database; otherwise that is `kill -9` before every
//! step (which is after every other step), and the others at some.

mod file;
mod halves;
mod scene;
mod servers;
mod shim;
mod tap;
mod wire;

pub use scene::all;
pub use shim::without_resolver;
pub use tap::{Points, Tap};
pub use wire::Protocol;
