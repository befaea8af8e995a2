//! Real masters of DolphinScheduler, from their published artifacts.

mod comparison;
mod facts;
mod handover;
mod race;
mod registers;
mod release;
mod seed;
mod server;
mod tables;
mod world;
