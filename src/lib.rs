//! Master failover for Apache DolphinScheduler, from outside: the library behind the program `dsctl`.
//!
//! Direction of dependencies: `commands → failover → registry, metadata, worker → family, model`. Nothing below `commands` knows
//! the command line or prints.
//!
//! `F§` or `R§` with a number in a comment cites a section of [`family::facts`], the page of everything that is relied on in
//! DolphinScheduler's releases.

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
