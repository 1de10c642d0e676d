//! Every rule of the policy file, by example.
//!
//! `policy_files/bad/NAME.toml` (or a folder `NAME` of files that are one policy) must give exactly
//! the report in `NAME.txt`; everything in `policy_files/good` must give none. After a message was
//! changed on purpose, `BLESS=1 cargo test -p keyweir-policy --test policy_files` writes the
//! reports anew, to be read through before they are committed.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the examples are files; what is tested does not read any"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keyweir_config::file;
use keyweir_config::file::Report;

/// 2026-11-22, so that expiry dates in the examples stay on their side of it.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/policy_files")
        .join(name)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("not ..")
        .to_string_lossy()
        .into_owned()
}

/// The names and texts of the one policy that `path`, a file or a folder, is.
fn sources(path: &Path) -> Vec<(String, String)> {
    let files = if path.is_dir() {
        entries(path)
    } else {
        vec![path.to_owned()]
    };
    let text = |path: &Path| fs::read_to_string(path).expect("readable text");
    files.iter().map(|path| (name(path), text(path))).collect()
}

fn parse(path: &Path) -> Result<(file::Policy, Report), Report> {
    let sources = sources(path);
    let files: Vec<(&str, &str)> = sources
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    file::parse(&files, now())
}

fn report(path: &Path) -> Report {
    match parse(path) {
        Ok((_, warnings)) => warnings,
        Err(report) => report,
    }
}

#[test]
fn every_bad_file_gets_its_report() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let paths = entries(&folder("bad"));
    let files = paths
        .iter()
        .filter(|path| path.extension().is_none_or(|ending| ending != "txt"));
    for path in files {
        let expected_path = path.with_extension("txt");
        let actual = report(path).to_string();
        if bless {
            fs::write(&expected_path, &actual).expect("writable");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if actual != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- but is\n{actual}",
                name(path)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_report_belongs_to_a_bad_file() {
    for path in entries(&folder("bad")) {
        let exists = path.with_extension("toml").exists() || path.with_extension("").is_dir();
        assert!(exists, "{} is left over", path.display());
    }
}

#[test]
fn no_report_shows_a_secret() {
    let paths = entries(&folder("bad"));
    let reports: Vec<_> = paths
        .iter()
        .filter(|path| path.extension().is_none_or(|ending| ending != "txt"))
        .collect();
    assert!(reports.len() > 50, "there are examples");
    for path in reports {
        assert!(
            !report(path).to_string().contains("hunter2"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn good_files_have_no_problems() {
    for path in entries(&folder("good")) {
        let report = report(&path).to_string();
        assert_eq!(report, "no problems\n", "{}", name(&path));
    }
}

#[test]
fn file_with_ten_mistakes_has_ten_reported() {
    let report = report(&folder("bad/ten_mistakes.toml"));
    assert_eq!(report.errors(), 10, "{report}");
    let places: std::collections::BTreeSet<_> = report
        .problems
        .iter()
        .map(|problem| (problem.line, problem.column))
        .collect();
    assert_eq!(places.len(), 10, "each has a place of its own");
}
