#![doc = include_str!("facts.md")]

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    const PAGE: &str = include_str!("facts.md");

    /// The character between the letter and the number of a citation.
    const SIGN: char = '§';

    /// The section numbers that a text cites, with their letter. The sign without a number is not a
    /// citation.
    fn citations(text: &str) -> BTreeSet<String> {
        let behind = |(place, _): (usize, &str)| {
            let letter = text[..place]
                .chars()
                .next_back()
                .filter(|letter| matches!(letter, 'F' | 'R'))?;
            let rest = &text[place + SIGN.len_utf8()..];
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number = rest[..end].trim_end_matches('.');
            (!number.is_empty()).then(|| format!("{letter}{SIGN}{number}"))
        };
        text.match_indices(SIGN).filter_map(behind).collect()
    }

    /// The numbers of the page's sections, in order.
    fn sections(page: &str) -> Vec<String> {
        let headings = page.lines().filter(|line| line.starts_with('#'));
        headings
            .filter_map(|line| line.split_whitespace().nth(1))
            .map(str::to_owned)
            .collect()
    }

    /// Adds `path: citation` for every citation below a folder without a section.
    fn look(path: &Path, sections: &[String], unanswered: &mut Vec<String>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                look(&entry.unwrap().path(), sections, unanswered);
            }
            return;
        }
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let without = citations(&text)
            .into_iter()
            .filter(|number| !sections.contains(number));
        unanswered.extend(without.map(|number| format!("{}: {number}", path.display())));
    }

    #[test]
    fn every_citation_leads_to_a_section() {
        let (root, sections) = (Path::new(env!("CARGO_MANIFEST_DIR")), sections(PAGE));
        let mut unanswered = Vec::new();
        for folder in ["src", "tests", "benches"] {
            look(&root.join(folder), &sections, &mut unanswered);
        }
        assert!(unanswered.is_empty(), "{unanswered:#?}");
        // Otherwise nothing was checked.
        let own = citations(&fs::read_to_string(root.join("src/family/payload.rs")).unwrap());
        assert!(
            own.iter().any(|number| sections.contains(number)),
            "{own:?}"
        );
    }

    #[test]
    fn every_section_has_a_number_of_its_own() {
        let sections = sections(PAGE);
        for section in &sections {
            assert_eq!(
                citations(section),
                BTreeSet::from([section.clone()]),
                "{section} is no number"
            );
        }
        let different: BTreeSet<&String> = sections.iter().collect();
        assert_eq!(different.len(), sections.len(), "{sections:?}");
    }

    #[test]
    fn citations_end_with_their_number() {
        let text = format!("(F{SIGN}9.99), F{SIGN}9.9. and R{SIGN}12: F{SIGN}n, {SIGN}3, X{SIGN}4");
        let expected = ["F9.9", "F9.99", "R12"]
            .map(|number| format!("{}{SIGN}{}", &number[..1], &number[1..]));
        assert_eq!(citations(&text), BTreeSet::from(expected));
    }
}
