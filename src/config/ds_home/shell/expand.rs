//! The values of words.

use super::state::ShellState;
use super::syntax::{Assigned, ShellWord, Substitute, WordPart};
use super::variable_names::names_in;

impl ShellState {
    /// The value of an assignment's word, if it is known. What the word sets itself becomes unknown.
    pub(super) fn expand(&mut self, word: &ShellWord) -> Option<String> {
        let mut value = Some(String::new());
        // A tilde where bash takes it for somebody's home.
        let mut may_be_home = true;
        for part in &word.parts {
            let text = match part {
                WordPart::Bare(text) => {
                    let before = |at: usize| text[..at].chars().next_back();
                    let is_home = |(at, _): (usize, &str)| match before(at) {
                        Some(c) => c == ':',
                        None => may_be_home,
                    };
                    let has_home = text.match_indices('~').any(is_home);
                    may_be_home = text.ends_with(':');
                    Some(text.clone()).filter(|_| !has_home)
                }
                other => {
                    may_be_home = false;
                    self.expand_part(other)
                }
            };
            value = value.zip(text).map(|(value, text)| value + &text);
        }
        value
    }

    fn expand_part(&mut self, part: &WordPart) -> Option<String> {
        match part {
            WordPart::Bare(text) | WordPart::Quoted(text) => Some(text.clone()),
            WordPart::Parameter { name, default, .. } => match default {
                Some(default) => self.with_default(name, default),
                None => self.value(name),
            },
            WordPart::Unknown { words, .. } | WordPart::Array(words) => {
                for word in words {
                    self.expand(word);
                }
                None
            }
            WordPart::Wild => {
                self.lose_everything();
                None
            }
        }
    }

    fn with_default(&mut self, name: &str, default: &Substitute) -> Option<String> {
        let value = self.value(name);
        let has_value = match self.is_set(name) {
            Some(true) if default.or_empty => value.as_deref().map(|value| !value.is_empty()),
            is_set => is_set,
        };
        if has_value == Some(true) {
            return value;
        }
        let word = self.expand(&default.word);
        if default.assigns {
            self.assign(name, None);
        }
        word.filter(|_| has_value == Some(false))
    }

    /// The only field that a word of a command becomes, if that is known.
    pub(super) fn field(&mut self, word: &ShellWord) -> Option<String> {
        let value = self.expand(word);
        let is_usual = |text: &str| !text.contains(['*', '?', '[', '{', '~', '\\']) || text == "[";
        let is_split = word.parts.iter().any(|part| match part {
            WordPart::Bare(text) => !is_usual(text),
            WordPart::Quoted(_) => false,
            WordPart::Parameter { quoted, .. } => !quoted,
            _ => true,
        });
        let stays = |value: &String| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
            !value.is_empty() && value.chars().all(is_plain) && !self.variables.contains_key("IFS")
        };
        value.filter(|value| !is_split || stays(value))
    }

    /// A word that gives a value to a variable, in front of a command or alone.
    pub(super) fn assign_word(&mut self, assigned: &Assigned) {
        let text = self.expand(&assigned.value);
        self.assign_value(assigned, text);
    }

    /// Gives an expanded value to a variable.
    pub(super) fn assign_value(&mut self, assigned: &Assigned, text: Option<String>) {
        let name = assigned.name.as_str();
        let is_array = |part: &WordPart| matches!(part, WordPart::Array(_));
        if assigned.of_element || assigned.value.parts.iter().any(is_array) {
            self.assign(name, None);
            self.forget_for_good(name);
        } else if assigned.appends {
            let text = self.value(name).zip(text);
            self.assign(name, text.map(|(before, more)| before + &more));
        } else {
            self.assign(name, text);
        }
    }

    /// Forgets the variables that the words of a command name, or all if a word is not known.
    pub(super) fn touch(&mut self, words: &[ShellWord]) {
        for word in words {
            if let Some(assigned) = word.assigned() {
                self.expand(&assigned.value);
                self.forget(&assigned.name);
                continue;
            }
            match self.field(word) {
                Some(text) if !text.contains('[') => {
                    for name in names_in(&text) {
                        self.forget(name);
                    }
                }
                _ => self.lose_all(),
            }
        }
    }

    /// As [`Self::touch`], for a command whose words are assignments if it is written plainly.
    pub(super) fn touch_if_declaring(&mut self, command: &str, words: &[ShellWord]) {
        if matches!(
            command,
            "export" | "declare" | "typeset" | "local" | "readonly"
        ) {
            self.touch(words);
        }
    }
}
