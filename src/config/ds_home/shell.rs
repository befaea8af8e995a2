//! The shell files that DolphinScheduler's scripts source before they start a server. They are
//! parsed, never run: simple assignments are understood, and whatever depends on anything else is
//! marked as unknown.

use std::collections::BTreeSet;
use std::path::Path;

use super::assignment::{ANY, Assignment, Variables};
use super::shell_lines::{commands, logical_line, skip_document, without_comment};
use super::shell_words::{is_in_name, is_name, of_variable, word};
use crate::config::Origin;

/// Files that source files more deeply than this are not followed, nor more of them in all.
const DEEPEST: usize = 8;
const MOST: usize = 100;

/// What a login shell has read before anybody can type `dsctl`: the environment has it already.
const OF_LOGIN: [&str; 4] = ["profile", "bashrc", ".bashrc", ".bash_profile"];

/// A shell as its files leave it.
#[derive(Clone, Debug, Default)]
pub(super) struct ShellReader {
    pub(super) variables: Variables,
    /// Which of them a program gets that the shell starts.
    exported: BTreeSet<String>,
    /// As after `set -a`: each variable is exported that is set.
    all_exported: bool,
    /// How many conditions, loops and functions are open.
    open: usize,
    /// How many files were sourced by files.
    sourced: usize,
}

impl ShellReader {
    /// A shell that has this environment.
    pub(super) fn new(environment: Variables) -> Self {
        Self {
            exported: environment.keys().cloned().collect(),
            variables: environment,
            ..Self::default()
        }
    }

    /// Exports each variable that a file sets from now on.
    pub(super) fn export_all(mut self) -> Self {
        self.all_exported = true;
        self
    }

    /// What a program gets that is started now.
    pub(super) fn environment(&self) -> Variables {
        let is_exported = |name: &String| name == ANY || self.exported.contains(name);
        let variables = self.variables.iter();
        variables
            .filter(|(name, _)| is_exported(name))
            .map(|(name, entry)| (name.clone(), entry.clone()))
            .collect()
    }

    /// Applies a file; `read` gives the text of those that it sources itself.
    pub(super) fn source(
        &mut self,
        path: &Path,
        text: &str,
        read: &dyn Fn(&Path) -> Option<Option<String>>,
    ) {
        self.source_at(path, text, read, 0);
    }

    fn source_at(
        &mut self,
        path: &Path,
        text: &str,
        read: &dyn Fn(&Path) -> Option<Option<String>>,
        depth: usize,
    ) {
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = logical_line(&mut lines) {
            let origin = Origin::File {
                path: path.to_owned(),
                line: index + 1,
            };
            let line = without_comment(&line);
            let words: Vec<&str> = line
                .split([' ', '\t', ';', '\n'])
                .filter(|word| !word.is_empty())
                .collect();
            let first = words.first().copied().unwrap_or_default();
            let opens = matches!(
                first,
                "if" | "case" | "for" | "while" | "until" | "select" | "function" | "{"
            ) || line.contains("()") && line.trim_end().ends_with('{');
            let closes = |word: &&str| matches!(*word, "fi" | "esac" | "done" | "}");
            if opens {
                self.open += 1;
            }
            if matches!(first, "return" | "exit") && self.open == 0 {
                break;
            }
            skip_document(line, &mut lines);
            self.apply(line, first, &words, &origin);
            for command in commands(line) {
                match command.split_once([' ', '\t']) {
                    Some(("source" | ".", name)) => {
                        self.source_other(name.trim_start(), &origin, read, depth);
                    }
                    Some(("eval", _)) => self.anything(&origin),
                    _ => {}
                }
            }
            if words.iter().any(closes) {
                self.open = self.open.saturating_sub(1);
            }
        }
    }

    /// A file that a file sources: read like the first one, if it is known which it is.
    fn source_other(
        &mut self,
        name: &str,
        origin: &Origin,
        read: &dyn Fn(&Path) -> Option<Option<String>>,
        depth: usize,
    ) {
        let path = word(name, &self.variables).0;
        let path = path.as_deref().map(Path::new);
        if let (Some(Some(file)), true) = (path.map(Path::file_name), depth == 0)
            && OF_LOGIN.iter().any(|known| file == *known)
        {
            return;
        }
        let text = path
            .filter(|path| path.is_absolute() && depth < DEEPEST && self.sourced < MOST)
            .and_then(|path| Some((path, read(path)?)));
        match text {
            Some((path, Some(text))) => {
                let conditional = self.open;
                self.sourced += 1;
                self.source_at(path, &text, read, depth + 1);
                self.open = conditional;
            }
            // There is no such file.
            Some((_, None)) => {}
            None => self.anything(origin),
        }
    }

    /// Any variable may have another value from here on.
    fn anything(&mut self, origin: &Origin) {
        for entry in self.variables.values_mut() {
            entry.text = None;
            entry.origin = origin.clone();
        }
        self.set(ANY, None, origin);
    }

    fn set(&mut self, name: &str, text: Option<String>, origin: &Origin) {
        let entry = Assignment {
            name: name.to_owned(),
            text,
            origin: origin.clone(),
        };
        self.variables.insert(name.to_owned(), entry);
        if self.all_exported {
            self.exported.insert(name.to_owned());
        }
    }

    /// It may have any value, and may be exported.
    fn forget(&mut self, name: &str, origin: &Origin) {
        self.set(name, None, origin);
        self.exported.insert(name.to_owned());
    }

    fn apply(&mut self, line: &str, first: &str, words: &[&str], origin: &Origin) {
        match first {
            "set" => match words.get(1..).unwrap_or_default() {
                ["-a"] | ["-o", "allexport"] => self.all_exported = true,
                ["+a"] | ["+o", "allexport"] => self.all_exported = false,
                _ => {}
            },
            "unset" if self.open == 0 => {
                for name in &words[1..] {
                    self.variables.remove(*name);
                    self.exported.remove(*name);
                }
            }
            "unset" | "read" => {
                for name in words[1..].iter().filter(|name| is_name(name)) {
                    self.forget(name, origin);
                }
            }
            _ => self.assign(line, origin),
        }
        // `${NAME:=default}` sets a variable wherever it stands.
        for (at, _) in line.match_indices("${") {
            let inside = &line[at + 2..];
            let end = inside.find(|c| !is_in_name(c)).unwrap_or(inside.len());
            let (name, operator) = inside.split_at(end);
            let known = self.variables.get(name).map(|entry| entry.text.as_deref());
            let is_set = known.is_some_and(|text| text != Some(""));
            if operator.trim_start_matches(':').starts_with('=') && !is_set {
                self.set(name, None, origin);
            }
        }
    }

    /// All assignments of a line. Under a condition their values are not known.
    fn assign(&mut self, line: &str, origin: &Origin) {
        let mut rest = line.trim_start();
        let mut exporting = false;
        let mut of_command: Vec<String> = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(next) = rest.strip_prefix(';') {
                (rest, exporting) = (next, false);
                of_command.clear();
                continue;
            }
            if let Some(next) = rest.strip_prefix("export ") {
                (rest, exporting) = (next, true);
                continue;
            }
            let end = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if exporting && is_name(name) && !after.starts_with(['=', '+']) {
                self.exported.insert(name.to_owned());
                rest = after;
                continue;
            }
            let appends = after.starts_with("+=");
            let value = after.strip_prefix('+').unwrap_or(after).strip_prefix('=');
            let (true, Some(value)) = (is_name(name), value) else {
                break;
            };
            let (word, after) = word(value, &self.variables);
            // Behind a single & or | the shell assigns in a process of its own, which ends with it.
            let behind = after.trim_start();
            let in_background = behind.starts_with('|') && !behind.starts_with("||")
                || behind.starts_with('&') && !behind.starts_with("&&");
            let text = word.filter(|_| self.open == 0 && !in_background);
            let text = match (appends, of_variable(name, &self.variables)) {
                (true, before) => before.zip(text).map(|(before, more)| before + &more),
                (false, _) => text,
            };
            self.set(name, text, origin);
            if exporting {
                self.exported.insert(name.to_owned());
            } else {
                of_command.push(name.to_owned());
            }
            rest = after;
        }
        // Assignments in front of a command are for that command alone.
        if rest.starts_with(|c: char| is_in_name(c) || matches!(c, '/' | '.' | '$')) {
            for name in of_command {
                self.forget(&name, origin);
            }
        }
        // An assignment that is part of something else, as `x && A=b` or `then A=b`.
        for (at, _) in rest.match_indices('=') {
            let before = rest[..at].trim_end_matches('+');
            let start = before.trim_end_matches(is_in_name).len();
            let name = &before[start..];
            if before.trim_start().starts_with('#') {
                break;
            }
            if is_name(name) && before[..start].ends_with([' ', ';', '\t', '(', '"', '\'', '\n']) {
                self.forget(name, origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shell(text: &str, set: &[(&str, &str)]) -> ShellReader {
        let variables: Variables = set
            .iter()
            .map(|(name, text)| {
                let entry = Assignment {
                    name: (*name).to_owned(),
                    text: Some((*text).to_owned()),
                    origin: Origin::Environment((*name).to_owned()),
                };
                ((*name).to_owned(), entry)
            })
            .collect();
        let mut shell = ShellReader::new(variables);
        shell.source(Path::new("/f"), text, &|path| match path.to_str()? {
            "/other" => Some(Some("export A=other".to_owned())),
            "/none" => Some(None),
            "/circle" => Some(Some(". /circle\n".repeat(20))),
            _ => None,
        });
        shell
    }

    fn after(text: &str, set: &[(&str, &str)]) -> Variables {
        shell(text, set).variables
    }

    /// The value of `A`: outer `None` is not set, inner `None` not known.
    #[allow(clippy::option_option)]
    fn a(text: &str, set: &[(&str, &str)]) -> Option<Option<String>> {
        after(text, set).get("A").map(|entry| entry.text.clone())
    }

    #[allow(clippy::option_option, clippy::unnecessary_wraps)]
    fn known(text: &str) -> Option<Option<String>> {
        Some(Some(text.to_owned()))
    }

    #[test]
    fn values_as_the_shell_has_them() {
        let set = [("B", "b"), ("E", "")];
        for (line, value) in [
            ("A=x", "x"),
            ("export A=x", "x"),
            ("  export A=x # y", "x"),
            ("A=\"x y\"", "x y"),
            ("A='$B'", "$B"),
            ("A=$B", "b"),
            ("A=${B}c", "bc"),
            ("A=\"${B} c\"", "b c"),
            ("A=${B:-x}", "b"),
            ("A=${C:-x}", "x"),
            ("A=${E:-x}", "x"),
            ("A=${E-x}", ""),
            ("A=${C:-\"h2\"}", "h2"),
            ("A=${C:-${B}}", "b"),
            ("A=${C:-a b}", "a b"),
            ("A=$C", ""),
            ("A=", ""),
            ("A=pa\\$s", "pa$s"),
            ("A=\"pa\\$s\\\\\"", "pa$s\\"),
            ("A=a'b'\"c\"d", "abcd"),
            ("A=jdbc:mysql://h:1/d?x=y", "jdbc:mysql://h:1/d?x=y"),
            ("export B=1 A=2", "2"),
            ("B=1; A=$B", "1"),
            ("A=x\\\ny", "xy"),
            ("A=1\nA=2", "2"),
            ("A=\"x\n y\"", "x\n y"),
            ("A=1\nA+=,2", "1,2"),
            ("A=1\n. /other", "other"),
            ("source /other\nA=2", "2"),
            ("A=1\n. /none\n. /etc/profile", "1"),
            ("A=1\ncat <<EOF\nA=2\nEOF", "1"),
            ("A=1\nreturn 0\nA=2", "1"),
            ("if x; then B=1; fi\nA=1", "1"),
            ("A=1\n# don't\nB=2", "1"),
            ("A=1 # the source of B, and eval", "1"),
            ("A=1\nfind . -name x\necho source x", "1"),
            ("A=x#y", "x#y"),
            ("A=${A:=x}", "x"),
        ] {
            assert_eq!(a(line, &set), known(value), "{line}");
        }
    }

    #[test]
    fn what_only_running_would_tell_is_not_known() {
        for line in [
            "A=$(hostname)",
            "A=`hostname`",
            "A=\"x$(hostname)\"",
            "A=${B//x/y}",
            "B=$(hostname)\nA=$B",
            "if true; then\n  A=1\nfi",
            "A=1\n[ -z x ] && A=2",
            "test -n x || export A=2",
            "A=jdbc:mysql://h/d?a=b&c=d",
            "f() {\n  A=1\n}",
            "f(){\n  A=1\n}",
            "f ()\n{\n  A=1\n}",
            "A=\"never closed\nB=2",
            ": ${A:=x}",
            ": \"${A:=x}\"",
            "export \"A=x\"",
            "declare -x A=1",
            "A=1\n. ./relative",
            "A=1\n. \"$(dirname $0)/x.sh\"",
            "A=1\n[ -f /unreadable ] && . /unreadable",
            "A=1\n. /circle",
            "A=1\nif x; then . ./y; fi",
            "A=1\neval $B",
            ". /unreadable\nA=$B",
            "read A",
            "A=1 java",
            "if x; then\n  . /other\nfi",
        ] {
            assert_eq!(a(line, &[]), Some(None), "{line}");
        }
        assert_eq!(a("if x; then\n B=1\nfi\nA=1", &[]), known("1"));
    }

    #[test]
    fn what_is_no_assignment_sets_nothing() {
        for line in ["# A=1", "export A", "AA=1", "unset B"] {
            assert_eq!(a(line, &[]), None, "{line}");
        }
        assert_eq!(a("export A", &[("A", "1")]), known("1"));
    }

    #[test]
    fn what_is_unset_is_not_set() {
        assert_eq!(a("A=1\nunset A", &[("A", "0")]), None);
        assert!(after(". /unreadable", &[]).contains_key(ANY));
    }

    #[test]
    fn a_program_gets_what_is_exported() {
        for (text, is) in [
            ("A=1", false),
            ("export A=1", true),
            ("A=1\nexport B A", true),
            ("export B=2; A=1", false),
            ("export B=2 A=1", true),
            ("set -a\nA=1\nset +a", true),
            ("set -a\nset +a\nA=1", false),
            ("declare -x A=1", true),
        ] {
            assert_eq!(
                shell(text, &[]).environment().contains_key("A"),
                is,
                "{text}"
            );
        }
        let inherited = shell("A=2", &[("A", "1")]).environment();
        assert_eq!(inherited["A"].text.as_deref(), Some("2"));
        let all = ShellReader::new(Variables::new()).export_all();
        assert!(all.all_exported);
    }

    #[test]
    fn a_line_is_named() {
        let variables = after("\n\nA=1", &[]);
        assert_eq!(
            variables["A"].origin,
            Origin::File {
                path: "/f".into(),
                line: 3
            }
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            let _ = after(&text, &[]);
        }

        #[test]
        fn no_line_is_too_strange(text in "[AB=${}:'\"\\\\ ;`()#-]{0,40}") {
            let _ = after(&text, &[]);
        }
    }
}
