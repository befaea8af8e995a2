//! Tests against real servers: one binary, so that each server is started once.
//!
//! Tests are plain `#[test]` functions. Whatever is asynchronous goes through [`harness::wait`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "clippy's exception for tests does not reach the helper functions of a test binary"
)]

mod harness;

mod attack;
mod certificates;
mod conformance;
mod connecting;
mod cost;
mod crowd;
mod curator;
mod database;
mod doctor;
mod ds_home;
mod dump;
mod every_server;
mod failover;
mod faults;
mod fuzz;
mod idle;
mod jdbc;
mod layout;
mod live;
mod lock;
mod logins;
mod model;
mod plain_text;
mod primary;
mod program;
mod proxy;
mod readme;
mod registry;
mod replaced;
mod schema;
mod secured;
mod servers;
mod several;
mod snapshot;
mod sockets;
mod split;
mod steps;
mod surface;
mod tables;
mod trees;
mod watch;
