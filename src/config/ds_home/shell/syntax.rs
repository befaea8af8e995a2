//! What a shell file consists of, as far as it matters for its variables.

use std::rc::Rc;

use super::variable_names::leading_name;

/// A word, or the value of an assignment.
#[derive(Clone, Debug, Default)]
pub(super) struct ShellWord {
    pub(super) parts: Vec<WordPart>,
}

/// A part of a word.
#[derive(Clone, Debug)]
pub(super) enum WordPart {
    /// Text without quotes.
    Bare(String),
    /// Text in quotes, or behind a backslash.
    Quoted(String),
    /// `$NAME`, `${NAME}`, or one of those with a default.
    Parameter {
        name: String,
        quoted: bool,
        default: Option<Substitute>,
    },
    /// What only running would tell; the words in it are expanded, or are not.
    Unknown { words: Vec<ShellWord>, quoted: bool },
    /// The words of an array.
    Array(Vec<ShellWord>),
    /// What may set any variable, or fail: arithmetic.
    Wild,
}

/// `-word`, `:-word`, `=word` or `:=word` of a parameter.
#[derive(Clone, Debug)]
pub(super) struct Substitute {
    /// With a colon: also where the variable is empty.
    pub(super) or_empty: bool,
    /// With `=`: the variable gets the word.
    pub(super) assigns: bool,
    pub(super) word: ShellWord,
}

/// An assignment, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) name: String,
    /// With `+=`.
    pub(super) appends: bool,
    /// `NAME[0]=value`.
    pub(super) of_element: bool,
    pub(super) value: ShellWord,
}

impl ShellWord {
    /// The text of a word that has neither quotes nor anything that is expanded.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [WordPart::Bare(text)] => Some(text),
            _ => None,
        }
    }

    /// The text of a word without variables, quoted or not.
    pub(super) fn literal(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            WordPart::Bare(text) | WordPart::Quoted(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// What the word assigns, if it has the form of an assignment.
    pub(super) fn assigned(&self) -> Option<Assigned> {
        let Some(WordPart::Bare(text)) = self.parts.first() else {
            return None;
        };
        let (name, rest) = leading_name(text)?;
        let element = rest
            .strip_prefix('[')
            .map(|inside| inside.trim_start_matches(|c: char| c.is_ascii_digit()))
            .and_then(|after| after.strip_prefix(']'));
        let after = element.unwrap_or(rest);
        let appended = after.strip_prefix('+');
        let value = appended.unwrap_or(after).strip_prefix('=')?;
        let first = (!value.is_empty()).then(|| WordPart::Bare(value.to_owned()));
        let parts = first.into_iter().chain(self.parts[1..].iter().cloned());
        Some(Assigned {
            name: name.to_owned(),
            appends: appended.is_some(),
            of_element: element.is_some(),
            value: ShellWord {
                parts: parts.collect(),
            },
        })
    }
}

/// Commands one after the other.
pub(super) type CommandList = Vec<Chain>;

/// Pipelines with `&&` or `||` between them.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) first: Pipeline,
    pub(super) others: Vec<Pipeline>,
    /// With `&` behind it.
    pub(super) in_background: bool,
}

/// Commands with `|` between them.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// Behind `!` or `time`.
    pub(super) prefixed: bool,
    pub(super) commands: Vec<Placed>,
}

/// A command, and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    /// Counted from one.
    pub(super) line: usize,
    pub(super) command: ShellCommand,
    pub(super) redirections: Vec<Redirection>,
}

/// One command.
#[derive(Debug)]
pub(super) enum ShellCommand {
    Simple {
        assignments: Vec<ShellWord>,
        words: Vec<ShellWord>,
    },
    /// `{ ...; }`.
    Group(CommandList),
    /// `( ... )`.
    Subshell,
    /// The condition of `if`, and what may be executed behind it.
    If {
        condition: CommandList,
        others: Vec<CommandList>,
    },
    /// `for`, `while` and `until`.
    Loop {
        variable: Option<String>,
        words: Vec<ShellWord>,
        body: Vec<CommandList>,
    },
    Case {
        words: Vec<ShellWord>,
        branches: Vec<CommandList>,
    },
    /// `[[ ... ]]`.
    Test(Vec<ShellWord>),
    /// `(( ... ))`.
    Arithmetic,
    Function {
        name: String,
        body: Rc<Placed>,
    },
}

/// Where a command's input or output goes.
#[derive(Debug)]
pub(super) struct Redirection {
    /// `{NAME}>`: the variable that gets the number.
    pub(super) variable: Option<String>,
    /// `None` for a text in the file itself.
    pub(super) target: Option<ShellWord>,
}

impl Redirection {
    /// Whether it cannot fail, so that its command is executed.
    pub(super) fn is_safe(&self) -> bool {
        let target = self.target.as_ref().and_then(ShellWord::bare);
        self.variable.is_none() && matches!(target, Some("/dev/null" | "&1" | "&2"))
    }
}
