//! What is different between two policies: what a reload would do, as a value.
//!
//! Whoever reloads a policy applies [`Difference::changes`] and logs them; whoever only wants to know
//! (`check` against the policy in force) prints them. Things are compared by name, so the two may
//! have been read apart from each other and need not have the same ids.
//!
//! Nothing in it is a secret, nor leads to one: where a secret stands is told, and of a client key
//! the beginning of its hash.

mod accounts;
mod aliases;
mod allowances;
mod certificates;
mod change;
mod fallbacks;
mod issuers;
mod limits;
mod pairs;
mod providers;
mod settings;
mod show;
mod tenants;

#[cfg(test)]
mod tests;

use std::fmt;

use self::change::Changes;
use crate::file::Policy;

pub use self::change::{Change, Subject, What};

/// All that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What a reload applies.
    pub changes: Vec<Change>,
    /// What only a restart applies: listeners' addresses, TLS on or off, the number of threads.
    pub restart: Vec<Change>,
}

impl Difference {
    /// What is different in `after`.
    pub fn between(before: &Policy, after: &Policy) -> Self {
        let Policy {
            gateway: _,
            waiting: _,
            retry: _,
            providers: _,
            provider_order: _,
            tenancy: _,
            groups: _,
            prices: _,
            tenants: _,
            aliases: _,
            fallbacks: _,
        } = before;
        let (mut changes, mut restart) = (Changes::default(), Changes::default());
        compare(before, after, &mut changes, &mut restart);
        Self {
            changes: changes.found,
            restart: restart.found,
        }
    }

    /// Whether everybody who reaches the gateway would be served after it, and nobody without a key before:
    /// the last tenant is gone. A folder that is copied or emptied looks so for a moment, and nobody means it.
    pub fn lets_everybody_in(before: &Policy, after: &Policy) -> bool {
        after.tenants.is_empty() && !before.tenants.is_empty()
    }

    /// All that `policy` says, its defaults included: a line for each thing, without secrets.
    pub fn whole(policy: &Policy) -> Self {
        let (mut changes, mut restart) = (Changes::all(), Changes::all());
        compare(policy, policy, &mut changes, &mut restart);
        restart.found.append(&mut changes.found);
        Self {
            changes: restart.found,
            restart: Vec::new(),
        }
    }

    /// Whether the two policies say the same.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.restart.is_empty()
    }
}

fn compare(before: &Policy, after: &Policy, changes: &mut Changes, restart: &mut Changes) {
    settings::compare(before, after, changes, restart);
    providers::compare(before, after, changes);
    accounts::compare(before, after, changes);
    allowances::compare(before, after, changes);
    tenants::compare(before, after, changes);
    aliases::compare(before, after, changes);
    fallbacks::compare(before, after, changes);
}

impl fmt::Display for Difference {
    /// A line for each change, those first that a reload applies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for change in &self.restart {
            writeln!(f, "{change} (needs a restart)")?;
        }
        Ok(())
    }
}
