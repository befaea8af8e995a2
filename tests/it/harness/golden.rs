//! Outputs that are kept in files: what a person reads must not change unnoticed.

use std::path::PathBuf;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::dsctl::Output;

/// Compares a run with `tests/golden/<name>.txt`. With `UPDATE_GOLDEN=1` the file is written
/// instead.
#[track_caller]
pub fn golden(name: &str, output: &Output) {
    golden_all(name, std::slice::from_ref(output));
}

/// As [`golden`], for several runs that belong together.
#[track_caller]
pub fn golden_all(name: &str, outputs: &[Output]) {
    let file: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "golden",
        &format!("{name}.txt"),
    ]
    .iter()
    .collect();
    let texts: Vec<String> = outputs
        .iter()
        .map(|output| redact(&format!("{output:?}\n")))
        .collect();
    let text = texts.join("\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == text,
        "{} differs; UPDATE_GOLDEN=1 rewrites it\n{}",
        file.display(),
        difference(&expected, &text)
    );
}

/// What differs from run to run, and what stands in its place. The order matters.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        // Curator's lock nodes.
        (
            r"_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}",
            "<lock node>",
        ),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
        (r"\b0x[0-9a-f]{9,16}\b", "<session>"),
        // Clients of the JDBC registry, and the moment in an instance's name.
        (r"[\w.-]+_\d+_dsctl\b", "<client>"),
        (r"-\d{17}\b", "-<moment>"),
        (
            r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?",
            "<time>",
        ),
        (
            r#"("(?:elapsed_ms|waited_ms|held_ms|age_seconds)": ?)\d+(\.\d+)?"#,
            "$1<number>",
        ),
        (r"\b127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:<port>"),
        (r"/\S*/dsctl-env-\w+", "<folder>"),
        (r"\bdsctl_?\d+\b", "<namespace>"),
        (r#""(\d{17,20})""#, "\"<session>\""),
        // With what fills the column.
        (r"\b\d+[dhms]( \d+[hms])? ago +", "<age>  "),
        (r"\b\d+[dhms]( \d+[hms])? ago\b", "<age>"),
        (r"\b\d+(\.\d+)? ?(ms|µs)\b", "<duration>"),
        (
            r"\b(after|in|for|waited|age) \d+(\.\d+)? ?s\b",
            "$1 <duration>",
        ),
    ];
    rules
        .map(|(pattern, text)| (Regex::new(pattern).unwrap(), text))
        .into()
});

/// Takes out times, ports, session ids, durations, temporary folders and node names.
pub fn redact(text: &str) -> String {
    RULES
        .iter()
        .fold(text.to_owned(), |text, (rule, replacement)| {
            rule.replace_all(&text, *replacement).into_owned()
        })
}

fn difference(expected: &str, found: &str) -> String {
    let common = expected
        .lines()
        .zip(found.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let rest = |text: &str, sign| {
        let lines: Vec<String> = text
            .lines()
            .skip(common)
            .map(|line| format!("{sign} {line}\n"))
            .collect();
        lines.concat()
    };
    format!(
        "from line {}:\n{}{}",
        common + 1,
        rest(expected, '-'),
        rest(found, '+')
    )
}

#[test]
fn what_differs_from_run_to_run_is_taken_out() {
    let text = "held by _c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000012 (session 0x100000a2b3c0001) since \
                2026-11-22T07:51:00.123Z at 127.0.0.1:2181, after 2.5s, {\"elapsed_ms\": 17}, root /dsctl12, 3 instances";
    assert_eq!(
        redact(text),
        "held by <lock node> (session <session>) since <time> at 127.0.0.1:<port>, after <duration>, \
         {\"elapsed_ms\": <number>}, root /<namespace>, 3 instances"
    );
}

#[test]
fn a_difference_is_shown_from_its_first_line_on() {
    assert_eq!(
        difference("a\nb\nc\n", "a\nx\nc\n"),
        "from line 2:\n- b\n- c\n+ x\n+ c\n"
    );
    assert_eq!(difference("", "a\n"), "from line 1:\n+ a\n");
}
