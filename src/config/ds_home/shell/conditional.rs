//! `[[ ... ]]`: what bash would refuse is refused, and the words are kept.

use super::cursor::{Cursor, Parsed};
use super::syntax::{ShellWord, WordPart};
use super::words::word;

/// Operators of two words, and whether the words are computed.
const BINARY: [(&str, bool); 13] = [
    ("=", false),
    ("==", false),
    ("!=", false),
    ("=~", false),
    ("-nt", false),
    ("-ot", false),
    ("-ef", false),
    ("-eq", true),
    ("-ne", true),
    ("-lt", true),
    ("-le", true),
    ("-gt", true),
    ("-ge", true),
];

/// Operators of a text or a file; those of variables compute the index of an array.
const UNDERSTOOD: [char; 24] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'k', 'n', 'o', 'p', 'r', 's', 't', 'u', 'w', 'x', 'z',
    'G', 'L', 'N', 'O', 'S',
];

/// Parses what stands behind `[[`, with its end.
pub(super) fn conditional(cursor: &mut Cursor<'_>) -> Parsed<Vec<ShellWord>> {
    let mut words = Vec::new();
    any_of(cursor, &mut words)?;
    if cursor.eat_word("]]") {
        Ok(words)
    } else {
        cursor.fail()
    }
}

fn any_of(cursor: &mut Cursor<'_>, words: &mut Vec<ShellWord>) -> Parsed<()> {
    loop {
        term(cursor, words)?;
        if !cursor.eat_text("&&") && !cursor.eat_text("||") {
            return Ok(());
        }
    }
}

fn term(cursor: &mut Cursor<'_>, words: &mut Vec<ShellWord>) -> Parsed<()> {
    cursor.skip_lines()?;
    if cursor.eat_word("!") {
        return cursor.nested(|cursor| term(cursor, words));
    }
    if cursor.eat('(') {
        cursor.nested(|cursor| any_of(cursor, words))?;
        cursor.expect(")")?;
        return cursor.skip_lines();
    }
    let ahead = cursor.word_ahead();
    if is_unary(ahead) {
        if !ahead.ends_with(UNDERSTOOD) {
            return cursor.fail();
        }
        cursor.expect(ahead)?;
        cursor.skip_blanks();
        words.push(operand(cursor)?);
    } else {
        words.push(operand(cursor)?);
        cursor.skip_blanks();
        binary(cursor, words)?;
    }
    cursor.skip_lines()
}

/// The operator and the second word, if there is one.
fn binary(cursor: &mut Cursor<'_>, words: &mut Vec<ShellWord>) -> Parsed<()> {
    let ahead = cursor.word_ahead();
    let operator = BINARY.iter().find(|(operator, _)| *operator == ahead);
    if let Some((operator, computes)) = operator {
        cursor.expect(operator)?;
        if *computes {
            words.push(ShellWord {
                parts: vec![WordPart::Wild],
            });
        }
    } else if !cursor.is_at("<(") && !cursor.is_at(">(") && (cursor.eat('<') || cursor.eat('>')) {
    } else {
        return Ok(());
    }
    cursor.skip_blanks();
    words.push(operand(cursor)?);
    Ok(())
}

/// Whether a word has the form of an operator of one word.
fn is_unary(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && word.ends_with(|c: char| c.is_ascii_alphabetic())
}

fn operand(cursor: &mut Cursor<'_>) -> Parsed<ShellWord> {
    let ahead = cursor.word_ahead();
    let is_operator = is_unary(ahead) || BINARY.iter().any(|(operator, _)| *operator == ahead);
    if is_operator || ahead.is_empty() || matches!(ahead, "]]" | "!" | "{" | "}") {
        return cursor.fail();
    }
    word(cursor)
}
