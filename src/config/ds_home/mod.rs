//! What DolphinScheduler's own files say of its registry and its database.
//!
//! Each release keeps them elsewhere: 1.x in properties, 2.0 in properties and in YAML by profile,
//! 3.x in each server's `application.yaml` behind a shell file. They are read as the master's start
//! script and Spring read them; nothing is run.

mod assignment;
mod braces;
mod home;
mod image;
mod installation;
mod jaas;
mod java;
mod layouts;
mod properties;
mod read;
mod running;
mod shell;
mod spring;
mod yaml;
mod zk_client;

#[cfg(test)]
mod tests;

pub(super) use home::{DsHome, Login};
pub(super) use running::installation as of_running_master;
pub(super) use zk_client::SaslOfMasters;
