//! What only shows when tables are looked at together.

mod alias_names;
mod aliases;
mod allowances;
mod base_urls;
mod issuers;
mod limits;
mod listeners;
mod prices;
mod references;
mod reserves;
mod secrets;
mod serving;
mod shadows;
mod unique;
mod vendors;

use std::cell::OnceCell;
use std::time::SystemTime;

use crate::file::lines::Lines;
use crate::file::problems::{Problems, Spot};
use crate::file::read::RawPolicy;
use crate::file::report::Severity;

/// Runs every check over what was read of all files.
pub(super) fn check(raw: &RawPolicy, files: &[(&str, &str)], problems: &Problems, now: SystemTime) {
    let check = Check {
        raw,
        files,
        lines: OnceCell::new(),
        problems,
    };
    check.counts();
    check.unique();
    check.references();
    check.aliases();
    check.alias_names();
    check.limits();
    check.allowances();
    check.issuers();
    check.listeners();
    check.serving(now);
    check.shadowed_providers();
    check.misspoken_providers();
    check.doubtful_secrets();
    check.base_urls();
}

/// What every check works on.
struct Check<'c> {
    raw: &'c RawPolicy,
    files: &'c [(&'c str, &'c str)],
    /// Of each file, once they are asked for.
    lines: OnceCell<Vec<Lines<'c>>>,
    problems: &'c Problems,
}

impl Check<'_> {
    fn error(&self, spot: &Spot, message: impl Into<String>) {
        self.problems.note(Severity::Error, spot.clone(), message);
    }

    fn error_with_hint(&self, spot: &Spot, message: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .note_with_hint(Severity::Error, spot.clone(), message, hint);
    }

    fn warn(&self, spot: &Spot, message: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .note_with_hint(Severity::Warning, spot.clone(), message, hint);
    }

    /// Where no table is at fault.
    fn whole_policy(&self) -> Spot {
        Spot::whole_policy(self.files.len())
    }

    /// The field at `other`, as seen from `here`: with its line, and its file if that is another.
    fn other(&self, other: &Spot, here: &Spot) -> String {
        let path = &other.path;
        let Some((file, offset)) = other.file.zip(other.offset) else {
            return path.clone();
        };
        let lines = || self.files.iter().map(|(_, text)| Lines::of(text)).collect();
        let line = self.lines.get_or_init(lines)[file].line(offset);
        if other.file == here.file {
            format!("{path} (line {line})")
        } else {
            format!("{path} in {}:{line}", self.files[file].0)
        }
    }
}
