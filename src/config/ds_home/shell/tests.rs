//! Values of variables, compared with what bash makes of the same lines.

use std::path::Path;

use proptest::prelude::*;

use super::super::assignment::{ANY, Assignment, Variables};
use super::ShellReader;
use crate::config::Origin;

fn shell(text: &str, set: &[(&str, &str)]) -> ShellReader {
    let variables: Variables = set
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
    let mut shell = ShellReader::new(variables);
    shell.source(Path::new("/f"), text, &|path| match path.to_str()? {
        "/other" => Some(Some("export A=other".to_owned())),
        "/none" => Some(None),
        "/circle" => Some(Some(". /circle\n".repeat(20))),
        _ => None,
    });
    shell
}

fn after(text: &str, set: &[(&str, &str)]) -> Variables {
    shell(text, set).variables().clone()
}

/// The value of `A`: outer `None` is not set, inner `None` not known.
#[allow(clippy::option_option)]
fn a(text: &str, set: &[(&str, &str)]) -> Option<Option<String>> {
    after(text, set).get("A").map(|entry| entry.text.clone())
}

#[allow(clippy::option_option, clippy::unnecessary_wraps)]
fn known(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
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
        ("A=\"x\n y\"", "x\n y"),
        ("A=1\nA+=,2", "1,2"),
        ("A=1\n. /other", "other"),
        ("source /other\nA=2", "2"),
        ("A=1\n. /none\n. /etc/profile", "1"),
        ("A=1\ncat <<EOF\nA=2\nEOF", "1"),
        ("A=1\nreturn 0\nA=2", "1"),
        ("if x; then B=1; fi\nA=1", "1"),
        ("A=1\n# don't\nB=2", "1"),
        ("A=1 # the source of B, and eval", "1"),
        ("A=1\nfind . -name x\necho source x", "1"),
        ("A=x#y", "x#y"),
        ("A=${A:=x}", "x"),
    ] {
        assert_eq!(a(line, &set), known(value), "{line}");
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
        "f(){\n  A=1\n}",
        "f ()\n{\n  A=1\n}",
        "A=\"never closed\nB=2",
        ": ${A:=x}",
        ": \"${A:=x}\"",
        "export \"A=x\"",
        "declare -x A=1",
        "A=1\n. ./relative",
        "A=1\n. \"$(dirname $0)/x.sh\"",
        "A=1\n[ -f /unreadable ] && . /unreadable",
        "A=1\n. /circle",
        "A=1\nif x; then . ./y; fi",
        "A=1\neval $B",
        ". /unreadable\nA=$B",
        "read A",
        "A=1 java",
        "if x; then\n  . /other\nfi",
    ] {
        assert_eq!(a(line, &[]), Some(None), "{line}");
    }
    assert_eq!(a("if x; then\n B=1\nfi\nA=1", &[]), known("1"));
}

#[test]
fn what_is_no_assignment_sets_nothing() {
    for line in ["# A=1", "export A", "AA=1", "unset B"] {
        assert_eq!(a(line, &[]), None, "{line}");
    }
    assert_eq!(a("export A", &[("A", "1")]), known("1"));
}

#[test]
fn what_is_unset_is_not_set() {
    assert_eq!(a("A=1\nunset A", &[("A", "0")]), None);
    assert!(after(". /unreadable", &[]).contains_key(ANY));
}

#[test]
fn a_program_gets_what_is_exported() {
    for (text, is) in [
        ("A=1", false),
        ("export A=1", true),
        ("A=1\nexport B A", true),
        ("export B=2; A=1", false),
        ("export B=2 A=1", true),
        ("set -a\nA=1\nset +a", true),
        ("set -a\nset +a\nA=1", false),
        ("declare -x A=1", true),
    ] {
        assert_eq!(
            shell(text, &[]).environment().contains_key("A"),
            is,
            "{text}"
        );
    }
    let inherited = shell("A=2", &[("A", "1")]).environment();
    assert_eq!(inherited["A"].text.as_deref(), Some("2"));
    let all = ShellReader::new(Variables::new()).export_all();
    let mut all = all;
    all.source(Path::new("/f"), "A=1", &|_| None);
    assert!(all.environment().contains_key("A"));
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
    fn no_depth_is_too_deep(
        opens in proptest::sample::select(vec!["{ ", "( ", "$(", "\"${A:-", "if x; then ", "f() { ", "[[ ( "]),
        closes in proptest::sample::select(vec!["", " A=1", "}", ")", "\""]),
    ) {
        let _ = after(&(opens.repeat(20_000) + &closes.repeat(20_000)), &[]);
    }

    #[test]
    fn no_line_is_too_strange(text in "[AB=${}:'\"\\\\ ;`()#-]{0,40}") {
        let _ = after(&text, &[]);
    }
}
