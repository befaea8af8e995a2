//! The answer of a monitoring plugin: one line and one of four exit codes, as Nagios, Icinga and
//! their like read them.

use super::document::ErrorBody;
use super::sanitize::sanitized;

/// The states, with their exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PluginState {
    /// Nothing is wrong.
    Ok = 0,
    /// Something may be wrong.
    Warning = 1,
    /// Something is wrong.
    Critical = 2,
    /// It could not be found out.
    Unknown = 3,
}

impl PluginState {
    /// The exit code.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The line, with its end; behind a bar the numbers that are drawn over time.
#[must_use]
pub fn status_line(state: PluginState, text: &str, numbers: &[(&str, u64)]) -> String {
    // A bar ends the text.
    let text = sanitized(text).replace('|', "/");
    let each = |(name, number): &(&str, u64)| format!("{name}={number}");
    let numbers: Vec<String> = numbers.iter().map(each).collect();
    let behind = if numbers.is_empty() {
        String::new()
    } else {
        format!(" | {}", numbers.join(" "))
    };
    format!("DSCTL {} - {text}{behind}\n", state.word())
}

/// The line about a failure: whether something hangs is unknown.
#[must_use]
pub fn unknown(error: &ErrorBody) -> String {
    let message = std::iter::once(error.message.as_str());
    let causes = error.causes.iter().map(String::as_str);
    let parts: Vec<&str> = message.chain(causes).chain(error.hint.as_deref()).collect();
    status_line(PluginState::Unknown, &parts.join("; "), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn it_is_always_one_line() {
        let line = status_line(PluginState::Critical, "a|b\nc", &[("act", 2), ("look", 0)]);
        assert_eq!(line, "DSCTL CRITICAL - a/b\\nc | act=2 look=0\n");
        let error = ErrorBody::new("x", "no\nanswer", ExitCode::Failure).hint("try");
        assert_eq!(unknown(&error), "DSCTL UNKNOWN - no\\nanswer; try\n");
    }
}
