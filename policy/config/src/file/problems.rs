//! Where readers and checks note what is wrong, so that they can go on.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::file::lines::Lines;
use crate::file::report::{Problem, Report, Severity};

/// Problems kept; beyond, they are only counted. A file of nothing but mistakes must not cost more
/// memory than itself.
pub(super) const KEPT_MAX: usize = 1_000;

/// A place in the policy: where it stands, and the fields that lead to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    /// Which file; `None`: the policy as a whole.
    pub(super) file: Option<usize>,
    /// The byte in the file; `None`: the file as a whole.
    pub(super) offset: Option<usize>,
    /// `account[2].key[0].secret`.
    pub(super) path: String,
}

impl Spot {
    /// For what is nowhere in particular. A policy of one file is named after it.
    pub(super) fn whole_policy(files: usize) -> Self {
        Self {
            file: (files == 1).then_some(0),
            ..Self::default()
        }
    }

    /// The field `name` below this place, which begins at `offset`.
    pub(super) fn field(&self, name: &str, offset: usize) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.below(format!("{}{dot}{name}", self.path), offset)
    }

    /// The element `index` of the list at this place.
    pub(super) fn element(&self, index: usize, offset: usize) -> Self {
        self.below(format!("{}[{index}]", self.path), offset)
    }

    fn below(&self, path: String, offset: usize) -> Self {
        Self {
            file: self.file,
            offset: Some(offset),
            path,
        }
    }
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: RefCell<Vec<Found>>,
    left_out: RefCell<LeftOut>,
    /// Files that are not valid TOML: what is missing in them may be there. With the byte from
    /// which on all that was read is a guess.
    torn: RefCell<BTreeMap<usize, usize>>,
    unknown: Cell<bool>,
    /// Every field that was asked for, with its table: what the example file has to show.
    #[cfg(test)]
    pub(super) asked: RefCell<BTreeSet<String>>,
}

#[derive(Debug)]
struct Found {
    severity: Severity,
    spot: Spot,
    message: String,
    hint: Option<String>,
    syntax: bool,
}

#[derive(Debug, Default)]
struct LeftOut {
    errors: usize,
    warnings: usize,
}

impl Problems {
    /// Notes a problem.
    pub(super) fn note(&self, severity: Severity, spot: Spot, message: impl Into<String>) {
        self.push(Found {
            severity,
            spot,
            message: message.into(),
            hint: None,
            syntax: false,
        });
    }

    /// Notes a problem together with what to write instead.
    pub(super) fn note_with_hint(
        &self,
        severity: Severity,
        spot: Spot,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.push(Found {
            severity,
            spot,
            message,
            hint,
            syntax: false,
        });
    }

    /// What to write instead, while it is kept: beyond, looking for it in long lists would cost seconds, and
    /// nobody would read it.
    pub(super) fn hint(&self, find: impl FnOnce() -> Option<String>) -> Option<String> {
        if self.is_full() { None } else { find() }
    }

    fn is_full(&self) -> bool {
        self.found.borrow().len() >= KEPT_MAX
    }

    /// Notes that a field is missing.
    pub(super) fn note_missing(&self, spot: Spot) {
        let torn = spot
            .file
            .is_some_and(|file| self.torn.borrow().contains_key(&file));
        if !torn {
            self.note(Severity::Error, spot, "missing");
        }
    }

    /// Notes a field that means nothing.
    pub(super) fn note_unknown(&self, spot: Spot, hint: impl Into<String>) {
        self.unknown.set(true);
        self.note_with_hint(Severity::Error, spot, "unknown field", hint);
    }

    /// Whether a field means nothing: what seems to be missing may be misspelt.
    pub(super) const fn has_unknown(&self) -> bool {
        self.unknown.get()
    }

    /// Remembers that more may stand in this file than could be read of it, and that what was read
    /// from this byte on is a guess.
    pub(super) fn note_torn(&self, file: usize, guessed_from: usize) {
        self.torn.borrow_mut().insert(file, guessed_from);
    }

    /// Notes that a file is not TOML at this place.
    pub(super) fn note_syntax(&self, file: usize, offset: usize, message: &str) {
        let spot = Spot {
            file: Some(file),
            offset: Some(offset),
            path: String::new(),
        };
        let message = format!("not valid TOML: {message}");
        self.push(Found {
            severity: Severity::Error,
            spot,
            message,
            hint: None,
            syntax: true,
        });
    }

    fn push(&self, found: Found) {
        if !self.is_full() {
            self.found.borrow_mut().push(found);
            return;
        }
        let mut left_out = self.left_out.borrow_mut();
        match found.severity {
            Severity::Error => left_out.errors += 1,
            Severity::Warning => left_out.warnings += 1,
        }
    }

    /// All of it, by file and position.
    pub(super) fn into_report(self, files: &[(&str, &str)]) -> Report {
        let lines: Vec<Lines<'_>> = files.iter().map(|(_, text)| Lines::of(text)).collect();
        let left_out = self.left_out.into_inner();
        let mut found = self.found.into_inner();
        drop_guesses(&mut found, &lines, &self.torn.into_inner());
        found.sort_by_key(|found| (found.spot.file, found.spot.offset));
        Report {
            problems: found
                .into_iter()
                .map(|found| found.into_problem(files, &lines))
                .collect(),
            errors_left_out: left_out.errors,
            warnings_left_out: left_out.warnings,
        }
    }
}

/// Where the syntax is wrong, what was read is a guess, and what is wrong with it means nothing.
fn drop_guesses(found: &mut Vec<Found>, lines: &[Lines<'_>], torn: &BTreeMap<usize, usize>) {
    let place = |spot: &Spot| spot.file.zip(spot.offset);
    let line = |(file, offset): (usize, usize)| (file, lines[file].line(offset));
    let syntax = found.iter().filter(|found| found.syntax);
    let broken: BTreeSet<_> = syntax
        .filter_map(|found| place(&found.spot))
        .map(line)
        .collect();
    let guessed = |(file, offset)| {
        torn.get(&file).is_some_and(|from| offset >= *from)
            || broken.contains(&line((file, offset)))
    };
    found.retain(|found| found.syntax || !place(&found.spot).is_some_and(guessed));
}

impl Found {
    fn into_problem(self, files: &[(&str, &str)], lines: &[Lines<'_>]) -> Problem {
        let place = self.spot.file.zip(self.spot.offset);
        // Lines and columns begin with 1; zeros for what has none.
        let (line, column) = place.map_or((0, 0), |(file, offset)| lines[file].position(offset));
        Problem {
            severity: self.severity,
            file: self.spot.file.map_or("", |file| files[file].0).to_owned(),
            line,
            column,
            field: self.spot.path,
            message: self.message,
            hint: self.hint,
        }
    }
}
