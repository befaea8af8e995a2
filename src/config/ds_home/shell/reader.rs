//! Executes what a shell file says, as far as it can be known without running anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::super::assignment::Variables;
use super::grammar::parse;
use super::state::{ShellState, Sureness};
use super::syntax::{
    Chain, CommandList, Pipeline, Placed, Redirection, ShellCommand, ShellWord, WordPart,
};
use super::variable_names::{is_in_name, is_name};

/// Files that source files more deeply than this are not followed, nor more of them in all.
const DEEPEST: usize = 8;
const MOST: usize = 100;
/// Nor more commands than this, with each call of a function counted anew.
const MOST_COMMANDS: usize = 200_000;

/// What a login shell has read before anybody can type `dsctl`: the environment has it already.
const OF_LOGIN: [&str; 4] = ["profile", "bashrc", ".bashrc", ".bash_profile"];

/// With one of these in its environment, a shell does not do what it usually does.
const STRANGE: [&str; 3] = ["SHELLOPTS", "BASHOPTS", "POSIXLY_CORRECT"];

/// Gives the text of a file, inner `None` if there is no such file, `None` if it cannot be read.
type ReadFile<'a> = &'a dyn Fn(&Path) -> Option<Option<String>>;

/// Whether what stands behind a command is executed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    /// `return`, `exit` or `exec`.
    Over,
}

/// A shell as its files leave it.
#[derive(Debug)]
pub(in super::super) struct ShellReader {
    state: ShellState,
    functions: BTreeMap<String, Rc<Placed>>,
    /// How many calls of functions are open.
    calls: usize,
    /// How many files were sourced by files, and how many are open.
    sourced: usize,
    depth: usize,
    /// How many commands were read.
    commands: usize,
    /// How many doubts of the file that is open are due to a `return` in it.
    returns: usize,
}

impl ShellReader {
    /// A shell that has this environment.
    pub(in super::super) fn new(environment: Variables) -> Self {
        Self {
            state: ShellState::new(environment),
            functions: BTreeMap::new(),
            calls: 0,
            sourced: 0,
            depth: 0,
            commands: 0,
            returns: 0,
        }
    }

    /// Exports each variable that a file sets from now on.
    pub(in super::super) fn export_all(mut self) -> Self {
        self.state.all_exported = Sureness::Yes;
        self
    }

    /// All variables of the shell.
    pub(in super::super) fn variables(&self) -> &Variables {
        &self.state.variables
    }

    /// What a program gets that is started now.
    pub(in super::super) fn environment(&self) -> Variables {
        self.state.environment()
    }

    /// Applies a file; `read` gives the text of those that it sources itself.
    pub(in super::super) fn source(&mut self, path: &Path, text: &str, read: ReadFile<'_>) {
        let before = self.state.enter(path);
        if STRANGE
            .iter()
            .any(|name| self.state.variables.contains_key(*name))
        {
            self.state.lose_everything();
        }
        let returns = std::mem::take(&mut self.returns);
        match parse(text) {
            Ok(commands) => _ = self.execute(&commands, read),
            Err(error) => self.not_understood(text, error.line),
        }
        for _ in 0..self.returns {
            self.state.believe();
        }
        self.returns = returns;
        self.state.leave_to(before);
    }

    /// A file of which nothing is known: what it seems to assign is named where that stands.
    fn not_understood(&mut self, text: &str, line: usize) {
        self.state.at_line(line);
        self.state.lose_all();
        for (index, line) in text.lines().enumerate() {
            self.state.at_line(index + 1);
            for (at, _) in line.match_indices('=') {
                let before = line[..at].trim_end_matches('+');
                let name = &before[before.trim_end_matches(is_in_name).len()..];
                if is_name(name) {
                    self.state.forget(name);
                }
            }
        }
    }

    fn execute(&mut self, commands: &CommandList, read: ReadFile<'_>) -> Flow {
        for chain in commands {
            if self.chain(chain, read) == Flow::Over {
                return Flow::Over;
            }
        }
        Flow::On
    }

    /// Executes what is perhaps not executed.
    fn perhaps(&mut self, execute: impl FnOnce(&mut Self)) {
        self.state.doubt();
        execute(self);
        self.state.believe();
    }

    fn chain(&mut self, chain: &Chain, read: ReadFile<'_>) -> Flow {
        if chain.in_background {
            // Bash sets nothing. It is what becomes of a URL with `&` and without quotes, though.
            self.perhaps(|shell| {
                for pipeline in std::iter::once(&chain.first).chain(&chain.others) {
                    shell.pipeline(pipeline, read);
                }
            });
            return Flow::On;
        }
        if self.pipeline(&chain.first, read) == Flow::Over {
            return Flow::Over;
        }
        for pipeline in &chain.others {
            self.perhaps(|shell| _ = shell.pipeline(pipeline, read));
        }
        Flow::On
    }

    fn pipeline(&mut self, pipeline: &Pipeline, read: ReadFile<'_>) -> Flow {
        match pipeline.commands.as_slice() {
            [command] if pipeline.prefixed => {
                self.perhaps(|shell| _ = shell.placed(command, read));
                Flow::On
            }
            [command] => self.placed(command, read),
            // Each is executed by a shell of its own.
            _ => Flow::On,
        }
    }

    fn placed(&mut self, placed: &Placed, read: ReadFile<'_>) -> Flow {
        self.commands += 1;
        if self.commands > MOST_COMMANDS {
            self.state.lose_everything();
            return Flow::Over;
        }
        self.state.at_line(placed.line);
        for redirection in &placed.redirections {
            if let Some(target) = &redirection.target {
                self.state.expand(target);
            }
            if let Some(name) = &redirection.variable {
                self.state.forget(name);
            }
        }
        // Where a redirection fails, the command is not executed.
        if placed.redirections.iter().all(Redirection::is_safe) {
            return self.command(&placed.command, read);
        }
        self.perhaps(|shell| _ = shell.command(&placed.command, read));
        Flow::On
    }

    fn command(&mut self, command: &ShellCommand, read: ReadFile<'_>) -> Flow {
        match command {
            ShellCommand::Simple { assignments, words } => {
                return self.simple(assignments, words, read);
            }
            ShellCommand::Group(commands) => return self.execute(commands, read),
            ShellCommand::Subshell => {}
            ShellCommand::If { condition, others } => {
                if self.execute(condition, read) == Flow::Over {
                    return Flow::Over;
                }
                for commands in others {
                    self.perhaps(|shell| _ = shell.execute(commands, read));
                }
            }
            ShellCommand::Loop {
                variable,
                words,
                body,
            } => {
                self.state.expand_all(words);
                self.perhaps(|shell| shell.repeat(variable.as_deref(), body, read));
            }
            ShellCommand::Case { words, branches } => self.perhaps(|shell| {
                shell.state.expand_all(words);
                for commands in branches {
                    shell.execute(commands, read);
                }
            }),
            ShellCommand::Test(words) => self.perhaps(|shell| shell.state.expand_all(words)),
            ShellCommand::Arithmetic => self.state.lose_everything(),
            ShellCommand::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
                self.call(body, read);
            }
        }
        Flow::On
    }

    /// A loop's body, as often as it makes something else unknown.
    fn repeat(&mut self, variable: Option<&str>, body: &[CommandList], read: ReadFile<'_>) {
        loop {
            let extent = self.state.extent();
            if let Some(name) = variable {
                self.state.assign(name, None);
            }
            for commands in body {
                self.execute(commands, read);
            }
            if self.state.extent() == extent {
                break;
            }
        }
    }

    /// What a function does, whether it is called now or later.
    fn call(&mut self, body: &Placed, read: ReadFile<'_>) {
        if self.calls >= DEEPEST {
            self.state.lose_all();
            return;
        }
        self.calls += 1;
        let returns = std::mem::take(&mut self.returns);
        self.perhaps(|shell| _ = shell.placed(body, read));
        for _ in 0..self.returns {
            self.state.believe();
        }
        self.returns = returns;
        self.calls -= 1;
    }

    fn simple(
        &mut self,
        assignments: &[ShellWord],
        words: &[ShellWord],
        read: ReadFile<'_>,
    ) -> Flow {
        let assigned = assignments.iter().filter_map(ShellWord::assigned);
        let Some((first, arguments)) = words.split_first() else {
            assigned.for_each(|assigned| self.state.assign_word(&assigned));
            return Flow::On;
        };
        // They are for the command alone, or stay: that depends on the command.
        for assigned in assigned {
            self.state.expand(&assigned.value);
            self.state.forget(&assigned.name);
        }
        let is_bare = first.bare().is_some();
        match self.state.field(first) {
            Some(name) if is_bare => return self.named(&name, arguments, read),
            // It is no assignment that `export` understands as one.
            Some(name) => self.perhaps(|shell| {
                shell.state.touch_if_declaring(&name, arguments);
                shell.named(&name, arguments, read);
            }),
            None if is_program(first) => self.state.expand_all(arguments),
            None => self.state.lose_everything(),
        }
        Flow::On
    }

    /// A command whose name is known.
    fn named(&mut self, name: &str, words: &[ShellWord], read: ReadFile<'_>) -> Flow {
        let Some(body) = self.functions.get(name).cloned() else {
            return self.not_defined(name, words, read);
        };
        self.state.expand_all(words);
        self.call(&body, read);
        // Perhaps it has not been defined, or not any more.
        self.perhaps(|shell| {
            shell.state.touch_if_declaring(name, words);
            shell.not_defined(name, words, read);
        });
        Flow::On
    }

    /// A command that is no function of these files.
    fn not_defined(&mut self, name: &str, words: &[ShellWord], read: ReadFile<'_>) -> Flow {
        if self.state.may_be_stranger(name) {
            self.state.lose_all();
        }
        match name {
            "source" | "." => self.source_other(words, read),
            "command" | "builtin" => self.other_name(words, read),
            "return" | "exit" => {
                self.state.expand_all(words);
                let is_plain = |word: &ShellWord| {
                    let is_status = |text: &str| text.chars().all(|c| c.is_ascii_digit());
                    word.bare().is_some_and(is_status)
                };
                return self.end(
                    name == "return",
                    words.len() < 2 && words.iter().all(is_plain),
                );
            }
            "exec" if !words.is_empty() => {
                let program = self.state.field(&words[0]);
                self.state.expand_all(words);
                let is_plain = program.is_some_and(|program| !program.starts_with('-'));
                return self.end(false, is_plain);
            }
            _ if self.state.built_in(name, words) => {}
            _ => {
                self.state.expand_all(words);
                if self.state.has_strangers && !name.contains('/') {
                    self.state.lose_all();
                }
            }
        }
        Flow::On
    }

    /// Behind a `return` that is perhaps executed, so is the rest of the file. A shell that perhaps
    /// ends starts no server then.
    fn end(&mut self, is_return: bool, is_plain: bool) -> Flow {
        if self.state.is_certain() && is_plain {
            return Flow::Over;
        }
        if self.state.is_certain() {
            // With words that it refuses it does not end.
            self.state.lose_everything();
        }
        if is_return {
            self.state.doubt();
            self.returns += 1;
        }
        Flow::On
    }

    /// `command NAME` and `builtin NAME`.
    fn other_name(&mut self, words: &[ShellWord], read: ReadFile<'_>) {
        let Some((first, arguments)) = words.split_first() else {
            return;
        };
        match self.state.field(first) {
            Some(option) if matches!(option.as_str(), "-v" | "-V") => {
                self.state.expand_all(arguments);
            }
            Some(name) if !name.starts_with('-') => self.perhaps(|shell| {
                shell.state.touch_if_declaring(&name, arguments);
                shell.named(&name, arguments, read);
            }),
            _ => self.state.lose_everything(),
        }
    }

    /// A file that a file sources: read like the first one, if it is known which it is.
    fn source_other(&mut self, words: &[ShellWord], read: ReadFile<'_>) {
        let path = words.first().and_then(|word| self.state.field(word));
        self.state.expand_all(words);
        let path = path.as_deref().map(Path::new);
        if let (Some(Some(file)), true) = (path.map(Path::file_name), self.depth == 0)
            && OF_LOGIN.iter().any(|known| file == *known)
        {
            // Functions are not in the environment.
            self.state.has_strangers = true;
            return;
        }
        let text = path
            .filter(|path| path.is_absolute() && self.depth < DEEPEST && self.sourced < MOST)
            .and_then(|path| Some((path, read(path)?)));
        match text {
            Some((path, Some(text))) => {
                self.sourced += 1;
                self.depth += 1;
                self.source(path, &text, read);
                self.depth -= 1;
            }
            // There is no such file.
            Some((_, None)) => {}
            None => self.state.lose_all(),
        }
    }
}

/// Whether a command that is not known is a program, since its name has a slash in it.
fn is_program(word: &ShellWord) -> bool {
    let has_slash = word.parts.iter().any(|part| match part {
        WordPart::Bare(text) | WordPart::Quoted(text) => text.contains('/'),
        _ => false,
    });
    let is_one = word.parts.iter().all(|part| match part {
        WordPart::Bare(_) | WordPart::Quoted(_) => true,
        WordPart::Parameter { quoted, .. } | WordPart::Unknown { quoted, .. } => *quoted,
        _ => false,
    });
    has_slash && is_one
}
