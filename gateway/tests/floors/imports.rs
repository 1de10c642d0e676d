//! Which file uses which names of which other file.
//!
//! An import is a `use`, or a path in the code that begins at `crate`, `super`, `self`, a child
//! module or a module that was brought into scope. It is an import of the file in which the last
//! module of the path is; to name a module alone, on the way to something or by `mod`, is none. A
//! name that is re-exported is a name of the file that re-exports it, which imports it in turn.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Files, ModuleId, Modules};
use super::tokens::Token;

/// The names that files use of others: `[from][to]` are those that `from` uses of `to`.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The imports among the files of the crate that begins in the file `root`.
pub(crate) fn imports(files: &Files, root: &str) -> Imports {
    let modules = Modules::of(files, root);
    let mut imports = Imports::new();
    for (id, module) in modules.0.iter().enumerate() {
        for (target, name) in names(&modules, id) {
            let file = &modules.0[target].file;
            if *file != module.file {
                let of_file = imports.entry(module.file.clone()).or_default();
                of_file.entry(file.clone()).or_default().insert(name);
            }
        }
    }
    imports
}

/// What a path leads to.
enum Found {
    Module(ModuleId),
    Name(ModuleId, String),
}

/// The modules that a module may call by their bare names, beside its children.
type InScope = BTreeMap<String, ModuleId>;

/// The names that a module uses, and the module that each is of.
fn names(modules: &Modules, id: ModuleId) -> Vec<(ModuleId, String)> {
    let tokens = &modules.0[id].tokens;
    let (used, paths) = split(tokens);
    let mut names = Vec::new();
    let mut scope = InScope::new();
    // Twice, since a `use` may begin at what a later one brings into scope.
    for _ in 0..2 {
        names.clear();
        for used in &used {
            match find(modules, id, &scope, &used.path) {
                Some(Found::Module(module)) if used.alias == "*" => {
                    names.push((module, "*".to_owned()));
                }
                Some(Found::Module(module)) => {
                    scope.insert(used.alias.clone(), module);
                }
                Some(Found::Name(module, name)) => names.push((module, name)),
                None => {}
            }
        }
    }
    for path in &paths {
        if let Some(Found::Name(module, name)) = find(modules, id, &scope, path) {
            names.push((module, name));
        }
    }
    names
}

/// Follows `path` from module `from`. `None`: it leads out of the crate, or is no module's.
fn find(modules: &Modules, from: ModuleId, scope: &InScope, path: &[String]) -> Option<Found> {
    let mut at = from;
    for (position, segment) in path.iter().enumerate() {
        let module = &modules.0[at];
        at = match segment.as_str() {
            "crate" => 0,
            "self" => at,
            "super" => module.parent?,
            name => match module.children.get(name) {
                Some(child) => *child,
                None if position == 0 => *scope.get(name)?,
                None => return Some(Found::Name(at, name.to_owned())),
            },
        };
    }
    Some(Found::Module(at))
}

/// One leaf of a `use`.
struct Used {
    path: Vec<String>,
    /// What it is called here; `*` for everything.
    alias: String,
}

/// The leaves of all `use`s, and all other paths.
fn split(tokens: &[Token]) -> (Vec<Used>, Vec<Vec<String>>) {
    let (mut used, mut paths) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Word(word) if word == "use" => {
                at += 1;
                at += tree(&tokens[at..], &[], &mut used);
            }
            // `::name` is another crate's.
            Token::Path => {
                at += 1;
                at += path(&tokens[at..]).len() * 2;
            }
            Token::Word(_) => {
                let path = path(&tokens[at..]);
                at += path.len() * 2 - 1;
                if path.len() > 1 {
                    paths.push(path);
                }
            }
            Token::Sign(_) => at += 1,
        }
    }
    (used, paths)
}

/// The words that `tokens` begin with, as far as `::` joins them.
fn path(tokens: &[Token]) -> Vec<String> {
    let mut path = Vec::new();
    for pair in tokens.chunks(2) {
        let Some(word) = pair[0].word() else { break };
        path.push(word.to_owned());
        if pair.get(1) != Some(&Token::Path) {
            break;
        }
    }
    path
}

/// Adds the leaves of the `use` tree that `tokens` begin with; returns how many tokens it has.
fn tree(tokens: &[Token], before: &[String], used: &mut Vec<Used>) -> usize {
    let mut path = before.to_vec();
    let mut at = 0;
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => {
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                at += 1;
            }
            Some(Token::Path) => at += 1,
            Some(Token::Sign('*')) => {
                let alias = "*".to_owned();
                used.push(Used { path, alias });
                return at + 1;
            }
            Some(Token::Sign('{')) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !token.is_sign('}')) {
                    at += tree(&tokens[at..], &path, used);
                    if tokens.get(at).is_some_and(|token| token.is_sign(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        if tokens.get(at).is_some_and(|token| token.is_word("as")) {
            let alias = tokens.get(at + 1).and_then(Token::word).unwrap_or("_");
            let alias = alias.to_owned();
            used.push(Used { path, alias });
            return at + 2;
        }
    }
    if let Some(alias) = path.last().cloned() {
        used.push(Used { path, alias });
    }
    // At least one, so that no sign that is not expected here is looked at for ever.
    at.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The imports of a made-up crate, one a line: `from → to (names)`.
    fn listed(files: &[(&str, &str)]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
            .collect();
        let mut listed = Vec::new();
        for (from, of_file) in imports(&files, "lib.rs") {
            for (to, names) in of_file {
                let names: Vec<_> = names.into_iter().collect();
                listed.push(format!("{from} → {to} ({})", names.join(", ")));
            }
        }
        listed
    }

    #[test]
    fn uses_are_resolved_to_the_file_that_has_the_name() {
        let found = listed(&[
            ("lib.rs", "mod a; pub mod b { pub mod c; }"),
            ("a/mod.rs", "mod d; pub struct A;"),
            (
                "a/d.rs",
                "use super::A; use crate::b::c::{self, C, inner::Deep as Other}; use std::fmt;",
            ),
            ("b/c.rs", "pub struct C; pub mod inner { pub struct Deep; }"),
        ]);
        assert_eq!(
            found,
            ["a/d.rs → a/mod.rs (A)", "a/d.rs → b/c.rs (C, Deep)"]
        );
    }

    #[test]
    fn paths_in_the_code_are_imports_too() {
        let found = listed(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            (
                "a.rs",
                "use crate::b; use b::B2; fn f(x: &crate::c::C) { b::f::<u8>(x); super::top(); }",
            ),
            ("b.rs", ""),
            ("c.rs", ""),
        ]);
        assert_eq!(
            found,
            [
                "a.rs → b.rs (B2, f)",
                "a.rs → c.rs (C)",
                "a.rs → lib.rs (top)"
            ]
        );
    }

    #[test]
    fn a_module_that_is_only_named_or_declared_is_not_imported() {
        let found = listed(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod c; use crate::b; pub(in crate::b) struct A;"),
            ("a/c.rs", "pub(super) struct C; pub(crate) struct D;"),
            ("b.rs", ""),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn re_exports_and_globs_are_imports() {
        let found = listed(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod c; pub use self::c::C;"),
            ("a/c.rs", ""),
            ("b.rs", "use crate::a::C; use crate::a::c::*;"),
        ]);
        assert_eq!(
            found,
            ["a.rs → a/c.rs (C)", "b.rs → a.rs (C)", "b.rs → a/c.rs (*)"]
        );
    }

    #[test]
    fn tests_import_nothing() {
        let found = listed(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "#[cfg(test)] mod tests { use crate::b::B; } #[cfg(test)] mod more;",
            ),
            (
                "b.rs",
                "/// As [`crate::a::A`].\nconst TEXT: &str = \"crate::a::A\";",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
