//! From text to a tree.

use toml::de::DeTable;

use crate::file::lines::Lines;
use crate::file::problems::{Problems, Spot};
use crate::file::report::Severity;

/// Bytes of all policy files together. Parsing costs some ten times as much memory.
pub(super) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Syntax errors reported per file: some make errors of all that follows.
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
    let mut errors: Vec<(usize, &str)> = errors
        .iter()
        .map(|error| (error.span().map_or(0, |span| span.start), error.message()))
        .collect();
    errors.sort_unstable();
    // A field that is set twice tears nothing: its first value stands.
    let torn = errors.iter().any(|(_, message)| *message != SET_TWICE);
    let guessed_from = open_list(&errors).unwrap_or(usize::MAX);
    if torn {
        problems.note_torn(file, guessed_from);
    }
    let lines = Lines::of(text);
    let mut line_before = 0;
    errors.retain(|(offset, _)| {
        // Of several errors in a line the first is the cause.
        let line = lines.line(*offset);
        let first = std::mem::replace(&mut line_before, line) != line;
        first && *offset <= guessed_from
    });
    for (offset, message) in errors.into_iter().take(SYNTAX_ERRORS_MAX) {
        problems.note_syntax(file, offset, in_words(message));
    }
    Document {
        file,
        root: root.into_inner(),
        torn,
    }
}

/// What `toml` says where a field or table is set a second time.
const SET_TWICE: &str = "duplicate key";

/// What `toml` says where an element follows another without a comma.
const NO_COMMA: &str = "missing comma between array elements";

/// What `toml` says of what follows a value in its line.
const TOO_MUCH: &str = "unexpected key or value, expected newline";

/// What `toml` says at the end of the file if a list has no closing bracket.
const UNCLOSED_LIST: &str = "unclosed array";

/// Where an unclosed list first shows. What follows was taken for its elements: no guess about it
/// is worth reading.
fn open_list(errors: &[(usize, &str)]) -> Option<usize> {
    let unclosed = errors
        .iter()
        .any(|(_, message)| message.starts_with(UNCLOSED_LIST));
    let first = errors
        .iter()
        .find(|(_, message)| message.starts_with(NO_COMMA));
    first.filter(|_| unclosed).map(|(offset, _)| *offset)
}

/// `toml`'s words, or ours where they would not help.
fn in_words(message: &str) -> &str {
    match message {
        SET_TWICE => "this is set twice",
        _ if message.starts_with("string values must be quoted") => "text must stand in quotes",
        _ if message.starts_with(TOO_MUCH) => {
            "the value ends before this, and nothing may follow it in its line: thousands are parted by \
             _ (4_000), several values stand in [ ]"
        }
        _ if message.starts_with(NO_COMMA) => "a comma is missing, or the ] of a list before",
        _ => message,
    }
}
