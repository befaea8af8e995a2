//! The grammar of the command line: values of options, and the options of every command. No I/O.

mod global;
pub mod value;

pub use global::{ConnectionArgs, GlobalArgs, OutputArgs};
