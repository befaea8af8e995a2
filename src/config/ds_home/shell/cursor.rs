//! A place in the text of a shell file.

use super::variable_names::is_in_name;

/// Commands and words in one another more deeply than this are not followed.
const DEEPEST: usize = 60;

/// The file has something that is not understood, or that bash refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotUnderstood {
    /// Counted from one.
    pub(super) line: usize,
}

/// A result of parsing.
pub(super) type Parsed<T> = Result<T, NotUnderstood>;

/// A text that a command takes as input, as far as it is known before it begins.
#[derive(Debug)]
pub(super) struct HereText {
    pub(super) end: String,
    /// With `<<-`.
    pub(super) without_tabs: bool,
    /// The end is quoted, so that the text is taken as it is.
    pub(super) is_verbatim: bool,
}

/// A place in the text of a shell file.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    line: usize,
    depth: usize,
    /// Texts that begin in the next line.
    pub(super) texts: Vec<HereText>,
    /// Parses the commands of a command substitution, up to the parenthesis behind them.
    pub(super) substitution: fn(&mut Cursor<'_>) -> Parsed<()>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(
        text: &'a str,
        substitution: fn(&mut Cursor<'_>) -> Parsed<()>,
    ) -> Parsed<Self> {
        let cursor = Self {
            rest: text,
            line: 1,
            depth: 0,
            texts: Vec::new(),
            substitution,
        };
        // Bash leaves them out, some releases with a warning.
        match text.split_once('\0') {
            Some((before, _)) => Err(NotUnderstood {
                line: 1 + before.matches('\n').count(),
            }),
            None => Ok(cursor),
        }
    }

    /// Counted from one.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn fail<T>(&self) -> Parsed<T> {
        Err(NotUnderstood { line: self.line })
    }

    /// Parses something that may have the like of itself in it.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return self.fail();
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// The next character, as it stands there.
    pub(super) fn peek_raw(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes the next character, as it stands there.
    pub(super) fn take_raw(&mut self) -> Option<char> {
        let next = self.peek_raw()?;
        self.rest = &self.rest[next.len_utf8()..];
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// The next character; a line that ends in a backslash goes on in the next one.
    pub(super) fn peek(&mut self) -> Option<char> {
        while let Some(rest) = self.rest.strip_prefix("\\\n") {
            self.rest = rest;
            self.line += 1;
        }
        self.peek_raw()
    }

    /// Takes the next character if it is this one.
    pub(super) fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.take_raw();
        }
        is_next
    }

    /// Whether a text is next that has no line end in it.
    pub(super) fn is_at(&mut self, text: &str) -> bool {
        self.peek();
        self.rest.starts_with(text)
    }

    /// Takes a text that has no line end in it.
    pub(super) fn eat_text(&mut self, text: &str) -> bool {
        let is_next = self.is_at(text);
        if is_next {
            self.rest = &self.rest[text.len()..];
        }
        is_next
    }

    /// Takes this or fails.
    pub(super) fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.eat_text(text) {
            Ok(())
        } else {
            self.fail()
        }
    }

    /// Takes characters as long as they are such.
    pub(super) fn take_while(&mut self, is_such: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(next) = self.peek().filter(|next| is_such(*next)) {
            taken.push(next);
            self.take_raw();
        }
        taken
    }

    /// Takes the name of a variable; empty if there is none.
    pub(super) fn take_name(&mut self) -> String {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => String::new(),
            _ => self.take_while(is_in_name),
        }
    }

    /// Goes on to where a word may begin, in this line.
    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.take_raw();
        }
        if self.peek() == Some('#') {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    /// Goes on to where a word may begin, over empty lines and what is text in them.
    pub(super) fn skip_lines(&mut self) -> Parsed<()> {
        self.skip_blanks();
        while self.eat('\n') {
            self.skip_texts()?;
            self.skip_blanks();
        }
        Ok(())
    }

    /// The word that begins here, as it stands there.
    pub(super) fn word_ahead(&mut self) -> &'a str {
        self.peek();
        let ends = [' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')'];
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    /// What stands behind the word that begins here, as it stands there.
    pub(super) fn behind_word(&mut self) -> &'a str {
        let word = self.word_ahead();
        &self.rest[word.len()..]
    }

    /// Takes a word of the shell's own if it is next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.word_ahead() == word && self.eat_text(word)
    }

    fn skip_texts(&mut self) -> Parsed<()> {
        for text in std::mem::take(&mut self.texts) {
            while !self.skip_text_line(&text)? {}
        }
        Ok(())
    }

    /// Takes a line of such a text, and whether it is the one that ends it.
    fn skip_text_line(&mut self, text: &HereText) -> Parsed<bool> {
        let (line, after) = match self.rest.split_once('\n') {
            Some(parts) => parts,
            None if self.rest.is_empty() => return self.fail(),
            None => (self.rest, ""),
        };
        let compared = if text.without_tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        let is_end = compared == text.end;
        if !is_end && !text.is_verbatim && !is_plain(line) {
            return self.fail();
        }
        self.rest = after;
        self.line += 1;
        Ok(is_end)
    }
}

/// Whether nothing but variables is filled in in a line of text, and it ends where it seems to.
fn is_plain(line: &str) -> bool {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('$') {
        rest = after;
        let Some(inside) = after.strip_prefix('{') else {
            if after.starts_with(['(', '[']) {
                return false;
            }
            continue;
        };
        let end = inside.find(|c| !is_in_name(c));
        if !end.is_some_and(|end| end > 0 && inside[end..].starts_with('}')) {
            return false;
        }
    }
    !line.contains('`') && !line.ends_with('\\')
}
