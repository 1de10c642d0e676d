//! Which account a request must go to: the one that the thing it names lives on.
//!
//! A batch, a file or a stored response is known to the account that made it and to no other. Where
//! nobody remembers which that was, account after account is asked until one knows.

use std::collections::VecDeque;

use keyweir_terms::ids::{AccountId, ProviderId};

/// Accounts asked for a thing that nobody remembers. Each costs a request, and guessed ids must not
/// make a large pool ask itself empty.
pub const ASKED_MAX: usize = 32;

/// A provider's account.
pub type Holder = (ProviderId, AccountId);

/// Where a request may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// To any account.
    #[default]
    Any,
    /// To this account of its provider.
    Known(AccountId),
    /// To one account that is not known: to be asked in turn.
    Sought(VecDeque<Holder>),
}

impl Home {
    /// One of `candidates`, of which at most [`ASKED_MAX`] are asked.
    pub fn sought(candidates: impl Iterator<Item = Holder>) -> Self {
        Self::Sought(candidates.take(ASKED_MAX).collect())
    }

    /// The account to ask, of a provider that has been chosen.
    pub(crate) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Any => None,
            Self::Known(account) => Some(*account),
            Self::Sought(holders) => holders.front().map(|(_, account)| *account),
        }
    }

    /// Goes on to the next account, because the one asked does not know the thing.
    pub(crate) fn next(&mut self) -> Option<Holder> {
        let Self::Sought(holders) = self else {
            return None;
        };
        if holders.len() <= 1 {
            return None;
        }
        holders.pop_front();
        holders.front().copied()
    }

    pub(crate) const fn is_sought(&self) -> bool {
        matches!(self, Self::Sought(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_asked_one_after_the_other_and_not_without_end() {
        let all = (0..1000).map(|n| (ProviderId(n % 2), AccountId(n)));
        let mut home = Home::sought(all);
        let mut asked = 1;
        while home.next().is_some() {
            asked += 1;
        }
        assert_eq!(asked, ASKED_MAX);
        assert_eq!(Home::Any.next(), None);
        assert_eq!(Home::Known(AccountId(1)).next(), None);
    }
}
