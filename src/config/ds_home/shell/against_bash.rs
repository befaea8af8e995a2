//! What is told as known is compared with what the real `bash` has.

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::assignment::{ANY, Assignment, Variables};
use super::ShellReader;
use crate::config::Origin;

const NAMES: [&str; 3] = ["A", "B", "C"];
/// `C` is in the environment already.
const INHERITED: (&str, &str) = ("C", "c");

/// Sources each file of the folder `$0` in a shell of its own, and writes of each variable the value,
/// whether it is set, and its attributes. There are no programs; what loops is ended.
const SOURCE_ALL: &str = r#"
for file in "$0"/*; do
  builtin printf '\1'
  (
    ulimit -t 2
    . "$file" >/dev/null 2>&1 </dev/null
    builtin printf '%s\2%s\2%s\3' "$A" "${A+set}" "${A@a}" "$B" "${B+set}" "${B@a}" "$C" "${C+set}" "${C@a}"
  )
done 2>/dev/null"#;

/// What bash has of a variable.
#[derive(Debug, PartialEq, Eq)]
struct InBash {
    /// `None` if it is not set.
    text: Option<String>,
    is_exported: bool,
}

/// What bash has of each name after each file; `None` for a file that ends the shell.
fn in_bash(files: &[String]) -> Vec<Option<Vec<InBash>>> {
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in files.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index:06}")), text).unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let output = Command::new("/bin/bash")
        .args(["--norc", "-c", SOURCE_ALL])
        .arg(folder.path())
        .current_dir(elsewhere.path())
        .env_clear()
        .envs([INHERITED, ("PATH", "/nonexistent"), ("FUNCNEST", "8")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let of_variable = |told: &str| {
        let mut parts = told.split('\u{2}');
        let text = parts.next()?.to_owned();
        let is_set = parts.next()? == "set";
        let attributes = parts.next()?;
        Some(InBash {
            text: Some(text).filter(|_| is_set),
            // Arrays are marked, and no program gets them.
            is_exported: attributes.contains('x') && !attributes.contains(['a', 'A']),
        })
    };
    let of_file = |told: &str| {
        let variables: Vec<InBash> = told.split('\u{3}').filter_map(of_variable).collect();
        (variables.len() == NAMES.len()).then_some(variables)
    };
    let all: Vec<_> = told.split('\u{1}').skip(1).map(of_file).collect();
    assert_eq!(all.len(), files.len());
    all
}

fn read(text: &str) -> ShellReader {
    let entry = |name: &str, text: &str| {
        let entry = Assignment {
            name: name.to_owned(),
            text: Some(text.to_owned()),
            origin: Origin::Environment(name.to_owned()),
        };
        (name.to_owned(), entry)
    };
    let environment = [
        entry(INHERITED.0, INHERITED.1),
        entry("PATH", "/nonexistent"),
    ];
    let mut shell = ShellReader::new(environment.into_iter().collect());
    shell.source(Path::new("/f"), text, &|_| Some(None));
    shell
}

/// What is known of a variable: outer `None` if nothing is, inner `None` if it is not set.
#[allow(clippy::option_option)]
fn known(variables: &Variables, name: &str) -> Option<Option<String>> {
    match variables.get(name).or_else(|| variables.get(ANY)) {
        Some(entry) => entry.text.clone().map(Some),
        None => Some(None),
    }
}

/// How many values were known, or what was known wrongly.
fn compared(text: &str, bash: &[InBash]) -> Result<usize, String> {
    let shell = read(text);
    let mut count = 0;
    for (name, in_bash) in NAMES.iter().zip(bash) {
        let in_environment = in_bash.text.clone().filter(|_| in_bash.is_exported);
        for (told, real) in [
            (known(shell.variables(), name), &in_bash.text),
            (known(&shell.environment(), name), &in_environment),
        ] {
            match told {
                None => {}
                Some(told) if told == *real => count += 1,
                Some(told) => {
                    return Err(format!("{name} is {told:?}, in bash {in_bash:?}:\n{text}"));
                }
            }
        }
    }
    Ok(count)
}

/// The smallest file like this one that is read wrongly, and how.
fn smallest(mut tree: impl ValueTree<Value = String>, mut wrong: String) -> String {
    let told = |text: String| {
        let bash = in_bash(std::slice::from_ref(&text)).remove(0)?;
        compared(&text, &bash).err()
    };
    let mut is_smaller = tree.simplify();
    for _ in 0..1000 {
        if !is_smaller {
            break;
        }
        is_smaller = match told(tree.current()) {
            Some(still) => {
                wrong = still;
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    wrong
}

/// Compares many files, and gives how many of their values were known.
fn compare(files: &impl Strategy<Value = String>, count: usize) -> usize {
    let mut runner = TestRunner::default();
    let trees: Vec<_> = (0..count)
        .map(|_| files.new_tree(&mut runner).unwrap())
        .collect();
    let texts: Vec<String> = trees.iter().map(ValueTree::current).collect();
    let mut known = 0;
    for ((tree, text), bash) in trees.into_iter().zip(&texts).zip(in_bash(&texts)) {
        match bash.map_or(Ok(0), |bash| compared(text, &bash)) {
            Ok(values) => known += values,
            Err(wrong) => panic!("{}", smallest(tree, wrong)),
        }
    }
    known
}

/// Lines behind `export A=old`, what bash exports of `A` then, and whether that is known.
const LINES: &[(&str, Option<&str>, bool)] = &[
    ("export A=new", Some("new"), true),
    ("export H=new A=other", Some("other"), true),
    ("A=new; export A", Some("new"), true),
    ("export A", Some("old"), true),
    ("declare -x A=new", Some("new"), false),
    ("typeset A=new", Some("new"), false),
    ("readonly A=new", Some("new"), false),
    ("unset A", None, true),
    ("export -n A", None, false),
    ("export A+=\"\"", Some("old"), true),
    (": ${A:=new}", Some("old"), true),
    ("A=  ", Some(""), true),
    ("export A=\"\" ", Some(""), true),
    ("env A=new true", Some("old"), true),
    ("A=new true", Some("old"), false),
    ("A=new :", Some("old"), false),
    ("A=new export A", Some("new"), false),
    ("printf -v A %s new", Some("new"), false),
    ("read A <<< new", Some("new"), false),
    ("eval A=new", Some("new"), false),
    ("A=new # comment", Some("new"), true),
    ("A=new#x", Some("new#x"), true),
    ("echo A=new >/dev/null", Some("old"), true),
    ("true; A=new", Some("new"), true),
    ("true && A=new", Some("new"), false),
    ("false && A=new", Some("old"), false),
    ("false || A=new", Some("new"), false),
    ("true || A=new", Some("old"), false),
    ("( A=new )", Some("old"), true),
    ("{ A=new; }", Some("new"), true),
    ("[ -n \"$H\" ] && A=new", Some("old"), false),
    ("[[ -z $K ]] || export A=new", Some("old"), false),
    ("test x = y; A=new", Some("new"), true),
    ("A=new && true", Some("new"), true),
    ("A=new | cat", Some("old"), true),
    ("A=new || true", Some("new"), true),
    ("cd / ; A=new", Some("new"), true),
    ("A=$(echo new)", Some("new"), false),
    ("A=`echo new`", Some("new"), false),
    ("A=new\\\n", Some("new"), true),
    ("export A=new;export K=1", Some("new"), true),
    ("set -a\nA=new\nset +a", Some("new"), true),
    ("set -a; A=new; set +a", Some("new"), true),
    (
        "set -o allexport\nA=new\nset +o allexport",
        Some("new"),
        true,
    ),
    ("if [ -n \"$H\" ]; then A=new; fi", Some("old"), false),
    (
        "if true; then\n  export A=new\nelse\n  export A=other\nfi",
        Some("new"),
        false,
    ),
    (
        "case x in\n x) A=new;;\n y) A=other;;\nesac",
        Some("new"),
        false,
    ),
    ("for i in 1 2; do\n A=new\ndone", Some("new"), false),
    ("while false; do\n A=new\ndone", Some("old"), false),
    ("fn() {\n A=new\n}", Some("old"), false),
    ("fn() {\n A=new\n}\nfn", Some("new"), false),
    ("function fn { A=new; }", Some("old"), false),
    ("fn() { A=new; }; fn", Some("new"), false),
    ("cat <<EOF >/dev/null\nA=new\nEOF", Some("old"), true),
    ("cat <<'EOF' >/dev/null\nA=new\nEOF", Some("old"), true),
    ("cat <<-EOF >/dev/null\nA=new\n\tEOF", Some("old"), true),
    ("read A <<EOF\nnew\nEOF", Some("new"), false),
    ("echo \"\nA=new\n\" >/dev/null", Some("old"), true),
    ("echo '\nA=new\n' >/dev/null", Some("old"), true),
    ("# \\\nA=new", Some("new"), true),
    (": <<X\nA=new\nX", Some("old"), true),
    ("A=new\r", Some("new\r"), true),
    ("A={a,b}", Some("{a,b}"), true),
    ("A=\"a\\\"b\"", Some("a\"b"), true),
    ("A=a\\ b", Some("a b"), true),
    ("export \"A\"=new", Some("new"), false),
    ("export 'A=new'", Some("new"), false),
    ("\\export A=new", Some("new"), false),
    ("command export A=new", Some("new"), false),
    ("builtin export A=new", Some("new"), false),
    ("export A H K", Some("old"), true),
    ("export -- A=new", Some("new"), false),
    ("time A=new", Some("new"), false),
    ("! A=new", Some("new"), false),
    ("A[0]=new", None, false),
    ("A=( new )", None, false),
    ("mapfile A </dev/null", None, false),
    ("getopts a A", Some("?"), false),
    ("for A in new; do :; done", Some("new"), false),
    ("unset -v A", None, true),
    ("unset A 2>/dev/null", None, true),
    ("true; unset A", None, true),
    ("[ -z \"$K\" ] && unset A", None, false),
    ("if false; then unset A; fi", Some("old"), false),
    ("unset ${x:-A}", None, true),
    ("A=${H%:*}:5/x", Some(":5/x"), false),
    ("A=${H/a/b}", Some(""), false),
    ("A=${#H}", Some("0"), false),
    ("A=$H$K", Some(""), true),
    ("A=$H:$K", Some(":"), true),
    ("A=\"$H\" K=\"$H\"", Some(""), true),
    ("A=new 2>/dev/null", Some("new"), true),
    (">/dev/null A=new", Some("new"), true),
    ("2>/dev/null export A=new", Some("new"), true),
    ("true;A=new", Some("new"), true),
    ("true&A=new", Some("new"), true),
    ("A=new&", Some("old"), false),
    ("A=new;#c", Some("new"), true),
    ("A=\"x # y\"", Some("x # y"), true),
    ("A='x'\\''y'", Some("x'y"), true),
    ("A=$'q'", Some("q"), true),
    ("A=$\"new\"", Some("new"), false),
    ("A=new; return", Some("new"), true),
    ("A=x\\$y", Some("x$y"), true),
    ("A=\"${H}\" ; H=new; A=\"$H\"", Some("new"), true),
    ("if true; then :; fi; A=new", Some("new"), true),
    ("if true\nthen\nA=new\nfi # x", Some("new"), false),
    ("if true; then echo fi; A=new; fi", Some("new"), false),
    ("if true; then # fi\n A=new\nfi", Some("new"), false),
    ("{\nA=new\n}", Some("new"), true),
    ("(\nA=new\n)", Some("old"), true),
    ("case $H in *) ;; esac; A=new", Some("new"), true),
    ("case $H in (*) A=new;; esac", Some("new"), false),
    ("[ x = y ] || { A=new; }", Some("new"), false),
    ("[ x = y ] ||\nA=new", Some("new"), false),
    ("false &&\nA=new", Some("old"), false),
    ("false && \\\nA=new", Some("old"), false),
    ("true |\nA=new", Some("old"), true),
    ("x=(\nA=new\n)", Some("old"), true),
    ("x=$(\nA=new\n)", Some("old"), true),
    ("x=`\nA=new\n`", Some("old"), true),
    (
        "if false; then\n:\nelif true; then\nA=new\nfi",
        Some("new"),
        false,
    ),
    ("until true; do A=new; done", Some("old"), false),
    ("for ((i=0;i<0;i++)); do\nA=new\ndone", Some("old"), false),
    ("f2 ()\n{\nA=new\n}", Some("old"), false),
    ("f3 () (\nA=new\n)", Some("old"), true),
    ("f3()\n(\nA=new\n)", Some("old"), true),
    ("[ x = y ] &&\nA=new", Some("old"), false),
    ("set -a; . /dev/null; A=new", Some("new"), true),
    ("unset A; true", None, true),
    ("true && unset A", None, false),
    ("test -n \"$H\" || unset A", None, false),
    ("export A=new &&\ntrue", Some("new"), true),
    ("if [ x = y ]\nthen\n export A=new\nfi", Some("old"), false),
    ("[ x = y ] \\\n && export A=new", Some("old"), false),
    ("[[ x = y ]] &&\n  export A=new", Some("old"), false),
    ("[ x = y ] && {\nexport A=new\n}", Some("old"), false),
    ("set +a; A=new", Some("new"), true),
    ("export \"A=new\"", Some("new"), false),
    ("(\nexport A=new\n)", Some("old"), true),
    ("export A=\\\nnew", Some("new"), true),
    ("[[ x = y ]] && export \\\n  A=new", Some("old"), false),
    (
        "if [ x = y ]; then\nfi() { :; }\nA=new\nfi",
        Some("old"),
        false,
    ),
    ("export() { unset B; }; ! export A=(\"$B y\")", None, false),
    ("export() { :; }\nexport A=new", Some("old"), false),
    (
        "while false; do export() { :; }; done\nexport A=new",
        Some("new"),
        false,
    ),
    ("for B in 1 2; do set -a; done\nA=new", Some("new"), true),
];

#[test]
fn lines_as_bash_has_them() {
    let files: Vec<String> = LINES
        .iter()
        .map(|(text, ..)| format!("export A=old\n{text}\n"))
        .collect();
    for ((text, bash), (_, exported, is_known)) in files.iter().zip(in_bash(&files)).zip(LINES) {
        let bash = bash.unwrap();
        let real = bash[0].text.as_deref().filter(|_| bash[0].is_exported);
        assert_eq!(real, *exported, "{text}");
        let told = known(&read(text).environment(), "A");
        assert_eq!(told.is_some(), *is_known, "{text}");
        compared(text, &bash).unwrap();
    }
}

/// So many files take about a second.
const FILES: usize = 1000;

#[test]
fn what_is_known_is_what_bash_has() {
    let known = compare(&file(), FILES);
    assert!(known > FILES / 2, "only {known} values were known");
}

#[test]
fn what_bash_refuses_is_not_understood() {
    compare(&nonsense(), FILES);
}

/// A word of an assignment.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "x",
        "",
        "$A",
        "${B}",
        "\"$A y\"",
        "'$A'",
        "${A:-d}",
        "${A-d}",
        "${B:-\"${A:-e}\"}",
        "${C:+z}",
        "${A:=n}",
        "${B=m}",
        "a\\ b",
        "\"a\\\"b\\$A\\z\"",
        "$A$B",
        "x'y'\"z\"",
        "x#y",
        "{a,b}",
        "~/x",
        "x:~/y",
        "a~b",
        "$'q'",
        "$'q\\n'",
        "$\"q\"",
        "$(echo x)",
        "`echo x`",
        "$((1+1))",
        "$((A=7))",
        "${A%x}",
        "${#A}",
        "${A:0:1}",
        "*",
        "h?a=b",
        "jdbc:mysql://h:1/d?x=y",
        "\"line\nline\"",
        "${A:-{a}}",
        "${B:-'}'}",
        "\"${A:-a}b}\"",
        "$",
        "a$",
        "${A:-~}",
        "${A:-a b}",
        "\"${A:-\"$B\"}\"",
        "x\\\ny",
        "${A:?}",
        "(1 2)",
        "$1",
        "$#",
        "${1:-x}",
        "${A/x/y}",
    ];
    select(words.to_vec()).prop_map(str::to_owned)
}

/// Commands; a capital letter stands for a name or a word.
const SIMPLE: &[&str] = &[
    "N=W",
    "N=W",
    "export N=W",
    "export N=W",
    "N+=W",
    "export N+=W",
    "N=W M=V",
    "export N=W M=V",
    "export N",
    "export N M",
    "unset N",
    "unset -v N M",
    "unset -f N",
    "export -n N",
    "declare N=W",
    "declare -x N=W",
    "declare -i N=W",
    "declare -u N=W",
    "declare -n N=M",
    "readonly N=W",
    "typeset -r N",
    "local N=W",
    "N=W true",
    "N=W export M",
    "N=W :",
    ": ${N:=W}",
    "read N <<< W",
    "read -r N M </dev/null",
    "printf -v N %s W",
    "printf -vN x",
    "printf %s W",
    "mapfile N </dev/null",
    "getopts a N",
    "let N=1",
    "((N=1))",
    "eval N=W",
    "eval \"$N\"",
    "set -a",
    "set +a",
    "set -o allexport",
    "set +o allexport",
    "set -a; N=W; set +a",
    "set -ea",
    "set -- W",
    "set W",
    "return",
    "return 0",
    "return 1 2",
    "true",
    "false",
    "f",
    "g",
    "$N",
    "\"$N\"",
    "$N M=W",
    "\"export\" N=W",
    "\\export N=W",
    "command export N=W",
    "builtin unset N",
    "export \"N\"=W",
    "export 'N=W'",
    "N[0]=W",
    "N[1]=W",
    "N=(W V)",
    "N+=(W)",
    "export N=(W)",
    "cat <<E\nN=W\nE",
    "cat <<'E'\nN=$(\nE",
    "cat <<-E\n\tN=W\n\tE\nM=V",
    "N=W >/dev/null",
    "N=W >/nonexistent/x",
    "export N=W >/nonexistent/x",
    "unset N 2>/dev/null",
    "N=W 2>&1",
    "exec {N}>&1",
    "exec 3>&1",
    "N=W # x",
    "#N=W",
    "N=W#x",
    "test -n W",
    "[ -n \"$N\" ]",
    "[[ -n $N ]]",
    "[[ N=3 -eq 3 ]]",
    "[[ $N == x* && -z $M ]]",
    "echo N=W",
    "echo fi",
    "echo }",
    "fi=1",
    "done=W",
    "alias N=W",
    "trap 'N=W' EXIT",
    "trap 'N=W' DEBUG",
    "shopt -s nullglob",
    "shopt -s lastpipe",
    "unset ${x:-N}",
    "unset $N",
    "true&N=W",
    "N=W&",
    "N=W;M=V",
    "time N=W",
    "! N=W",
    "N=W\r",
    "\\\nN=W",
    "N\\\n=W",
    "IFS=x",
    "exec",
    "exec --",
    "wait",
    "N =W",
    "N= W",
    "export N =W",
    "UID=W",
    "shift",
    "break",
    "N=W; return; N=V",
    "source /none",
    ". $N",
    "hash -r",
    "N=W N=V",
    "env N=W",
    "if=W",
    "N=`\necho W\n`",
    "N=$(\nM=V\n)",
    "x=$(cat <<E\n)\nE\n)\nN=W",
];

fn simple() -> impl Strategy<Value = String> {
    let names = || select(NAMES.to_vec());
    (select(SIMPLE.to_vec()), names(), names(), word(), word()).prop_map(|(form, n, m, w, v)| {
        let fill = |c: char| match c {
            'N' => n.to_owned(),
            'M' => m.to_owned(),
            'W' => w.clone(),
            'V' => v.clone(),
            c => c.to_string(),
        };
        form.chars().map(fill).collect()
    })
}

/// What commands, here X and Y, may be part of.
const COMPOUND: &[&str] = &[
    "X\nY",
    "X; Y",
    "X && Y",
    "X || Y",
    "X &&\nY",
    "X ||\n Y",
    "X | Y",
    "X |\nY",
    "X & Y",
    "{ X; }",
    "{\nX\n}",
    "{ X; } >/dev/null",
    "{ X; } >/nonexistent/x",
    "( X )",
    "(\nX\n)",
    "if X; then Y; fi",
    "if true\nthen\nX\nelse\nY\nfi",
    "if false; then X; elif X; then\n Y; fi",
    "[ x = y ] && {\nX\n}",
    "[ x = y ] || {\nX\n}",
    "for A in 1 2; do X; done",
    "for B; do\nX\ndone",
    "for ((i=0;i<1;i++)); do X; done",
    "while false; do X; done",
    "until true; do X; done",
    "while X; do break; done",
    "case x in x) X;; y) Y;; esac",
    "case $A in\n(*) X\n;;\nesac",
    "case x in x) X;& y) Y;; esac",
    "f() { X; }",
    "f() { X; }; f",
    "f ()\n{\nX\n}\nY",
    "f() (\nX\n)\nf",
    "function g { X; }\ng",
    "g() { f; X; }; g",
    "fi() { X; }",
    "export() { X; }; Y",
    "x=$(\nX\n)",
    "x=(\nX\n)",
    "x=`\nX\n`",
    "echo \"\nX\n\"",
    "echo '\nX\n'",
    "X # Y",
    "# \\\nX",
    ": <<E\nX\nE",
    "! X",
    "time X",
    "if X; then return; fi\nY",
    "if X; then :; fi; Y",
    "true; X",
    "{ X }",
    "( X",
    "X )",
    "X;; Y",
    "; X",
    "X &&",
    "if X; fi",
    "then X",
    "[[ x = y ]] && X",
    "[[ x = y &&\n-n z ]] || X",
    "[[ x y ]]\nX",
    "coproc X",
    "select A in; do X; done",
    "if :; then { X; } fi",
    "function f() ( X )",
    "X |& Y",
    "case x in esac; X",
    "for A in; do X; done\nY",
    "{ X\n} && Y",
];

/// Commands, and what they may be part of.
fn command() -> impl Strategy<Value = String> {
    simple().prop_recursive(3, 12, 2, move |inner| {
        (select(COMPOUND.to_vec()), inner.clone(), inner).prop_map(|(form, x, y)| {
            let fill = |c: char| match c {
                'X' => x.clone(),
                'Y' => y.clone(),
                c => c.to_string(),
            };
            form.chars().map(fill).collect()
        })
    })
}

fn file() -> impl Strategy<Value = String> {
    vec(command(), 1..6).prop_map(|commands| commands.join("\n") + "\n")
}

/// Files that bash hardly ever understands.
fn nonsense() -> impl Strategy<Value = String> {
    let tokens = [
        "A=1",
        "B=$A",
        "export B",
        "A",
        "=",
        "x",
        " ",
        " ",
        " ",
        "\n",
        "\n",
        ";",
        "&",
        "|",
        "(",
        ")",
        "{",
        "}",
        "[[",
        "]]",
        "'",
        "\"",
        "`",
        "$",
        "\\",
        "#",
        "<<E",
        "E",
        "$(",
        "${",
        "${A:-",
        "((",
        "))",
        "$((",
        "if",
        "then",
        "fi",
        "else",
        "elif",
        "case",
        "in",
        "esac",
        ";;",
        "for",
        "do",
        "done",
        "f()",
        "function",
        "!",
        "time",
        ">/dev/null",
        "<",
        ">&1",
        "&&",
        "||",
        "true",
        "[",
        "]",
        "A[",
        "0]=",
        "~",
        "*",
        "=(",
        "<(",
        "%",
        ":-",
        "-n",
        "==",
        "unset A",
    ];
    vec(select(tokens.to_vec()), 1..14).prop_map(|tokens| tokens.concat())
}
