//! Files that other processes read, write or lock at the same time.

pub mod lock;
pub mod regular;
pub mod replace;
