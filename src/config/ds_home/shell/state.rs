//! The variables of a shell, as far as they are known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::assignment::{ANY, Assignment, Variables};
use super::variable_names::{has_default, is_own, is_treacherous};
use crate::config::Origin;

/// Whether something is so; without an entry it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sureness {
    No,
    Perhaps,
    Yes,
}

/// A shell, as far as it is known.
#[derive(Debug)]
pub(super) struct ShellState {
    pub(super) variables: Variables,
    /// Which of them a program gets that the shell starts.
    exported: BTreeMap<String, Sureness>,
    /// As after `set -a`: each variable is exported that is set.
    pub(super) all_exported: Sureness,
    /// Variables that need not have what is assigned to them, such as arrays.
    peculiar: BTreeSet<String>,
    /// Variables that may refuse an assignment.
    constants: BTreeSet<String>,
    /// How many things are open that are perhaps not executed.
    doubts: usize,
    /// What is not known may have defined functions.
    pub(super) has_strangers: bool,
    /// Where the command stands that is executed.
    file: PathBuf,
    line: usize,
}

impl ShellState {
    /// A shell that has this environment.
    pub(super) fn new(environment: Variables) -> Self {
        let names = environment.keys().cloned();
        Self {
            exported: names.map(|name| (name, Sureness::Yes)).collect(),
            variables: environment,
            all_exported: Sureness::No,
            peculiar: BTreeSet::new(),
            constants: BTreeSet::new(),
            doubts: 0,
            has_strangers: false,
            file: PathBuf::new(),
            line: 1,
        }
    }

    /// What a program gets that is started now.
    pub(super) fn environment(&self) -> Variables {
        let mut environment = Variables::new();
        for (name, entry) in &self.variables {
            let mut entry = entry.clone();
            match self.exported.get(name) {
                _ if name == ANY => {}
                Some(Sureness::Yes) => {}
                Some(Sureness::Perhaps) => entry.text = None,
                Some(Sureness::No) | None => continue,
            }
            environment.insert(name.clone(), entry);
        }
        environment
    }

    /// The file that is read from now on; gives the place that was read before.
    pub(super) fn enter(&mut self, file: &Path) -> (PathBuf, usize) {
        let before = std::mem::replace(&mut self.file, file.to_owned());
        (before, std::mem::replace(&mut self.line, 1))
    }

    /// Goes back to where another file was read from.
    pub(super) fn leave_to(&mut self, (file, line): (PathBuf, usize)) {
        (self.file, self.line) = (file, line);
    }

    pub(super) fn at_line(&mut self, line: usize) {
        self.line = line;
    }

    fn origin(&self) -> Origin {
        Origin::File {
            path: self.file.clone(),
            line: self.line,
        }
    }

    /// Whether the command that is read is surely executed.
    pub(super) fn is_certain(&self) -> bool {
        self.doubts == 0
    }

    /// What follows is perhaps not executed, until as many calls of [`Self::believe`].
    pub(super) fn doubt(&mut self) {
        self.doubts += 1;
    }

    /// Ends a doubt.
    pub(super) fn believe(&mut self) {
        self.doubts = self.doubts.saturating_sub(1);
    }

    /// How much is known, and how much may be exported: they change as long as what is repeated does
    /// something new.
    pub(super) fn extent(&self) -> (usize, usize, Sureness, bool) {
        let known = |entry: &&Assignment| entry.text.is_some();
        let may_be = |exported: &&Sureness| **exported != Sureness::No;
        (
            self.variables.values().filter(known).count(),
            self.exported.values().filter(may_be).count(),
            self.all_exported,
            self.has_strangers,
        )
    }

    /// A variable's value: empty if it is not set, `None` if it is not known.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        match self.variables.get(name).or_else(|| self.variables.get(ANY)) {
            _ if is_own(name) => None,
            Some(entry) => entry.text.clone(),
            None if has_default(name) => None,
            None => Some(String::new()),
        }
    }

    /// Whether a variable is set; `None` if that is not known.
    pub(super) fn is_set(&self, name: &str) -> Option<bool> {
        match self.variables.get(name).or_else(|| self.variables.get(ANY)) {
            _ if is_own(name) => None,
            Some(entry) => entry.text.is_some().then_some(true),
            None if has_default(name) => None,
            None => Some(false),
        }
    }

    /// An assignment; `None` for a value that is not known.
    pub(super) fn assign(&mut self, name: &str, text: Option<String>) {
        if self.constants.contains(name) || is_treacherous(name) {
            self.lose_everything();
        }
        let is_usual = !self.peculiar.contains(name);
        let text = text.filter(|_| is_usual && self.is_certain());
        self.put(name, text);
        let exported = match self.all_exported {
            Sureness::Yes if self.is_certain() => Sureness::Yes,
            Sureness::No if !self.variables.contains_key(ANY) => Sureness::No,
            _ => Sureness::Perhaps,
        };
        let before = self.exported.get(name).copied();
        self.exported.insert(
            name.to_owned(),
            exported.max(before.unwrap_or(Sureness::No)),
        );
    }

    fn put(&mut self, name: &str, text: Option<String>) {
        let entry = Assignment {
            name: name.to_owned(),
            text,
            origin: self.origin(),
        };
        self.variables.insert(name.to_owned(), entry);
    }

    /// A variable may have any value from here on, or none, and may be exported.
    pub(super) fn forget(&mut self, name: &str) {
        self.put(name, None);
        self.exported.insert(name.to_owned(), Sureness::Perhaps);
    }

    /// As [`Self::forget`]; what is assigned to it later need not be what it then has.
    pub(super) fn forget_for_good(&mut self, name: &str) {
        self.forget(name);
        self.peculiar.insert(name.to_owned());
    }

    /// As [`Self::forget`]; to assign something to it later is perhaps an error.
    pub(super) fn forget_constant(&mut self, name: &str) {
        self.forget(name);
        self.constants.insert(name.to_owned());
    }

    /// Whether a command may be a function that no file read here defines.
    pub(super) fn may_be_stranger(&self, command: &str) -> bool {
        let exported = format!("BASH_FUNC_{command}%%");
        self.variables.contains_key(&exported)
    }

    pub(super) fn export(&mut self, name: &str) {
        let exported = match (self.is_certain(), self.exported.get(name)) {
            (true, _) | (false, Some(Sureness::Yes)) => Sureness::Yes,
            (false, _) => Sureness::Perhaps,
        };
        self.exported.insert(name.to_owned(), exported);
    }

    pub(super) fn unset(&mut self, name: &str) {
        let is_peculiar = self.peculiar.contains(name) || self.constants.contains(name);
        let is_usual = !is_peculiar && !has_default(name);
        if self.is_certain() && is_usual {
            self.variables.remove(name);
            self.exported.remove(name);
        } else {
            self.forget(name);
        }
    }

    /// Any variable may have another value from here on, and any function may be defined.
    pub(super) fn lose_all(&mut self) {
        let origin = self.origin();
        for entry in self.variables.values_mut() {
            entry.text = None;
            entry.origin = origin.clone();
        }
        for exported in self.exported.values_mut() {
            *exported = Sureness::Perhaps;
        }
        self.all_exported = Sureness::Perhaps;
        self.has_strangers = true;
        self.put(ANY, None);
    }

    /// As [`Self::lose_all`], and whether or how anything behind it is executed is not known either.
    pub(super) fn lose_everything(&mut self) {
        self.lose_all();
        self.doubt();
    }
}
