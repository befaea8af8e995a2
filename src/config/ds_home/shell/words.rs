//! Words: quotes, variables with their defaults, and what only running would tell.

use super::cursor::{Cursor, Parsed};
use super::syntax::{ShellWord, Substitute, WordPart};
use super::variable_names::{begins_name, is_name};

/// Where a piece of a word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Outside quotes.
    Nothing,
    /// In double quotes.
    Quotes,
    /// Behind the operator of `${NAME:-word}`, outside quotes.
    Braces,
    /// Behind the operator of `"${NAME:-word}"`.
    QuotedBraces,
}

impl Within {
    fn is_quoted(self) -> bool {
        matches!(self, Self::Quotes | Self::QuotedBraces)
    }
}

impl ShellWord {
    fn push(&mut self, c: char, within: Within) {
        let is_bare = !within.is_quoted();
        match self.parts.last_mut() {
            // What was no UTF-8 is not known.
            _ if c == char::REPLACEMENT_CHARACTER => self.push_unknown(Vec::new(), within),
            Some(WordPart::Bare(text)) if is_bare => text.push(c),
            Some(WordPart::Quoted(text)) if !is_bare => text.push(c),
            _ if is_bare => self.parts.push(WordPart::Bare(c.to_string())),
            _ => self.parts.push(WordPart::Quoted(c.to_string())),
        }
    }

    fn push_unknown(&mut self, words: Vec<Self>, within: Within) {
        let quoted = within.is_quoted();
        self.parts.push(WordPart::Unknown { words, quoted });
    }

    fn push_quoted(&mut self, text: &str) {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.push_unknown(Vec::new(), Within::Quotes);
        } else {
            self.parts.push(WordPart::Quoted(text.to_owned()));
        }
    }
}

/// Parses the word that begins here; it is empty if none does.
pub(super) fn word(cursor: &mut Cursor<'_>) -> Parsed<ShellWord> {
    let mut word = ShellWord::default();
    while let Some(next) = cursor.peek() {
        match next {
            '<' | '>' if cursor.eat_text("<(") || cursor.eat_text(">(") => {
                run(cursor)?;
                word.push_unknown(Vec::new(), Within::Nothing);
            }
            ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
            _ => piece(cursor, &mut word, Within::Nothing)?,
        }
    }
    Ok(word)
}

/// Skips `(( ... ))`, of which both parentheses have been taken.
pub(super) fn skip_arithmetic(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let mut depth = 0_usize;
    loop {
        match cursor.peek() {
            Some(')') if depth == 0 => return cursor.expect("))"),
            Some('(') => depth += 1,
            Some(')') => depth -= 1,
            Some('$') if cursor.is_at("$(") || cursor.is_at("${") => return cursor.fail(),
            Some(c) if c.is_ascii_alphanumeric() => {}
            Some(c) if " \t_+-*/%<>=!&|^~?:,.;$".contains(c) => {}
            _ => return cursor.fail(),
        }
        cursor.take_raw();
    }
}

/// Skips commands that a shell of its own executes, and the parenthesis behind them.
fn run(cursor: &mut Cursor<'_>) -> Parsed<()> {
    // A text of the outer command would begin in the middle of the inner ones.
    let outer = std::mem::take(&mut cursor.texts);
    let (line, substitution) = (cursor.line(), cursor.substitution);
    cursor.nested(substitution)?;
    if !cursor.texts.is_empty() || !outer.is_empty() && cursor.line() != line {
        return cursor.fail();
    }
    cursor.texts = outer;
    cursor.expect(")")
}

fn piece(cursor: &mut Cursor<'_>, word: &mut ShellWord, within: Within) -> Parsed<()> {
    match cursor.peek() {
        None => return cursor.fail(),
        Some('\\') => return escaped(cursor, word, within),
        Some('$') => return cursor.nested(|cursor| dollar(cursor, word, within)),
        Some('`') => {
            cursor.take_raw();
            skip_to(cursor, '`')?;
            word.push_unknown(Vec::new(), within);
        }
        Some('"') => {
            cursor.take_raw();
            return cursor.nested(|cursor| double_quoted(cursor, word));
        }
        Some('\'') if !within.is_quoted() => {
            cursor.take_raw();
            let text = single_quoted(cursor)?;
            word.push_quoted(&text);
        }
        // Bash takes it for a quote in some places and for text in others.
        Some('\'') if within == Within::QuotedBraces => return cursor.fail(),
        Some('<' | '>') if within == Within::Braces => return cursor.fail(),
        Some(c) => {
            cursor.take_raw();
            word.push(c, within);
        }
    }
    Ok(())
}

fn escaped(cursor: &mut Cursor<'_>, word: &mut ShellWord, within: Within) -> Parsed<()> {
    cursor.take_raw();
    let means_itself = match (within, cursor.peek_raw()) {
        (_, None) => return cursor.fail(),
        (Within::Nothing | Within::Braces, Some(_)) | (Within::QuotedBraces, Some('}')) => true,
        (_, Some(next)) => matches!(next, '$' | '`' | '"' | '\\'),
    };
    let c = if means_itself {
        cursor.take_raw().unwrap_or('\\')
    } else {
        '\\'
    };
    word.push(c, Within::Quotes);
    Ok(())
}

/// Text up to a single quote, which is taken too.
fn single_quoted(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mut text = String::new();
    loop {
        match cursor.take_raw() {
            Some('\'') => return Ok(text),
            Some(c) => text.push(c),
            None => return cursor.fail(),
        }
    }
}

/// Skips text up to this character, which is taken too; whether a backslash stands in it.
fn skip_to(cursor: &mut Cursor<'_>, end: char) -> Parsed<String> {
    let mut text = String::new();
    loop {
        match cursor.take_raw() {
            Some(c) if c == end => return Ok(text),
            Some('\\') => {
                let next = cursor.take_raw();
                text.extend(std::iter::once('\\').chain(next));
            }
            Some(c) => text.push(c),
            None => return cursor.fail(),
        }
    }
}

fn double_quoted(cursor: &mut Cursor<'_>, word: &mut ShellWord) -> Parsed<()> {
    // `""` is a word, or a part of one.
    word.push_quoted("");
    while !cursor.eat('"') {
        piece(cursor, word, Within::Quotes)?;
    }
    Ok(())
}

/// Whatever begins with a dollar.
fn dollar(cursor: &mut Cursor<'_>, word: &mut ShellWord, within: Within) -> Parsed<()> {
    cursor.take_raw();
    match cursor.peek() {
        Some('(') => {
            if cursor.eat_text("((") {
                skip_arithmetic(cursor)?;
                word.parts.push(WordPart::Wild);
            } else {
                cursor.take_raw();
                run(cursor)?;
                word.push_unknown(Vec::new(), within);
            }
        }
        Some('{') => {
            cursor.take_raw();
            return braces(cursor, word, within);
        }
        Some('[') => return cursor.fail(),
        Some('\'' | '"') if matches!(within, Within::Braces | Within::QuotedBraces) => {
            return cursor.fail();
        }
        Some('\'') if within == Within::Nothing => {
            cursor.take_raw();
            let text = skip_to(cursor, '\'')?;
            if text.contains('\\') {
                word.push_unknown(Vec::new(), Within::Quotes);
            } else {
                word.push_quoted(&text);
            }
        }
        Some('"') if within == Within::Nothing => {
            cursor.take_raw();
            let mut translated = ShellWord::default();
            double_quoted(cursor, &mut translated)?;
            word.push_unknown(vec![translated], Within::Quotes);
        }
        Some(c) if begins_name(c) => {
            let name = cursor.take_name();
            word.parts.push(WordPart::Parameter {
                name,
                quoted: within.is_quoted(),
                default: None,
            });
        }
        Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
            cursor.take_raw();
            word.push_unknown(Vec::new(), within);
        }
        _ => word.push('$', within),
    }
    Ok(())
}

/// `${...}`, of which the beginning has been taken.
fn braces(cursor: &mut Cursor<'_>, word: &mut ShellWord, within: Within) -> Parsed<()> {
    if cursor.eat('#') {
        let name = cursor.take_name();
        if !name.is_empty() && !cursor.eat_text("[@]") {
            cursor.eat_text("[*]");
        }
        word.push_unknown(Vec::new(), within);
        return cursor.expect("}");
    }
    let is_indirect = cursor.eat('!');
    let mut name = cursor.take_name();
    if name.is_empty() {
        name = match cursor.peek() {
            Some(c) if c.is_ascii_digit() => cursor.take_while(|c| c.is_ascii_digit()),
            Some(c) if "@*?$-".contains(c) => {
                cursor.take_raw();
                c.to_string()
            }
            _ => return cursor.fail(),
        };
    }
    let mut is_plain = !is_indirect && is_name(&name);
    if cursor.eat('[') {
        is_plain = false;
        if !cursor.eat('@')
            && !cursor.eat('*')
            && cursor.take_while(|c| c.is_ascii_digit()).is_empty()
        {
            return cursor.fail();
        }
        cursor.expect("]")?;
    }
    if is_indirect {
        word.parts.push(WordPart::Wild);
    }
    parameter(cursor, word, within, is_plain.then_some(name))
}

/// What follows the name in `${NAME...}`, with the brace; without a name it is not known.
fn parameter(
    cursor: &mut Cursor<'_>,
    word: &mut ShellWord,
    within: Within,
    name: Option<String>,
) -> Parsed<()> {
    let quoted = within.is_quoted();
    let or_empty = cursor.eat(':');
    let default = match cursor.peek() {
        Some('}') if !or_empty => {
            cursor.take_raw();
            None
        }
        Some(operator @ ('-' | '=')) => {
            cursor.take_raw();
            let substitute = Substitute {
                or_empty,
                assigns: operator == '=',
                word: operand(cursor, within)?,
            };
            Some(substitute)
        }
        Some('+' | '?') => return others(cursor, word, within),
        Some('#' | '%' | '/' | '^' | ',') if !or_empty => return others(cursor, word, within),
        Some('0'..='9') if or_empty => {
            cursor.take_while(|c| c.is_ascii_digit() || c == ':');
            word.push_unknown(Vec::new(), within);
            return cursor.expect("}");
        }
        _ => return cursor.fail(),
    };
    word.parts.push(match (name, default) {
        (Some(name), default) => WordPart::Parameter {
            name,
            quoted,
            default,
        },
        (None, Some(Substitute { assigns: true, .. })) => WordPart::Wild,
        (None, default) => WordPart::Unknown {
            words: default.into_iter().map(|default| default.word).collect(),
            quoted,
        },
    });
    Ok(())
}

/// An operator whose result is not worked out.
fn others(cursor: &mut Cursor<'_>, word: &mut ShellWord, within: Within) -> Parsed<()> {
    cursor.take_raw();
    let operand = operand(cursor, within)?;
    word.push_unknown(vec![operand], within);
    Ok(())
}

/// The word behind an operator, and the brace behind it: the first one that is not quoted.
fn operand(cursor: &mut Cursor<'_>, within: Within) -> Parsed<ShellWord> {
    let within = if within.is_quoted() {
        Within::QuotedBraces
    } else {
        Within::Braces
    };
    let mut word = ShellWord::default();
    while !cursor.eat('}') {
        piece(cursor, &mut word, within)?;
    }
    Ok(word)
}
