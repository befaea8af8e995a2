//! Workers of 3.0 and 3.1, spoken to in their own binary protocol: a task whose master died is
//! asked to end there before it begins anew elsewhere.

mod frame;
mod kill;

pub use kill::kill;
