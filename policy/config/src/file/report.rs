//! What is wrong with the policy files, for people.

use std::fmt;

/// Whether a [`Problem`] keeps the policy from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but is probably not what was meant.
    Warning,
}

/// One thing that is wrong. It never holds a secret or a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name; empty where the problem is in no file.
    pub file: String,
    /// The line, from 1; 0 where the problem is with the file as a whole.
    pub line: usize,
    /// The column, in characters, from 1; 0 where the problem is with the file as a whole.
    pub column: usize,
    /// The path to the field: `account[2].key[0].secret`; indexes count from 0 in each file.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// All problems of one reading, by file and position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The problems; of very many, the first thousand found.
    pub problems: Vec<Problem>,
    /// Errors beyond those.
    pub errors_left_out: usize,
    /// Warnings beyond those.
    pub warnings_left_out: usize,
}

impl Report {
    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error) + self.errors_left_out
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning) + self.warnings_left_out
    }

    /// "3 errors, 1 warning"; "no problems" if there are none.
    pub fn summary(&self) -> String {
        let parts = [
            counted(self.errors(), "error"),
            counted(self.warnings(), "warning"),
        ];
        let summary = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if summary.is_empty() {
            "no problems".into()
        } else {
            summary
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    }
}

fn counted(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    }
}

impl fmt::Display for Problem {
    /// `keys.toml:12:8: account[2].provider: what is wrong; what to write instead`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            f.write_str(&self.file)?;
            if self.line > 0 {
                write!(f, ":{}:{}", self.line, self.column)?;
            }
            f.write_str(": ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        self.hint
            .as_ref()
            .map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl fmt::Display for Report {
    /// One problem a line, then the summary; each line ends in a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        let left_out = self.errors_left_out + self.warnings_left_out;
        if left_out > 0 {
            writeln!(f, "… and {left_out} more")?;
        }
        writeln!(f, "{}", self.summary())
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity) -> Problem {
        Problem {
            severity,
            file: "a.toml".to_owned(),
            line: 0,
            column: 0,
            field: String::new(),
            message: "bad".to_owned(),
            hint: None,
        }
    }

    #[test]
    fn summary_counts_with_the_right_plural() {
        let summary = |errors: usize, warnings: usize| {
            let mut report = Report::default();
            report
                .problems
                .extend((0..errors).map(|_| problem(Severity::Error)));
            report
                .problems
                .extend((0..warnings).map(|_| problem(Severity::Warning)));
            report.summary()
        };
        assert_eq!(summary(0, 0), "no problems");
        assert_eq!(summary(1, 0), "1 error");
        assert_eq!(summary(0, 2), "2 warnings");
        assert_eq!(summary(3, 1), "3 errors, 1 warning");
    }

    #[test]
    fn problem_shows_only_what_it_has() {
        let mut shown = problem(Severity::Error);
        assert_eq!(shown.to_string(), "a.toml: bad");
        shown.severity = Severity::Warning;
        (shown.line, shown.column, shown.field) = (3, 7, "retry".into());
        shown.hint = Some("write good".into());
        assert_eq!(
            shown.to_string(),
            "a.toml:3:7: warning: retry: bad; write good"
        );
        shown.file.clear();
        assert_eq!(shown.to_string(), "warning: retry: bad; write good");
    }
}
