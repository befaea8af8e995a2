//! Commands of the shell's own that change its variables.

use super::state::{ShellState, Sureness};
use super::syntax::{Assigned, ShellWord, WordPart};
use super::variable_names::is_name;

/// Commands of the shell's own that change no variable.
const HARMLESS: [&str; 30] = [
    ":", "true", "false", "echo", "pwd", "cd", "umask", "ulimit", "type", "hash", "kill", "jobs",
    "bg", "fg", "times", "shift", "dirs", "pushd", "popd", "alias", "unalias", "help", "logout",
    "disown", "caller", "break", "continue", "exit", "return", "exec",
];

/// Those that may do anything, now or later.
const MIGHTY: [&str; 11] = [
    "eval", "let", "enable", "fc", "history", "bind", "complete", "compgen", "compopt", "suspend",
    "coproc",
];

/// Options of `shopt` that change neither variables nor how a file is read.
const HARMLESS_OPTIONS: [&str; 11] = [
    "checkwinsize",
    "cmdhist",
    "dotglob",
    "failglob",
    "globstar",
    "histappend",
    "nocaseglob",
    "nocasematch",
    "nullglob",
    "huponexit",
    "inherit_errexit",
];

impl ShellState {
    /// What a command of the shell's own does with these words; whether there is such a command.
    pub(super) fn built_in(&mut self, name: &str, words: &[ShellWord]) -> bool {
        match name {
            "export" => self.export_words(words),
            "unset" => self.unset_words(words),
            "set" => self.set_options(words),
            "shopt" => self.shell_options(words),
            "declare" | "typeset" | "local" | "readonly" => self.declare(name, words),
            "read" | "mapfile" | "readarray" | "getopts" | "wait" => self.read_into(name, words),
            "printf" => self.print(words),
            "test" | "[" => self.test(words),
            "trap" => self.trap(words),
            _ if HARMLESS.contains(&name) => self.expand_all(words),
            _ if MIGHTY.contains(&name) => self.lose_everything(),
            _ => return false,
        }
        true
    }

    /// Expands words for what they set.
    pub(super) fn expand_all(&mut self, words: &[ShellWord]) {
        for word in words {
            self.expand(word);
        }
    }

    fn export_words(&mut self, words: &[ShellWord]) {
        let has_options = |word: &ShellWord| match word.assigned() {
            Some(_) => false,
            None => !word.bare().is_some_and(is_name),
        };
        if words.iter().any(has_options) {
            self.touch(words);
            return;
        }
        // All words are expanded before the first one is assigned.
        let mut exports: Vec<(ShellWord, Option<Assigned>, Option<String>)> = Vec::new();
        for word in words {
            let assigned = word.assigned();
            let text = assigned.as_ref().and_then(|assigned| {
                let text = self.expand(&assigned.value);
                text.filter(|_| !has_braces(&assigned.value))
            });
            exports.push((word.clone(), assigned, text));
        }
        for (word, assigned, text) in exports {
            if let Some(assigned) = assigned {
                self.assign_value(&assigned, text);
                self.export(&assigned.name);
            } else if let Some(name) = word.bare() {
                self.export(name);
            }
        }
    }

    fn unset_words(&mut self, words: &[ShellWord]) {
        let fields: Option<Vec<String>> = words.iter().map(|word| self.field(word)).collect();
        let Some(fields) = fields else {
            self.lose_all();
            return;
        };
        let names = match fields.first().map(String::as_str) {
            Some("-f") => return,
            Some("-v" | "--") => &fields[1..],
            _ => &fields,
        };
        if names.iter().all(|name| is_name(name)) {
            for name in names {
                self.unset(name);
            }
        } else {
            self.touch(words);
        }
    }

    /// `set`: each option letter, up to the first word that is none.
    fn set_options(&mut self, words: &[ShellWord]) {
        let fields: Vec<Option<String>> = words.iter().map(|word| self.field(word)).collect();
        let mut fields = fields.iter().map(Option::as_deref);
        while let Some(field) = fields.next() {
            let Some(field) = field else {
                return self.lose_everything();
            };
            let Some(letters) = field.strip_prefix(['-', '+']) else {
                return;
            };
            if letters.is_empty() || field == "--" {
                return;
            }
            let turns_on = field.starts_with('-');
            for letter in letters.chars() {
                match letter {
                    'a' => self.export_all(turns_on),
                    'o' => match fields.next() {
                        Some(Some("allexport")) => self.export_all(turns_on),
                        Some(Some(
                            "errexit" | "nounset" | "pipefail" | "xtrace" | "verbose" | "noglob"
                            | "noclobber" | "errtrace" | "functrace" | "monitor" | "notify",
                        ))
                        | None => {}
                        _ => self.lose_everything(),
                    },
                    'b' | 'e' | 'f' | 'h' | 'm' | 'u' | 'v' | 'x' | 'B' | 'C' | 'E' | 'T' => {}
                    _ => self.lose_everything(),
                }
            }
        }
    }

    fn export_all(&mut self, turns_on: bool) {
        self.all_exported = match (self.is_certain(), turns_on) {
            (true, true) => Sureness::Yes,
            (true, false) => Sureness::No,
            (false, _) => Sureness::Perhaps,
        };
    }

    fn shell_options(&mut self, words: &[ShellWord]) {
        for word in words {
            let field = self.field(word);
            let is_harmless = field.is_some_and(|field| {
                matches!(field.as_str(), "-s" | "-u" | "-q" | "-p")
                    || HARMLESS_OPTIONS.contains(&field.as_str())
            });
            if !is_harmless {
                self.lose_everything();
            }
        }
    }

    /// Attributes of variables change what becomes of later values.
    fn declare(&mut self, command: &str, words: &[ShellWord]) {
        let options = |word: &ShellWord| {
            let bare = word.bare();
            bare.filter(|text| text.starts_with(['-', '+']))
                .map(|text| text[1..].to_owned())
        };
        let options: String = words.iter().filter_map(options).collect();
        let is_harmless = |c: char| "xgpfF-".contains(c);
        if options.contains(['i', 'n']) {
            self.lose_everything();
        }
        let is_constant = command == "readonly" || options.contains('r');
        let is_usual = !is_constant && options.chars().all(is_harmless);
        self.touch(words);
        if !is_usual {
            for word in words {
                let name = word.assigned().map(|assigned| assigned.name);
                let name = name.or_else(|| word.literal());
                match name.filter(|name| is_name(name)) {
                    Some(name) if is_constant => self.forget_constant(&name),
                    Some(name) => self.forget_for_good(&name),
                    None => {}
                }
            }
        }
    }

    fn read_into(&mut self, command: &str, words: &[ShellWord]) {
        self.touch(words);
        let is_array = matches!(command, "mapfile" | "readarray");
        let has_option = |word: &ShellWord| word.bare().is_some_and(|text| text.starts_with('-'));
        if is_array || words.iter().any(has_option) {
            for name in words.iter().filter_map(ShellWord::literal) {
                if is_name(&name) {
                    self.forget_for_good(&name);
                }
            }
        }
    }

    fn print(&mut self, words: &[ShellWord]) {
        let first = words.first().and_then(|word| self.field(word));
        let is_quoted_text = |word: &ShellWord| {
            let text = word.literal();
            text.is_some_and(|text| !text.starts_with('-'))
        };
        if first.is_some_and(|first| !first.starts_with('-'))
            || words.first().is_some_and(is_quoted_text)
        {
            self.expand_all(words);
        } else {
            self.touch(words);
        }
    }

    /// `-v` computes the index of an array.
    fn test(&mut self, words: &[ShellWord]) {
        let asks = |word: &ShellWord| matches!(word.literal().as_deref(), Some("-v" | "-R"));
        let is_plain = |word: &ShellWord| word.literal().is_some_and(|text| !text.contains('['));
        self.expand_all(words);
        if words.iter().any(asks) && !words.iter().all(is_plain) {
            self.lose_everything();
        }
    }

    /// What is to be done at the shell's end or at a signal does not matter.
    fn trap(&mut self, words: &[ShellWord]) {
        let is_late = |word: &ShellWord| {
            let text = word.literal();
            text.is_some_and(|text| {
                matches!(
                    text.trim_start_matches("SIG"),
                    "EXIT" | "0" | "HUP" | "INT" | "QUIT" | "TERM" | "PIPE"
                )
            })
        };
        self.expand_all(words);
        if !words.iter().skip(1).all(is_late) {
            self.lose_everything();
        }
    }
}

/// Whether a word of `export` may become several.
fn has_braces(word: &ShellWord) -> bool {
    let is_bare = |part: &WordPart| matches!(part, WordPart::Bare(text) if text.contains('{'));
    word.parts.iter().any(is_bare)
}
