//! The grammar of the command line: values of options, and the options that every command knows. No
//! I/O.

mod global;
pub mod value;

pub use global::{ConnectionArgs, GlobalArgs, OutputArgs};
