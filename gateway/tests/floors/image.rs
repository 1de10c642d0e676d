//! What the program is built from is in the context of the image's build.
//!
//! `.dockerignore` names it; whatever a source reads at compile time from elsewhere would only be missed
//! by who builds the image.

use std::path::{Component, Path, PathBuf};

use super::{files, members, workspace};

/// What `.dockerignore` lets in.
fn let_in() -> Vec<PathBuf> {
    let rules = std::fs::read_to_string(workspace().join(".dockerignore")).expect("rules");
    assert!(
        rules.lines().any(|line| line == "*"),
        "all else is left out"
    );
    let names = rules.lines().filter_map(|line| line.strip_prefix('!'));
    names.map(PathBuf::from).collect()
}

/// The files that `source` reads when it is compiled, as it names them; tests are not in the program.
fn read_when_compiled(source: &str) -> Vec<&str> {
    let (program, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    let reads = ["include_str!(\"", "include_bytes!(\"", "include!(\""];
    let named = reads.iter().flat_map(|read| program.split(read).skip(1));
    named.filter_map(|rest| rest.split('"').next()).collect()
}

/// `path` without its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} is in the workspace", path.display()),
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn the_image_is_built_with_all_that_the_program_is_built_from() {
    let let_in = let_in();
    let is_let_in = |path: &Path| let_in.iter().any(|name| path.starts_with(name));
    let mut missing = Vec::new();
    let mut read = 0;
    for member in members() {
        assert!(is_let_in(Path::new(&member)), "{member}");
        let source = PathBuf::from(format!("{member}/src"));
        for (name, text) in files(&workspace().join(&source)) {
            let folder = source.join(&name);
            let is_test = name.ends_with("tests.rs") || name.contains("tests/");
            let folder = folder.parent().expect("a folder");
            for file in read_when_compiled(&text).into_iter().filter(|_| !is_test) {
                read += 1;
                let path = plain(&folder.join(file));
                if !is_let_in(&path) {
                    missing.push(format!("{member}/src/{name} reads {}", path.display()));
                }
            }
        }
    }
    assert!(read > 0, "nothing is found to be read");
    assert!(missing.is_empty(), "not in .dockerignore: {missing:#?}");
}
