//! Policies made from what other gateways, or a list of keys, say.
//!
//! Whatever is found there is rated: taken over exactly, approximately, or not at all, so that whoever
//! moves knows what is left to do. What comes out is the text of a policy file, which no check finds a
//! mistake in; secrets are in it as references only.

mod draft;
mod finding;
mod key_vendor;
pub mod keys;
pub mod litellm;
mod vendor;

pub use self::finding::{Finding, Rating};

/// What was made of it.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The policy file.
    pub policy: String,
    /// What whoever moves has to know before all else, a sentence each.
    pub first: Vec<String>,
    /// What became of each thing, in the order of lines.
    pub findings: Vec<Finding>,
}

/// Why nothing can be made of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is no YAML.
    #[error("line {line}: is not valid YAML: {why}")]
    Syntax {
        /// Where.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It is too large.
    #[error("is too large: at most {0} bytes are read")]
    TooLarge(usize),
    /// It nests too deeply.
    #[error("is nested too deeply")]
    TooDeep,
    /// It has nothing that a policy could be made from.
    #[error("has no {what} that could be taken over")]
    Nothing {
        /// What was looked for.
        what: &'static str,
        /// What became of what is there.
        findings: Vec<Finding>,
    },
}

impl ImportError {
    const fn nothing(what: &'static str, findings: Vec<Finding>) -> Self {
        Self::Nothing { what, findings }
    }
}
