//! The order of the house: which room may need which, that no two files need each other, and which
//! crate stands where.
//!
//! Read from the source itself, its tests left out. What a `mod.rs` only hands on counts as needed
//! from where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The rooms from the ground up: each may need what stands in an earlier line, and what stands
/// beside it in none.
const FLOORS: &[&[&str]] = &[
    &[
        "cryptography",
        "exit_code",
        "secret",
        "logging",
        "stop",
        "files",
        "model",
    ],
    &["family", "output", "worker"],
    &["metadata", "options"],
    &["registry", "demo", "config"],
    &["cluster"],
    &["failover"],
    &["diagnosis"],
    &["watch"],
    &["signals"],
    &["commands"],
    &["main"],
];

/// Functions that these files call and no others: what they give opens the way to the writes.
const GUARDED: &[(&str, &[&str])] = &[
    ("begin_batch", &["failover/batch.rs"]),
    (
        "by_registry",
        &[
            "registry/jdbc/mod.rs",
            "registry/recorded.rs",
            "registry/zookeeper/lock.rs",
        ],
    ),
    (
        "by_operator",
        &[
            "commands/demo.rs",
            "commands/handover/confirm.rs",
            "watch/run.rs",
        ],
    ),
];

/// Crates that only some rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("clap", &["main", "commands", "options"]),
    ("clap_complete", &["commands"]),
    ("clap_mangen", &["commands"]),
    ("sqlx", &["metadata"]),
    ("rusqlite", &["metadata"]),
    ("zookeeper_client", &["registry"]),
    ("rustls", &["cryptography", "registry"]),
    ("tokio_rustls", &["registry"]),
    ("comfy_table", &["output"]),
    ("indicatif", &["output"]),
    ("toml", &["config"]),
    ("anyhow", &["commands", "main"]),
];

/// A module: its path below the crate.
type Module = Vec<String>;

/// What one file says.
struct File {
    path: PathBuf,
    module: Module,
    /// Paths that it names, with the module in which they are to be understood.
    named: BTreeSet<Vec<String>>,
    /// What it hands on: the name, and where it is from.
    handed_on: BTreeMap<String, Vec<String>>,
    /// Functions and methods that it calls or hands over.
    calls: BTreeSet<String>,
    /// By function, how many parameters it has besides `self`.
    parameters: Vec<(String, usize)>,
    /// The types and traits that it defines.
    types: Vec<String>,
}

impl File {
    fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    fn shown(&self) -> String {
        self.path
            .strip_prefix(root())
            .unwrap()
            .display()
            .to_string()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn house() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                files.push(read(path));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn read(path: PathBuf) -> File {
    let below = path.strip_prefix(root()).unwrap().with_extension("");
    let mut module: Module = below
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let (named, handed_on, calls, parameters, types) = Default::default();
    let mut reader = Reader {
        module: &module,
        named,
        handed_on,
        calls,
        parameters,
        types,
    };
    reader.visit_file(
        &syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    );
    let Reader {
        named,
        handed_on,
        calls,
        parameters,
        types,
        ..
    } = reader;
    File {
        path,
        module,
        named,
        handed_on,
        calls,
        parameters,
        types,
    }
}

struct Reader<'a> {
    module: &'a Module,
    named: BTreeSet<Vec<String>>,
    handed_on: BTreeMap<String, Vec<String>>,
    calls: BTreeSet<String>,
    parameters: Vec<(String, usize)>,
    types: Vec<String>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

impl Reader<'_> {
    /// The path from the crate on, or that of another crate.
    fn absolute(&self, segments: &[String]) -> Vec<String> {
        match segments.first().map(String::as_str) {
            Some("crate") => with_crate(&segments[1..]),
            Some("self") => with_crate(&[self.module.as_slice(), &segments[1..]].concat()),
            Some("super") => {
                let ups = segments
                    .iter()
                    .take_while(|segment| *segment == "super")
                    .count();
                let parent = &self.module[..self.module.len().saturating_sub(ups)];
                with_crate(&[parent, &segments[ups..]].concat())
            }
            // A child of this module, if there is one of that name, or another crate.
            _ => segments.to_vec(),
        }
    }

    fn uses(&mut self, tree: &syn::UseTree, before: &[String], hands_on: bool) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.uses(&path.tree, &with(&path.ident), hands_on),
            syn::UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.uses(tree, before, hands_on)),
            syn::UseTree::Name(name) if name.ident == "self" => self.used(before, None, hands_on),
            syn::UseTree::Name(name) => self.used(&with(&name.ident), Some(&name.ident), hands_on),
            syn::UseTree::Rename(rename) => {
                self.used(&with(&rename.ident), Some(&rename.rename), hands_on);
            }
            syn::UseTree::Glob(_) => self.used(before, None, hands_on),
        }
    }

    fn used(&mut self, segments: &[String], name: Option<&syn::Ident>, hands_on: bool) {
        let path = self.absolute(segments);
        match name.filter(|_| hands_on) {
            Some(name) => _ = self.handed_on.insert(name.to_string(), path),
            None => _ = self.named.insert(path),
        }
    }
}

fn with_crate(segments: &[String]) -> Vec<String> {
    [&["crate".to_owned()], segments].concat()
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.types.push(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.push(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.types.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.types.push(item.ident.to_string());
        visit::visit_item_type(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            let hands_on = !matches!(item.vis, syn::Visibility::Inherited);
            self.uses(&item.tree, &[], hands_on);
        }
    }

    /// Who may see something is not who needs it.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let parameters = signature
            .inputs
            .iter()
            .filter(|input| matches!(input, syn::FnArg::Typed(_)))
            .count();
        self.parameters
            .push((signature.ident.to_string(), parameters));
        visit::visit_signature(self, signature);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        // Of one part alone it may be a variable.
        let last = path.path.segments.iter().skip(1).last();
        self.calls.extend(last.map(|last| last.ident.to_string()));
        visit::visit_expr_path(self, path);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if segments.len() > 1 {
            self.named.insert(self.absolute(&segments));
        }
        visit::visit_path(self, path);
    }
}

/// Who needs whom: for each file, the files that define what it names.
fn needs(files: &[File]) -> BTreeMap<usize, BTreeSet<usize>> {
    let by_module: BTreeMap<&[String], usize> = files
        .iter()
        .enumerate()
        .map(|(index, file)| (file.module.as_slice(), index))
        .collect();
    let mut needs = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let mut needed = BTreeSet::new();
        for path in &file.named {
            let inside = match path.split_first() {
                Some((first, rest)) if first == "crate" => Some(rest.to_vec()),
                Some((first, _)) => {
                    let child = [file.module.as_slice(), std::slice::from_ref(first)].concat();
                    by_module
                        .contains_key(child.as_slice())
                        .then(|| [file.module.as_slice(), path].concat())
                }
                None => None,
            };
            needed.extend(inside.and_then(|path| definer(files, &by_module, file, path)));
        }
        needed.remove(&index);
        needs.insert(index, needed);
    }
    needs
}

/// The file that a path below the crate leads to, through everything that only hands on.
fn definer(
    files: &[File],
    by_module: &BTreeMap<&[String], usize>,
    from: &File,
    mut path: Module,
) -> Option<usize> {
    for _ in 0..10 {
        let length = (0..=path.len())
            .rev()
            .find(|length| by_module.contains_key(&path[..*length]))?;
        let found = by_module[&path[..length]];
        let file = &files[found];
        let Some(next) = path.get(length).and_then(|name| file.handed_on.get(name)) else {
            // What stands in the crate's root is no room.
            return (length > 0).then_some(found);
        };
        let rest = &path[length + 1..];
        let start = match next.split_first() {
            Some((first, below)) if first == "crate" => below.to_vec(),
            Some(_) => [file.module.as_slice(), next].concat(),
            None => return None,
        };
        path = [start.as_slice(), rest].concat();
    }
    panic!(
        "{} names something that is handed on for ever",
        from.shown()
    )
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("the room {room} has no floor"))
}

#[test]
fn every_arrow_runs_down() {
    let files = house();
    let mut wrong = Vec::new();
    for (from, needed) in needs(&files) {
        let (from, room) = (&files[from], files[from].room());
        for to in needed
            .into_iter()
            .map(|to| &files[to])
            .filter(|to| to.room() != room && room != "lib")
        {
            if floor(to.room()) >= floor(room) {
                wrong.push(format!("{} needs {}", from.shown(), to.shown()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} arrows run up or across:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_two_files_need_each_other() {
    let files = house();
    let needs = needs(&files);
    let reach = |start: usize| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![start]);
        while let Some(file) = todo.pop() {
            todo.extend(needs[&file].iter().filter(|next| seen.insert(**next)));
        }
        seen
    };
    let reaches: Vec<BTreeSet<usize>> = (0..files.len()).map(reach).collect();
    let together =
        |one: usize, other: usize| reaches[one].contains(&other) && reaches[other].contains(&one);
    let mut arrows = Vec::new();
    for (from, needed) in &needs {
        for to in needed.iter().filter(|to| together(*from, **to)) {
            arrows.push(format!(
                "{} needs {}",
                files[*from].shown(),
                files[*to].shown()
            ));
        }
    }
    assert!(
        arrows.is_empty(),
        "{} arrows are part of circles:\n{}",
        arrows.len(),
        arrows.join("\n")
    );
}

#[test]
fn each_crate_stands_in_its_rooms() {
    let mut wrong = Vec::new();
    for file in house() {
        for path in file.named.iter().chain(file.handed_on.values()) {
            let rooms = CRATES
                .iter()
                .find(|(name, _)| path.first().is_some_and(|first| first == name));
            if rooms.is_some_and(|(_, rooms)| !rooms.contains(&file.room())) {
                wrong.push(format!("{} names {}", file.shown(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a process is given is read at the top, and handed down.
#[test]
fn nobody_below_the_commands_reads_the_environment() {
    let allowed = ["main", "commands", "config"];
    // To split a text that was handed down is no reading.
    let reads = |path: &Vec<String>| {
        path.starts_with(&["std".to_owned(), "env".to_owned()])
            && !path.ends_with(&["split_paths".to_owned()])
    };
    let readers: Vec<String> = house()
        .iter()
        .filter(|file| !allowed.contains(&file.room()) && file.named.iter().any(reads))
        .map(File::shown)
        .collect();
    assert_eq!(readers, [""; 0]);
}

/// Nothing is written without consent and a confirmed lock: these are made where an operator or a
/// registry has said so, and asked for where a transaction begins.
#[test]
fn leave_to_write_is_given_and_used_in_few_places() {
    let files = house();
    for (function, allowed) in GUARDED {
        let calling: Vec<String> = files
            .iter()
            .filter(|file| file.calls.contains(*function))
            .map(File::shown)
            .collect();
        assert_eq!(calling, *allowed, "{function}");
    }
}

/// What a function needs stands in values with names, and not in a row of arguments.
/// A reader who meets a type's name knows which one it is.
#[test]
fn one_name_means_one_type() {
    let files = house();
    let mut definers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &files {
        for name in &file.types {
            definers.entry(name).or_default().push(file.shown());
        }
    }
    assert!(definers.len() > 200, "hardly a type was read");
    definers.retain(|_, files| files.len() > 1);
    assert!(definers.is_empty(), "{definers:#?}");
}

#[test]
fn functions_have_few_parameters() {
    let mut wrong = Vec::new();
    for file in house() {
        let most = if file.room() == "failover" { 4 } else { 5 };
        let many = file
            .parameters
            .iter()
            .filter(|(_, parameters)| *parameters > most);
        wrong.extend(
            many.map(|(function, parameters)| format!("{} {function}: {parameters}", file.shown())),
        );
    }
    assert_eq!(wrong, [""; 0]);
}

/// Families are compared where they are described; everybody else asks them for a fact.
#[test]
fn only_the_families_know_releases() {
    let names = |path: &Vec<String>| path.iter().any(|segment| segment == "FamilyId");
    let knowing: Vec<String> = house()
        .iter()
        .filter(|file| file.room() != "family" && file.named.iter().any(names))
        .map(File::shown)
        .collect();
    assert_eq!(knowing, [""; 0]);
}

/// A reading that found nothing would let everything pass.
#[test]
fn the_house_is_read() {
    let files = house();
    let at = |name: &str| files.iter().position(|file| file.shown() == name).unwrap();
    let needs = needs(&files);
    let needs = |from: &str, to: &str| needs[&at(from)].contains(&at(to));
    assert!(
        needs("commands/masters.rs", "output/document.rs"),
        "through output/mod.rs, which hands it on"
    );
    assert!(
        needs("commands/masters.rs", "commands/shell.rs"),
        "a neighbour"
    );
    assert!(!needs("output/document.rs", "commands/masters.rs"));
    assert!(files.len() > 150);
}
