//! From text to a tree, and from a place in the text to line and column.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::problems::{Problems, Spot};
use super::report::Severity;

/// Bytes of all policy files together. Parsing costs some ten times as much memory.
pub(super) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Syntax errors reported per file: one unclosed bracket makes an error of every line after it.
const SYNTAX_ERRORS_MAX: usize = 10;

/// A file, parsed.
pub(super) struct Document<'t> {
    /// Its position among the files.
    pub(super) file: usize,
    /// Its tables; where it is torn, as much of them as could be recovered.
    pub(super) root: DeTable<'t>,
    /// The file is not valid TOML, so that what is missing here may stand in it nevertheless.
    pub(super) torn: bool,
}

/// Parses all files; `None` if they are too large to be looked at.
pub(super) fn parse_all<'t>(
    files: &[(&str, &'t str)],
    problems: &Problems,
) -> Option<Vec<Document<'t>>> {
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    if bytes > BYTES_MAX {
        let message =
            format!("the policy is too large: {bytes} bytes, at most {BYTES_MAX} are read (8 MiB)");
        problems.note(Severity::Error, Spot::whole_policy(files.len()), message);
        return None;
    }
    let documents = files.iter().enumerate();
    Some(
        documents
            .map(|(file, (_, text))| parse(file, text, problems))
            .collect(),
    )
}

fn parse<'t>(file: usize, text: &'t str, problems: &Problems) -> Document<'t> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut torn = false;
    let mut by_line = BTreeMap::new();
    for error in &errors {
        // A key that is set twice tears nothing: its first value stands.
        torn |= error.message() != "duplicate key";
        let offset = error.span().map_or(0, |span| span.start);
        // Of several errors in a line the first is the cause.
        let first = by_line
            .entry(line_of(text, offset))
            .or_insert((offset, error));
        if offset < first.0 {
            *first = (offset, error);
        }
    }
    for (offset, error) in by_line.into_values().take(SYNTAX_ERRORS_MAX) {
        problems.note_syntax(file, offset, error.message());
    }
    if torn {
        problems.note_torn(file);
    }
    Document {
        file,
        root: root.into_inner(),
        torn,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// Where the lines of a text begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// Line and column of a byte, from 1; columns count characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}
