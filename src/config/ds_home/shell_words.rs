//! The words of a shell: quotes, variables and defaults, as far as they can be known without running
//! anything.

use super::assignment::{ANY, Variables};
use super::braces::closing_brace;

pub(super) fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_in_name)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The value of the word at the beginning, if it can be known, and what follows the word.
pub(super) fn word<'a>(text: &'a str, variables: &Variables) -> (Option<String>, &'a str) {
    let mut value = Some(String::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
            '\'' => {
                let closed = rest[1..].split_once('\'');
                push(&mut value, closed.map(|(quoted, _)| quoted));
                rest = closed.map_or("", |(_, after)| after);
            }
            '"' => {
                let end = closing_quote(&rest[1..]);
                let (quoted, after) = rest[1..].split_at(end);
                let closed = after.strip_prefix('"');
                let known = expand(quoted, variables).filter(|_| closed.is_some());
                push(&mut value, known.as_deref());
                rest = closed.unwrap_or("");
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
            ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' | '\'' | '"' if depth == 0 && at > 0 => {
                return at;
            }
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
    if let Some(entry) = variables.get(name).or_else(|| variables.get(ANY)) {
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
pub(super) fn of_variable(name: &str, variables: &Variables) -> Option<String> {
    variables
        .get(name)
        .or_else(|| variables.get(ANY))
        .map_or(Some(String::new()), |entry| entry.text.clone())
}
