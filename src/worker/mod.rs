//! A client for workers of 3.0 and 3.1 and their binary protocol: a task whose master died is
//! killed there before it runs again elsewhere.

mod frame;
mod kill;

pub use kill::kill;
