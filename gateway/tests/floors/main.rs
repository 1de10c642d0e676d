//! No circles of files in any crate of the workspace, and no import upward between the rooms of
//! the gateway.
//!
//! The compiler allows both, and both take from a reader what makes a large program readable:
//! somewhere to begin. Read as text, since what the compiler knows of imports it does not tell.

mod circles;
mod image;
mod imports;
mod modules;
mod pending;
mod rooms;
mod tokens;

use std::path::{Path, PathBuf};

use circles::circles;
use imports::imports;
use modules::Files;
use pending::complaints;

/// The rooms of `gateway/src`, from the top down. Those in one line do not know each
/// other; what stands in no room, such as `lib.rs`, is imported by none.
const FLOORS: [&[&str]; 8] = [
    &["cli"],
    &["evidence"],
    &["demo", "simulate"],
    &["command", "server"],
    &["admin", "request"],
    &["runtime"],
    &["downstream", "headers", "telemetry", "upstream"],
    &["coding", "framing", "pem.rs"],
];

/// Folders that may still have circles. Each has one, or it must leave the list.
const PENDING: &[&str] = &[];

#[test]
fn no_crate_has_a_circle_of_files() {
    let mut found = Vec::new();
    for member in members() {
        let source = format!("{member}/src");
        let files = files(&workspace().join(&source));
        for root in roots(&files) {
            let circles = circles(&imports(&files, &root));
            found.extend(circles.into_iter().map(|circle| (source.clone(), circle)));
        }
    }
    let complaints = complaints(&found, PENDING);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn rooms_of_the_gateway_use_only_what_is_below_them() {
    let files = files(&workspace().join("gateway/src"));
    let breaches = rooms::breaches(&imports(&files, "lib.rs"), &FLOORS);
    let breaches: Vec<_> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folders of the workspace's crates.
fn members() -> Vec<String> {
    let manifest = workspace().join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("the workspace has a manifest");
    let (_, members) = manifest.split_once("members = [").expect("it has members");
    let (members, _) = members.split_once(']').expect("the list ends");
    let members = members.split('"').skip(1).step_by(2).map(str::to_owned);
    let members: Vec<String> = members.collect();
    assert!(!members.is_empty() && members.iter().all(|member| !member.contains('*')));
    members
}

/// All Rust files below `folder`, by their path from it.
fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).expect("a crate has a src") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let name = path.strip_prefix(folder).expect("it is below");
                let name = name.to_str().expect("names are text").replace('\\', "/");
                let source = std::fs::read_to_string(&path).expect("it can be read");
                found.insert(name, source);
            }
        }
    }
    found
}

/// The files that a crate's library and programs begin in.
fn roots(files: &Files) -> Vec<String> {
    let is_root = |file: &&String| {
        matches!(file.as_str(), "lib.rs" | "main.rs")
            || file
                .strip_prefix("bin/")
                .is_some_and(|program| !program.contains('/'))
    };
    files.keys().filter(is_root).cloned().collect()
}
