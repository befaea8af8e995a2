//! The shell files that DolphinScheduler's scripts source before they start a server. They are
//! parsed, never run. What is wholly understood and surely executed sets a value; whatever else a
//! file may do makes what it may change unknown, and of a file with anything that is not understood
//! nothing is known.

mod builtins;
mod conditional;
mod cursor;
mod expand;
mod grammar;
mod reader;
mod state;
mod syntax;
mod variable_names;
mod words;

#[cfg(test)]
mod against_bash;
#[cfg(test)]
mod tests;

pub(super) use reader::ShellReader;
