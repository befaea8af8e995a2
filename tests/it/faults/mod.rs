//! What could hurt: races, kills, frozen processes, lost answers, signals, great numbers. One rule
//! holds through all of it: `World::check`.

mod answers;
mod away;
mod clocks;
mod exit_codes;
mod freezes;
mod held;
mod kills;
mod lagging;
pub mod lost_lock;
mod many_kills;
pub mod moments;
mod purged;
mod races;
mod scale;
mod signals;
mod upgraded;
