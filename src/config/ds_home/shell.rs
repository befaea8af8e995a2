//! The shell files that DolphinScheduler's scripts source before they start a server. They are
//! parsed, never run: simple assignments are understood, and whatever depends on anything else is
//! marked as unknown.

use std::collections::BTreeMap;
use std::path::Path;

use super::assignment::Assignment;
use crate::config::Origin;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, Assignment>;

/// Applies a file to variables.
pub(super) fn source(path: &Path, text: &str, variables: &mut Variables) {
    let mut depth = 0_usize;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            match lines.next() {
                Some((_, more)) => line.push_str(more),
                None => break,
            }
        }
        let first = line.split_whitespace().next().unwrap_or_default();
        if matches!(
            first,
            "if" | "case" | "for" | "while" | "until" | "select" | "function"
        ) || line.trim_end().ends_with("() {")
        {
            depth += 1;
        }
        let origin = Origin::File {
            path: path.to_owned(),
            line: index + 1,
        };
        assign(&line, depth > 0, &origin, variables);
        if matches!(first, "fi" | "esac" | "done" | "}" | "fi;" | "done;") {
            depth = depth.saturating_sub(1);
        }
    }
}

/// All assignments of a line. Under a condition their values are not known.
fn assign(line: &str, conditional: bool, origin: &Origin, variables: &mut Variables) {
    let mut rest = line.trim_start();
    loop {
        rest = rest.trim_start().trim_start_matches(';').trim_start();
        rest = rest.strip_prefix("export ").unwrap_or(rest).trim_start();
        let Some((name, value)) = assignment(rest) else {
            break;
        };
        let (keyword, after) = keyword(value, variables);
        // Behind a single & or | the shell assigns in a process of its own, which ends with it.
        let behind = after.trim_start();
        let in_background = behind.starts_with('|') && !behind.starts_with("||")
            || behind.starts_with('&') && !behind.starts_with("&&");
        let text = keyword.filter(|_| !conditional && !in_background);
        variables.insert(
            name.to_owned(),
            Assignment {
                name: name.to_owned(),
                text,
                origin: origin.clone(),
            },
        );
        rest = after;
    }
    // An assignment that is part of something else, as `x && A=b` or `then A=b`.
    for (at, _) in rest.match_indices('=') {
        let before = &rest[..at];
        let start = before.trim_end_matches(is_in_name).len();
        let name = &before[start..];
        if before.trim_start().starts_with('#') {
            break;
        }
        if is_name(name) && before[..start].ends_with([' ', ';', '\t', '(']) {
            let unknown = Assignment {
                name: name.to_owned(),
                text: None,
                origin: origin.clone(),
            };
            variables.insert(name.to_owned(), unknown);
        }
    }
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_in_name)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn assignment(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| is_name(name))
}

/// The value of the word at the beginning, if it can be known, and what follows the word.
fn keyword<'a>(text: &'a str, variables: &Variables) -> (Option<String>, &'a str) {
    let mut value = Some(String::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            ' ' | '\t' | ';' | '&' | '|' | ')' => break,
            '\'' => {
                let (quoted, after) = rest[1..].split_once('\'').unwrap_or((&rest[1..], ""));
                push(&mut value, Some(quoted));
                rest = after;
            }
            '"' => {
                let end = closing_quote(&rest[1..]);
                let (quoted, after) = rest[1..].split_at(end);
                push(&mut value, expand(quoted, variables).as_deref());
                rest = after.strip_prefix('"').unwrap_or(after);
            }
            _ => {
                let end = bare_end(rest);
                let (bare, after) = rest.split_at(end);
                push(&mut value, expand(bare, variables).as_deref());
                rest = after;
            }
        }
    }
    (value, rest)
}

fn push(value: &mut Option<String>, part: Option<&str>) {
    *value = match (value.take(), part) {
        (Some(value), Some(part)) => Some(value + part),
        _ => None,
    };
}

/// Where a double-quoted text ends.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// Where a text without quotes ends: a brace keeps what stands in it together.
fn bare_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ' ' | '\t' | ';' | '&' | '|' | ')' | '\'' | '"' if depth == 0 && at > 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Puts variables in. `None` if a command would have to be run, or if a variable is not known.
fn expand(text: &str, variables: &Variables) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`', '\\']) {
        expanded.push_str(&rest[..at]);
        let special = &rest[at..];
        if let Some(after) = special.strip_prefix('\\') {
            let next = after.chars().next()?;
            if !matches!(
                next,
                '$' | '`' | '"' | '\\' | ' ' | '\'' | '&' | ';' | '|' | '(' | ')'
            ) {
                expanded.push('\\');
            }
            expanded.push(next);
            rest = &after[next.len_utf8()..];
        } else if let Some(inside) = special.strip_prefix("${") {
            let end = closing_brace(inside)?;
            expanded.push_str(&parameter(&inside[..end], variables)?);
            rest = &inside[end + 1..];
        } else if let Some(after) = special.strip_prefix('$') {
            let end = after.find(|c| !is_in_name(c)).unwrap_or(after.len());
            if !is_name(&after[..end]) {
                return None;
            }
            expanded.push_str(&of_variable(&after[..end], variables)?);
            rest = &after[end..];
        } else {
            return None;
        }
    }
    expanded.push_str(rest);
    Some(expanded)
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `NAME`, `NAME:-default`, `NAME-default`, `NAME:=default`, `NAME=default`.
fn parameter(text: &str, variables: &Variables) -> Option<String> {
    let end = text.find(|c| !is_in_name(c)).unwrap_or(text.len());
    let (name, operator) = text.split_at(end);
    if !is_name(name) {
        return None;
    }
    if operator.is_empty() {
        return of_variable(name, variables);
    }
    let or_empty = operator.starts_with(':');
    let default = operator
        .strip_prefix(':')
        .unwrap_or(operator)
        .strip_prefix(['-', '='])?;
    if let Some(entry) = variables.get(name) {
        match &entry.text {
            Some(text) if text.is_empty() && or_empty => {}
            known => return known.clone(),
        }
    }
    let unquoted = default
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    match default
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
    {
        Some(literal) => Some(literal.to_owned()),
        None => expand(unquoted.unwrap_or(default), variables),
    }
}

/// A variable that is not set is empty.
fn of_variable(name: &str, variables: &Variables) -> Option<String> {
    variables
        .get(name)
        .map_or(Some(String::new()), |entry| entry.text.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(text: &str, set: &[(&str, &str)]) -> Variables {
        let mut variables: Variables = set
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
        source(Path::new("/f"), text, &mut variables);
        variables
    }

    /// `A` as it is then: `=` and its value, `unknown`, or `unset`.
    fn a(text: &str, set: &[(&str, &str)]) -> String {
        match after(text, set).get("A") {
            None => "unset".to_owned(),
            Some(Assignment { text: None, .. }) => "unknown".to_owned(),
            Some(Assignment {
                text: Some(text), ..
            }) => format!("={text}"),
        }
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
        ] {
            assert_eq!(a(line, &set), format!("={value}"), "{line}");
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
        ] {
            assert_eq!(a(line, &[]), "unknown", "{line}");
        }
        assert_eq!(a("if x; then\n B=1\nfi\nA=1", &[]), "=1");
    }

    #[test]
    fn what_is_no_assignment_sets_nothing() {
        for line in ["# A=1", "export A", "AA=1", "unset B"] {
            assert_eq!(a(line, &[]), "unset", "{line}");
        }
        assert_eq!(a("export A", &[("A", "1")]), "=1");
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
