//! What could hurt: races, kills, frozen processes, lost answers, signals, great numbers. One rule holds through all of
//! it: [`world::World::check`].

mod races;
mod world;
