//! The lines of a shell file: where one goes on in the next, what is a comment, what is text.

use std::iter::Peekable;

use super::shell_words::is_in_name;

/// A quote that is open for more lines than this has been left open by mistake.
const LONGEST_QUOTE: usize = 200;

/// A line, with those that it goes on in: behind a backslash, or with a quote open.
pub(super) fn logical_line<'a>(
    lines: &mut Peekable<impl Iterator<Item = (usize, &'a str)>>,
) -> Option<(usize, String)> {
    let (index, line) = lines.next()?;
    let mut line = line.to_owned();
    for _ in 0..LONGEST_QUOTE {
        let goes_on = line_goes_on(&line);
        let Some((_, more)) = goes_on.and_then(|_| lines.next()) else {
            break;
        };
        if goes_on == Some(GoesOn::Backslash) {
            line.pop();
        } else {
            line.push('\n');
        }
        line.push_str(more);
    }
    Some((index, line))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GoesOn {
    Backslash,
    Quote,
}

/// The commands of a line, as far as `source` and `eval` may be one.
pub(super) fn commands(line: &str) -> impl Iterator<Item = &str> {
    line.split([';', '&', '|', '(', '{', '\n']).map(|command| {
        let mut command = command.trim_start();
        while let Some(next) = ["if", "then", "else", "do", "!"]
            .iter()
            .find_map(|word| command.strip_prefix(word)?.strip_prefix([' ', '\t']))
        {
            command = next.trim_start();
        }
        command
    })
}

/// Where a line is, as far as quotes and backslashes go.
#[derive(Default)]
struct Quoting {
    quote: Option<char>,
    escaped: bool,
}

impl Quoting {
    /// Goes on by a character; whether that means what it is, outside quotes.
    fn step(&mut self, c: char) -> bool {
        match (self.quote, c) {
            _ if self.escaped => self.escaped = false,
            (None | Some('"'), '\\') => self.escaped = true,
            (None, '\'' | '"') => self.quote = Some(c),
            (Some(open), _) if open == c => self.quote = None,
            (None, _) => return true,
            (Some(_), _) => {}
        }
        false
    }
}

/// A comment begins with a # in front of which a word has ended, outside quotes.
pub(super) fn without_comment(line: &str) -> &str {
    let mut quoting = Quoting::default();
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if quoting.step(c) && c == '#' && (before.is_whitespace() || before == ';') {
            return &line[..at];
        }
        before = c;
    }
    line
}

fn line_goes_on(line: &str) -> Option<GoesOn> {
    let mut quoting = Quoting::default();
    for c in without_comment(line).chars() {
        quoting.step(c);
    }
    match (quoting.escaped, quoting.quote) {
        (true, _) => Some(GoesOn::Backslash),
        (false, Some(_)) => Some(GoesOn::Quote),
        (false, None) => None,
    }
}

/// Skips the text that a line takes as input, `<<EOF` up to `EOF`.
pub(super) fn skip_document<'a>(
    line: &str,
    lines: &mut Peekable<impl Iterator<Item = (usize, &'a str)> + Clone>,
) {
    let Some((_, after)) = line.split_once("<<") else {
        return;
    };
    let end: String = after
        .trim_start_matches(['-', ' ', '"', '\'', '\\'])
        .chars()
        .take_while(|c| is_in_name(*c))
        .collect();
    let is_end = |(_, line): &(usize, &str)| line.trim() == end;
    // Without an end it was something else, as `<<` in quotes.
    if !end.is_empty() && lines.clone().any(|line| is_end(&line)) {
        for line in lines.by_ref() {
            if is_end(&line) {
                break;
            }
        }
    }
}
