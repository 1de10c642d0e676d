//! What has been taken from a configuration, until a policy is made of it.

use std::collections::BTreeMap;

use crate::import::draft::Draft;
use crate::import::finding::{Finding, Rating};
use keyweir_terms::dialect::Dialect;

/// Findings that are kept.
const FINDINGS_MAX: usize = 10_000;

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Import {
    pub(super) draft: Draft,
    pub(super) findings: Vec<Finding>,
    /// What is told first.
    pub(super) first: Vec<String>,
    /// Public names, each with what its deployments ask for, in the order of the file.
    pub(super) names: BTreeMap<String, Vec<Target>>,
    /// Keys that stand in the file. They are compared, and never written.
    pub(super) literals: Vec<String>,
    /// Fallbacks of public names.
    pub(super) fallbacks: Vec<Wanted>,
    /// Those of names that have none of their own, with their line.
    pub(super) of_all: Option<(usize, Vec<String>)>,
}

/// What a deployment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) model: String,
    pub(super) provider: usize,
    pub(super) line: usize,
}

impl Target {
    /// Whether it asks for the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.provider, &self.model) == (other.provider, &other.model)
    }
}

impl Import {
    /// What a target is asked in.
    pub(super) fn dialect(&self, target: &Target) -> Dialect {
        self.draft.providers[target.provider].vendor.dialect
    }

    pub(super) fn found(&mut self, line: usize, rating: Rating, words: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding {
                line,
                rating,
                words,
            });
        }
    }

    pub(super) fn unsupported(&mut self, line: usize, words: String) {
        self.found(line, Rating::Unsupported, words);
    }
}

/// A fallback of a public name.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) others: Vec<String>,
    pub(super) for_length: bool,
    pub(super) line: usize,
}

impl Wanted {
    /// What the list is called that it stands in.
    pub(super) const fn table(&self) -> &'static str {
        if self.for_length {
            "context_window_fallbacks"
        } else {
            "fallbacks"
        }
    }
}
