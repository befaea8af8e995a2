//! The names of variables, and which of them the shell itself looks after.

/// Whether a name of a variable may have this character behind its first one.
pub(super) fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a name of a variable may begin so.
pub(super) fn begins_name(c: char) -> bool {
    is_in_name(c) && !c.is_ascii_digit()
}

/// Whether this is the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(is_in_name)
}

/// The name of a variable that a text begins with, and what follows it.
pub(super) fn leading_name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c| !is_in_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    is_name(name).then_some((name, rest))
}

/// Every name that a text has in it, also as the end of an option (`-vNAME`).
pub(super) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c| !is_in_name(c));
    let longest = if text.starts_with(['-', '+']) {
        usize::MAX
    } else {
        1
    };
    parts
        .flat_map(move |part| (0..part.len()).take(longest).map(|start| &part[start..]))
        .filter(|name| is_name(name))
}

/// Variables whose value bash makes itself, whatever the environment or a file says.
const OWN: [&str; 32] = [
    "COLUMNS",
    "COPROC",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "LINES",
    "MAPFILE",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "PS4",
    "PWD",
    "RANDOM",
    "READLINE_LINE",
    "READLINE_POINT",
    "REPLY",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "_",
];

/// Variables that bash sets where the environment does not.
const BY_DEFAULT: [&str; 8] = [
    "HOME", "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "PATH", "SHELL", "TERM",
];

/// Whether bash looks after a variable: its value is not known.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("BASH") || name.starts_with("COMP_")
}

/// Whether a variable may have a value though nobody has set it.
pub(super) fn has_default(name: &str) -> bool {
    is_own(name) || BY_DEFAULT.contains(&name)
}

/// Whether to set a variable is an error, or changes how the shell reads.
pub(super) fn is_treacherous(name: &str) -> bool {
    matches!(
        name,
        "UID" | "EUID" | "PPID" | "SHELLOPTS" | "BASHOPTS" | "BASH_VERSINFO" | "POSIXLY_CORRECT"
    )
}
