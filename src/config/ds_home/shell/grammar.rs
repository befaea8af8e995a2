//! Commands: a file is understood as a whole, or not at all.
//!
//! What is accepted here has to be what bash accepts, no more. brush-parser 0.4, the parser that is
//! best kept, accepts `{ A=1 }`, which bash refuses; text nested deeply overflows its stack and ends
//! the process; words, and so passwords, stay in a cache of its own; and it brings along a library for
//! tests, with another parser and C. Its words are texts that would have to be taken apart here anyway.

use std::rc::Rc;

use super::conditional::conditional;
use super::cursor::{Cursor, HereText, NotUnderstood, Parsed};
use super::syntax::{
    Chain, CommandList, Pipeline, Placed, Redirection, ShellCommand, ShellWord, WordPart,
};
use super::variable_names::{is_in_name, is_name, leading_name};
use super::words::{skip_arithmetic, word};

/// Words that end a list of commands where a command could begin.
const CLOSING: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];
/// Words that begin something where a command could begin.
const OPENING: [&str; 14] = [
    "if", "case", "for", "while", "until", "select", "function", "coproc", "time", "{", "!", "[[",
    "]]", "in",
];
/// Commands whose words may be assignments of arrays.
const DECLARING: [&str; 5] = ["export", "declare", "typeset", "local", "readonly"];

/// Parses the text of a file.
///
/// # Errors
/// [`NotUnderstood`].
pub(super) fn parse(text: &str) -> Result<CommandList, NotUnderstood> {
    let mut cursor = Cursor::new(text, |cursor| list(cursor).map(drop))?;
    let commands = list(&mut cursor)?;
    if cursor.peek().is_some() || !cursor.texts.is_empty() {
        return cursor.fail();
    }
    Ok(commands)
}

/// Commands up to what ends them, which is not taken.
fn list(cursor: &mut Cursor<'_>) -> Parsed<CommandList> {
    let mut chains = Vec::new();
    loop {
        cursor.skip_lines()?;
        let ends = matches!(cursor.peek(), None | Some(')'))
            || cursor.is_at(";;")
            || cursor.is_at(";&")
            || CLOSING.contains(&cursor.word_ahead());
        if ends {
            return Ok(chains);
        }
        let mut chain = chain(cursor)?;
        cursor.skip_blanks();
        match cursor.peek() {
            Some('&') => {
                cursor.take_raw();
                chain.in_background = true;
            }
            Some(';') if !cursor.is_at(";;") && !cursor.is_at(";&") => _ = cursor.take_raw(),
            None | Some(';' | ')' | '\n') => {}
            Some(_) => return cursor.fail(),
        }
        chains.push(chain);
    }
}

/// Commands of which there must be one.
fn some(cursor: &mut Cursor<'_>) -> Parsed<CommandList> {
    let commands = list(cursor)?;
    if commands.is_empty() {
        return cursor.fail();
    }
    Ok(commands)
}

fn closed_by(cursor: &mut Cursor<'_>, word: &str) -> Parsed<()> {
    if cursor.eat_word(word) {
        Ok(())
    } else {
        cursor.fail()
    }
}

fn chain(cursor: &mut Cursor<'_>) -> Parsed<Chain> {
    let first = pipeline(cursor)?;
    let mut others = Vec::new();
    loop {
        cursor.skip_blanks();
        if !cursor.eat_text("&&") && !cursor.eat_text("||") {
            break;
        }
        cursor.skip_lines()?;
        others.push(pipeline(cursor)?);
    }
    Ok(Chain {
        first,
        others,
        in_background: false,
    })
}

fn pipeline(cursor: &mut Cursor<'_>) -> Parsed<Pipeline> {
    let mut prefixed = false;
    while cursor.eat_word("!") || cursor.eat_word("time") {
        prefixed = true;
        cursor.skip_blanks();
        if cursor.peek() == Some('-') {
            return cursor.fail();
        }
    }
    let mut commands = vec![placed(cursor)?];
    loop {
        cursor.skip_blanks();
        if cursor.is_at("||") || !cursor.eat('|') {
            break;
        }
        cursor.eat('&');
        cursor.skip_lines()?;
        commands.push(placed(cursor)?);
    }
    Ok(Pipeline { prefixed, commands })
}

fn placed(cursor: &mut Cursor<'_>) -> Parsed<Placed> {
    cursor.nested(|cursor| {
        let line = cursor.line();
        match compound(cursor)? {
            Some(command) => {
                let mut redirections = Vec::new();
                if !matches!(command, ShellCommand::Function { .. }) {
                    cursor.skip_blanks();
                    while let Some(redirection) = redirection(cursor)? {
                        redirections.push(redirection);
                        cursor.skip_blanks();
                    }
                }
                Ok(Placed {
                    line,
                    command,
                    redirections,
                })
            }
            None => simple(cursor),
        }
    })
}

/// A command that has others in it, if one begins here.
fn compound(cursor: &mut Cursor<'_>) -> Parsed<Option<ShellCommand>> {
    let command = match cursor.word_ahead() {
        "{" => {
            cursor.expect("{")?;
            let commands = some(cursor)?;
            closed_by(cursor, "}")?;
            ShellCommand::Group(commands)
        }
        "if" => conditions(cursor)?,
        opening @ ("while" | "until") => {
            cursor.expect(opening)?;
            let condition = some(cursor)?;
            ShellCommand::Loop {
                variable: None,
                words: Vec::new(),
                body: vec![condition, loop_body(cursor)?],
            }
        }
        "for" => for_loop(cursor)?,
        "case" => case(cursor)?,
        "[[" => {
            cursor.expect("[[")?;
            if !matches!(cursor.peek(), Some(' ' | '\t' | '\n')) {
                return cursor.fail();
            }
            ShellCommand::Test(conditional(cursor)?)
        }
        "function" => {
            cursor.expect("function")?;
            cursor.skip_blanks();
            let name = cursor.word_ahead().to_owned();
            cursor.expect(&name)?;
            cursor.skip_blanks();
            if cursor.eat('(') {
                cursor.skip_blanks();
                cursor.expect(")")?;
            }
            function(cursor, name)?
        }
        "" if cursor.eat_text("((") => {
            skip_arithmetic(cursor)?;
            ShellCommand::Arithmetic
        }
        "" if cursor.eat('(') => {
            some(cursor)?;
            cursor.expect(")")?;
            ShellCommand::Subshell
        }
        word if CLOSING.contains(&word) || OPENING.contains(&word) => return cursor.fail(),
        _ => return Ok(None),
    };
    Ok(Some(command))
}

fn conditions(cursor: &mut Cursor<'_>) -> Parsed<ShellCommand> {
    cursor.expect("if")?;
    let condition = some(cursor)?;
    closed_by(cursor, "then")?;
    let mut others = vec![some(cursor)?];
    while cursor.eat_word("elif") {
        others.push(some(cursor)?);
        closed_by(cursor, "then")?;
        others.push(some(cursor)?);
    }
    if cursor.eat_word("else") {
        others.push(some(cursor)?);
    }
    closed_by(cursor, "fi")?;
    Ok(ShellCommand::If { condition, others })
}

fn loop_body(cursor: &mut Cursor<'_>) -> Parsed<CommandList> {
    closed_by(cursor, "do")?;
    let body = some(cursor)?;
    closed_by(cursor, "done")?;
    Ok(body)
}

fn for_loop(cursor: &mut Cursor<'_>) -> Parsed<ShellCommand> {
    cursor.expect("for")?;
    cursor.skip_blanks();
    let mut words = Vec::new();
    let variable = if cursor.eat_text("((") {
        skip_arithmetic(cursor)?;
        words.push(ShellWord {
            parts: vec![WordPart::Wild],
        });
        None
    } else {
        let name = cursor.word_ahead().to_owned();
        if !is_name(&name) {
            return cursor.fail();
        }
        cursor.expect(&name)?;
        Some(name)
    };
    cursor.skip_lines()?;
    if variable.is_some() && cursor.eat_word("in") {
        words = words_of_line(cursor)?;
        if !cursor.eat(';') && cursor.peek() != Some('\n') {
            return cursor.fail();
        }
    } else {
        cursor.eat(';');
    }
    cursor.skip_lines()?;
    Ok(ShellCommand::Loop {
        variable,
        words,
        body: vec![loop_body(cursor)?],
    })
}

/// Words, as many as there are.
fn words_of_line(cursor: &mut Cursor<'_>) -> Parsed<Vec<ShellWord>> {
    let mut words = Vec::new();
    loop {
        cursor.skip_blanks();
        let next = word(cursor)?;
        if next.parts.is_empty() {
            return Ok(words);
        }
        words.push(next);
    }
}

/// A word that must be there.
fn some_word(cursor: &mut Cursor<'_>) -> Parsed<ShellWord> {
    cursor.skip_blanks();
    let word = word(cursor)?;
    if word.parts.is_empty() {
        return cursor.fail();
    }
    Ok(word)
}

fn case(cursor: &mut Cursor<'_>) -> Parsed<ShellCommand> {
    cursor.expect("case")?;
    let mut words = vec![some_word(cursor)?];
    cursor.skip_lines()?;
    closed_by(cursor, "in")?;
    let mut branches = Vec::new();
    loop {
        cursor.skip_lines()?;
        if cursor.eat_word("esac") {
            return Ok(ShellCommand::Case { words, branches });
        }
        cursor.eat('(');
        loop {
            words.push(some_word(cursor)?);
            cursor.skip_blanks();
            if !cursor.eat('|') {
                break;
            }
        }
        cursor.expect(")")?;
        branches.push(list(cursor)?);
        let goes_on = [";;&", ";;", ";&"].iter().any(|end| cursor.eat_text(end));
        if !goes_on && cursor.word_ahead() != "esac" {
            return cursor.fail();
        }
    }
}

/// A function, of which the name and the parentheses have been taken.
fn function(cursor: &mut Cursor<'_>, name: String) -> Parsed<ShellCommand> {
    let is_usual = |c: char| is_in_name(c) || matches!(c, '-' | '.' | ':');
    let is_reserved = |name| CLOSING.contains(&name) || OPENING.contains(&name);
    if name.is_empty() || !name.chars().all(is_usual) || is_reserved(name.as_str()) {
        return cursor.fail();
    }
    cursor.skip_lines()?;
    if !matches!(cursor.word_ahead(), "{" | "") {
        return cursor.fail();
    }
    let body = placed(cursor)?;
    match body.command {
        ShellCommand::Group(_) | ShellCommand::Subshell => Ok(ShellCommand::Function {
            name,
            body: Rc::new(body),
        }),
        _ => cursor.fail(),
    }
}

fn simple(cursor: &mut Cursor<'_>) -> Parsed<Placed> {
    let line = cursor.line();
    let (mut assignments, mut words, mut redirections) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        cursor.skip_blanks();
        if let Some(redirection) = redirection(cursor)? {
            redirections.push(redirection);
            continue;
        }
        let mut next = word(cursor)?;
        if next.parts.is_empty() {
            break;
        }
        let declares = |command: &ShellWord| {
            let name = command.bare();
            name.is_some_and(|name| DECLARING.contains(&name))
        };
        let is_assignment = next.assigned().is_some() && words.first().is_none_or(declares);
        if is_assignment {
            array(cursor, &mut next)?;
        }
        if !words.is_empty() {
            words.push(next);
        } else if is_assignment {
            assignments.push(next);
        } else {
            if may_be_element(&next) {
                return cursor.fail();
            }
            words.push(next);
            let is_first = assignments.is_empty() && redirections.is_empty();
            let name = words[0].bare().map(str::to_owned);
            if let (true, Some(name)) = (is_first, name)
                && let Some(command) = called_so(cursor, name)?
            {
                return Ok(Placed {
                    line,
                    command,
                    redirections,
                });
            }
        }
    }
    if assignments.is_empty() && words.is_empty() && redirections.is_empty() {
        return cursor.fail();
    }
    Ok(Placed {
        line,
        command: ShellCommand::Simple { assignments, words },
        redirections,
    })
}

/// The function whose name has been taken as a first word, if it is one.
fn called_so(cursor: &mut Cursor<'_>, name: String) -> Parsed<Option<ShellCommand>> {
    // A reserved word in two lines.
    if CLOSING.contains(&name.as_str()) || OPENING.contains(&name.as_str()) {
        return cursor.fail();
    }
    cursor.skip_blanks();
    if !cursor.eat('(') {
        return Ok(None);
    }
    cursor.skip_blanks();
    cursor.expect(")")?;
    function(cursor, name).map(Some)
}

/// `NAME[` in front of a command: an assignment that may have blanks in it.
fn may_be_element(word: &ShellWord) -> bool {
    match word.parts.first() {
        Some(WordPart::Bare(text)) => {
            leading_name(text).is_some_and(|(_, rest)| rest.starts_with('['))
        }
        _ => false,
    }
}

/// The words of an array behind `NAME=`, if they are some.
fn array(cursor: &mut Cursor<'_>, assignment: &mut ShellWord) -> Parsed<()> {
    let has_value = assignment
        .assigned()
        .is_some_and(|assigned| !assigned.value.parts.is_empty() || assigned.of_element);
    if has_value || !cursor.eat('(') {
        return Ok(());
    }
    let mut words = Vec::new();
    loop {
        cursor.skip_lines()?;
        if cursor.eat(')') {
            break;
        }
        let next = some_word(cursor)?;
        if matches!(next.parts.first(), Some(WordPart::Bare(text)) if text.starts_with('[')) {
            return cursor.fail();
        }
        words.push(next);
    }
    assignment.parts.push(WordPart::Array(words));
    Ok(())
}

/// A redirection, if one begins here.
fn redirection(cursor: &mut Cursor<'_>) -> Parsed<Option<Redirection>> {
    let ahead = cursor.word_ahead().to_owned();
    let behind = cursor.behind_word();
    let is_followed = behind.starts_with(['<', '>']);
    let variable = ahead
        .strip_prefix('{')
        .and_then(|ahead| ahead.strip_suffix('}'))
        .filter(|name| is_followed && is_name(name))
        .map(str::to_owned);
    let is_number = !ahead.is_empty() && ahead.chars().all(|c| c.is_ascii_digit());
    let begins = ahead.is_empty() || is_followed && (is_number || variable.is_some());
    let is_process = behind.starts_with("<(") || behind.starts_with(">(");
    let is_both = ahead.is_empty() && behind.starts_with("&>");
    if !begins || !(is_followed || is_both) || is_process {
        return Ok(None);
    }
    cursor.expect(&ahead)?;
    let target = if is_both {
        _ = cursor.eat_text("&>>") || cursor.eat_text("&>");
        Some(some_word(cursor)?)
    } else if cursor.eat_text("<<<") {
        Some(some_word(cursor)?)
    } else if cursor.eat_text("<<") {
        here_text(cursor)?;
        None
    } else if cursor.eat_text("<&") || cursor.eat_text(">&") {
        let mut target = ShellWord {
            parts: vec![WordPart::Bare("&".to_owned())],
        };
        let word = some_word(cursor)?;
        match (target.parts.first_mut(), word.bare()) {
            (Some(WordPart::Bare(all)), Some(text)) => all.push_str(text),
            _ => target.parts.extend(word.parts),
        }
        Some(target)
    } else {
        let operators = ["<>", ">>", ">|", "<", ">"];
        if !operators.iter().any(|operator| cursor.eat_text(operator)) {
            return cursor.fail();
        }
        Some(some_word(cursor)?)
    };
    Ok(Some(Redirection { variable, target }))
}

/// The end of a text that begins in the next line.
fn here_text(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let without_tabs = cursor.eat('-');
    let end = some_word(cursor)?;
    let Some(text) = end.literal() else {
        return cursor.fail();
    };
    let is_verbatim = end.bare().is_none();
    if text.contains('\n') || text.is_empty() {
        return cursor.fail();
    }
    cursor.texts.push(HereText {
        end: text,
        without_tabs,
        is_verbatim,
    });
    Ok(())
}
