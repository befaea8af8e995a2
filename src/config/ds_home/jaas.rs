//! Java's login configuration: sections, each with the modules by which it logs in.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The first module of a section.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) class: String,
    pub(super) options: BTreeMap<String, String>,
    /// Where it stands, counted from one.
    pub(super) line: usize,
}

impl Module {
    /// Its class without the package.
    pub(super) fn class_name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }
}

/// The section with this name; `None` if there is none.
///
/// # Errors
/// The line that is not understood.
pub(super) fn section(text: &str, name: &str) -> Result<Option<Module>, usize> {
    let mut words = Words {
        text,
        rest: text.chars().peekable(),
        line: 1,
    };
    let mut found = None;
    while let Some((section, _)) = words.next()? {
        words.expect("{")?;
        let mut first = None;
        loop {
            let (class, line) = words.any()?;
            if class == "}" {
                break;
            }
            let module = words.module(class, line)?;
            first.get_or_insert(module);
        }
        words.expect(";")?;
        if section == name && found.is_none() {
            found = first;
        }
    }
    Ok(found)
}

/// The words of the file, with comments left out.
struct Words<'a> {
    text: &'a str,
    rest: Peekable<Chars<'a>>,
    /// That of the next character, counted from one.
    line: usize,
}

impl Words<'_> {
    /// `Class flag name=value name="value";`, behind the class.
    fn module(&mut self, class: String, line: usize) -> Result<Module, usize> {
        let mut module = Module {
            class,
            line,
            ..Module::default()
        };
        self.any()?;
        loop {
            let (name, _) = self.any()?;
            if name == ";" {
                return Ok(module);
            }
            self.expect("=")?;
            let (value, _) = self.any()?;
            module.options.insert(name, value);
        }
    }

    fn expect(&mut self, wanted: &str) -> Result<(), usize> {
        let (word, line) = self.any()?;
        (word == wanted).then_some(()).ok_or(line)
    }

    fn any(&mut self) -> Result<(String, usize), usize> {
        self.next()?.ok_or_else(|| self.text.lines().count().max(1))
    }

    /// The next word and its line; `None` at the end.
    fn next(&mut self) -> Result<Option<(String, usize)>, usize> {
        loop {
            let line = self.line;
            let Some(c) = self.character() else {
                return Ok(None);
            };
            let next = self.rest.peek().copied();
            match (c, next) {
                ('#', _) | ('/', Some('/')) => self.skip_line(),
                ('/', Some('*')) => self.skip_comment().ok_or(line)?,
                ('"', _) => return Ok(Some((self.quoted().ok_or(line)?, line))),
                ('{' | '}' | '=' | ';', _) => return Ok(Some((c.to_string(), line))),
                _ if c.is_whitespace() => {}
                _ => return Ok(Some((self.word(c), line))),
            }
        }
    }

    fn character(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn skip_line(&mut self) {
        while self.character().is_some_and(|c| c != '\n') {}
    }

    fn skip_comment(&mut self) -> Option<()> {
        self.character();
        let mut before = ' ';
        loop {
            let c = self.character()?;
            if before == '*' && c == '/' {
                return Some(());
            }
            before = c;
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        loop {
            match self.character()? {
                '"' => return Some(value),
                '\n' => return None,
                '\\' => value.push(match self.character()? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                }),
                other => value.push(other),
            }
        }
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        let is_in_word = |c: &char| !c.is_whitespace() && !matches!(c, '{' | '}' | '=' | ';' | '"');
        while let Some(c) = self.rest.next_if(is_in_word) {
            word.push(c);
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "// of the brokers\nKafkaClient {\n  a.Other required x=\"y\";\n};\n/* of\n ZooKeeper */\nClient {\n  \
                        org.apache.zookeeper.server.auth.DigestLoginModule required\n  username=\"ds\"\n  password=\"p\\\"; } w\"\n  \
                        debug = true ;\n  b.Second optional;\n};\n";

    #[test]
    fn the_first_module_of_a_section() {
        let module = section(TEXT, "Client").unwrap().unwrap();
        assert!(module.class.ends_with("DigestLoginModule"));
        assert_eq!(module.line, 8);
        let option = |name: &str| module.options.get(name).map(String::as_str);
        assert_eq!(option("username"), Some("ds"));
        assert_eq!(option("password"), Some("p\"; } w"));
        assert_eq!(option("debug"), Some("true"));
        assert!(section(TEXT, "Server").unwrap().is_none());
        assert!(section("", "Client").unwrap().is_none());
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, line) in [
            ("Client {\n a.B required x;\n};", 2),
            ("Client {\n a.B required x=\"y;\n};", 2),
            ("Client {\n a.B required;\n}", 3),
            ("Client\n{ /* open", 2),
            ("a.B required;", 1),
            // Behind a comment of more lines, and a quoted end of a line.
            (
                "# a\n/* b\n */\nClient {\n a.B required x=\"y\\\nz\" y;\n};",
                6,
            ),
        ] {
            assert_eq!(section(text, "Client").err(), Some(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>(), close in "[ab{};=\"/*# \n]{0,60}") {
            let _ = section(&text, "a");
            let _ = section(&close, "a");
        }
    }
}
