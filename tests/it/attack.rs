//! Attacks: a process instance that gets two commands, or none, or is taken from a master that
//! lives.

mod answers;
mod behind;
mod commit;
mod databases;
mod edges;
mod foreign;
mod galera;
mod kills;
mod living;
mod orphans;
mod owners;
mod places;
mod races;
mod registries;
mod remarks;
mod takeup;
mod told;
mod types;
mod waiting;
