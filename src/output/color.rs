//! When to use colours, and the styles.

use strum::{EnumString, IntoStaticStr, VariantNames};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum ColorChoice {
    /// If the stream is a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Lets the environment decide if the operator did not: `NO_COLOR`, `CLICOLOR_FORCE`,
    /// `FORCE_COLOR`, `TERM=dumb`, `CLICOLOR=0`, in this order. `variable` returns those that are
    /// set and not empty.
    #[must_use]
    pub fn with_environment(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, value: &str| variable(name).is_some_and(|text| text == value);
        let forced = |name: &str| variable(name).is_some_and(|text| text != "0");
        match self {
            Self::Always | Self::Never => self,
            Self::Auto if variable("NO_COLOR").is_some() => Self::Never,
            Self::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => Self::Always,
            Self::Auto if is("TERM", "dumb") || is("CLICOLOR", "0") => Self::Never,
            Self::Auto => Self::Auto,
        }
    }

    /// Whether a stream gets colours.
    #[must_use]
    pub fn applies(self, stream_is_terminal: bool) -> bool {
        match self {
            Self::Auto => stream_is_terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// The styles of highlighted text. Red is for what needs an operator now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Header lines and titles.
    Heading,
    /// Errors, and rows that need action.
    Alarm,
    /// Warnings.
    Caution,
    /// Hints.
    Remark,
}

/// Adds the escape sequences of a style around a text, if `colors`.
pub(super) fn styled(text: &str, style: Style, colors: bool) -> String {
    let code = match style {
        _ if !colors || text.is_empty() => return text.to_owned(),
        Style::Heading => "1",
        Style::Alarm => "31",
        Style::Caution => "33",
        Style::Remark => "36",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: ColorChoice, variables: &[(&str, &str)]) -> ColorChoice {
        choice.with_environment(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_setting_wins() {
        use ColorChoice::{Always, Auto, Never};
        let cases = [
            (Always, &[("NO_COLOR", "1")][..], Always),
            (Never, &[("CLICOLOR_FORCE", "1")], Never),
            (Auto, &[("NO_COLOR", "0"), ("CLICOLOR_FORCE", "1")], Never),
            (Auto, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], Always),
            (Auto, &[("CLICOLOR_FORCE", "0"), ("TERM", "dumb")], Never),
            (Auto, &[("FORCE_COLOR", "3")], Always),
            (Auto, &[("CLICOLOR", "0"), ("TERM", "xterm")], Never),
            (Auto, &[("CLICOLOR", "1"), ("TERM", "xterm")], Auto),
        ];
        for (choice, variables, expected) in cases {
            assert_eq!(
                decide(choice, variables),
                expected,
                "{choice:?} {variables:?}"
            );
        }
    }

    #[test]
    fn each_stream_decides_for_itself() {
        assert!(ColorChoice::Auto.applies(true) && !ColorChoice::Auto.applies(false));
        assert!(ColorChoice::Always.applies(false) && !ColorChoice::Never.applies(true));
    }
}
