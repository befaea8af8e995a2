//! Real masters of DolphinScheduler, from their published artifacts.

mod comparison;
#[cfg(feature = "distributions")]
mod distributions;
mod facts;
mod handover;
mod healthy;
#[cfg(feature = "distributions")]
mod jdbc;
mod race;
mod registers;
mod release;
mod seed;
mod server;
mod tables;
mod world;
