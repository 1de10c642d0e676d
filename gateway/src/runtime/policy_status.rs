//! What operators are told of the policy in force, and of the last try to follow the files.

use std::collections::HashSet;
use std::time::SystemTime;

/// The policy in force, and the last try to replace it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyStatus {
    /// What tells its files from any others; empty where it came from none.
    pub(crate) hash: String,
    /// When it came into force.
    pub(crate) since: Option<SystemTime>,
    /// The last time that the files were read and found right.
    pub(crate) read: Option<SystemTime>,
    /// Why the files as they are now are not followed.
    pub(crate) failure: Option<Failure>,
    /// What in it is probably not meant: a line for each.
    pub(crate) warnings: Vec<String>,
    /// What of it only a restart applies: a line for each.
    pub(crate) restart: Vec<String>,
    /// Secrets that could not be read anew, and are used as they were: a line for each.
    pub(crate) secrets: Vec<String>,
}

impl PolicyStatus {
    /// Whose secrets could not be read and, as `failures` tell, can be now.
    pub(crate) fn readable_again<'a>(
        &'a self,
        failures: &'a [String],
    ) -> impl Iterator<Item = &'a str> {
        let fails = |whose: &str| failures.iter().any(|line| whose_of(line) == Some(whose));
        let before = self.secrets.iter().filter_map(|line| whose_of(line));
        before.filter(move |whose| !fails(whose))
    }

    /// Those of `warnings` that the policy in force has not, and the files as they were last found had not
    /// either: of a large policy most are told at its start.
    pub(crate) fn new_warnings<'a>(&self, warnings: &'a [String]) -> Vec<&'a String> {
        let of_failure = self.failure.iter().flat_map(|failure| &failure.warnings);
        let known: HashSet<&String> = self.warnings.iter().chain(of_failure).collect();
        warnings.iter().filter(|it| !known.contains(it)).collect()
    }
}

/// Whose secret a line is about.
fn whose_of(line: &str) -> Option<&str> {
    line.split_once(": ").map(|(whose, _)| whose)
}

/// A try that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) at: SystemTime,
    /// What is wrong, in lines.
    pub(crate) why: String,
    /// What is probably not meant beside that: a line for each.
    pub(crate) warnings: Vec<String>,
}

/// What a try came to.
#[derive(Clone, Debug)]
pub(crate) enum Reloaded {
    /// The files say what they said.
    Unchanged,
    /// The policy is another, in these points, a line for each.
    Changed(Vec<String>),
    /// The old one stays in force.
    Failed(String),
}

impl Reloaded {
    /// The name used in metrics and answers.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed(_) => "changed",
            Self::Failed(_) => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_readable_again_once_no_line_is_about_it() {
        let lines = |lines: &[&str]| lines.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let status = PolicyStatus {
            secrets: lines(&["key \"a\": its `command` failed", "key \"b\": gone"]),
            ..PolicyStatus::default()
        };
        let failures = lines(&["key \"a\": its `command` did not end"]);
        let again: Vec<&str> = status.readable_again(&failures).collect();
        assert_eq!(again, ["key \"b\""]);
    }

    #[test]
    fn a_warning_is_new_once() {
        let lines = |lines: &[&str]| lines.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let mut status = PolicyStatus {
            warnings: lines(&["a"]),
            ..PolicyStatus::default()
        };
        let found = lines(&["a", "b"]);
        assert_eq!(status.new_warnings(&found), ["b"]);
        status.failure = Some(Failure {
            at: SystemTime::UNIX_EPOCH,
            why: String::new(),
            warnings: lines(&["b"]),
        });
        assert!(status.new_warnings(&found).is_empty());
        status.warnings.clear();
        assert_eq!(status.new_warnings(&found), ["a"]);
    }
}
