//! Which account last served a conversation, so that its prompt cache can be used again.
//!
//! The provider's cache lives minutes and belongs to an account; input read from it does not count
//! against the input budget. The map is bounded by keeping two generations: when the younger is
//! full it becomes the older, and what was in the older and not asked for since is forgotten.

use std::collections::HashMap;
use std::time::Duration;

use crate::ids::AccountId;
use crate::units::Time;

/// Conversations per generation.
const GENERATION_MAX: usize = 50_000;
/// How long a cache entry lives at the provider after its last use.
const LIFETIME: Duration = Duration::from_secs(300);
/// The headroom below which a preferred account is left to those who have no choice.
const HEADROOM_MIN: f64 = 0.05;
/// How much less headroom than the best a preferred account may have: a cached prompt saves most
/// of the input, but an account that is this much fuller will soon have to refuse.
const HEADROOM_SACRIFICE_MAX: f64 = 0.5;

/// Conversations and the accounts that hold their caches.
#[derive(Debug, Default)]
pub struct Affinity {
    younger: HashMap<u64, Entry>,
    older: HashMap<u64, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    account: AccountId,
    used: Time,
}

impl Affinity {
    /// The account that served this conversation, while its cache lives.
    pub fn get(&self, now: Time, conversation: u64) -> Option<AccountId> {
        let entry = self
            .younger
            .get(&conversation)
            .or_else(|| self.older.get(&conversation))?;
        (now.since(entry.used) < LIFETIME).then_some(entry.account)
    }

    /// An account served it.
    pub fn served(&mut self, now: Time, conversation: u64, account: AccountId) {
        if self.younger.len() >= GENERATION_MAX {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger
            .insert(conversation, Entry { account, used: now });
    }
}

/// Whether the account with the cache is worth taking over the one with the most room.
pub fn is_worth_it(preferred_headroom: f64, best_headroom: f64) -> bool {
    preferred_headroom >= HEADROOM_MIN.min(best_headroom)
        && best_headroom - preferred_headroom <= HEADROOM_SACRIFICE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_remembered_while_its_cache_lives() {
        let mut affinity = Affinity::default();
        affinity.served(Time::ZERO, 1, AccountId(4));
        assert_eq!(
            affinity.get(Time::ZERO + Duration::from_secs(299), 1),
            Some(AccountId(4))
        );
        assert_eq!(affinity.get(Time::ZERO + Duration::from_secs(300), 1), None);
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut affinity = Affinity::default();
        for conversation in 0..(3 * GENERATION_MAX as u64) {
            affinity.served(Time::ZERO, conversation, AccountId(0));
        }
        assert!(affinity.younger.len() + affinity.older.len() <= 2 * GENERATION_MAX);
        assert_eq!(affinity.get(Time::ZERO, 0), None);
        assert!(
            affinity
                .get(Time::ZERO, 3 * GENERATION_MAX as u64 - 1)
                .is_some()
        );
    }

    #[test]
    fn a_nearly_full_account_is_no_longer_preferred() {
        assert!(is_worth_it(0.4, 0.8));
        assert!(!is_worth_it(0.2, 0.8));
        assert!(!is_worth_it(0.01, 0.3));
        assert!(is_worth_it(0.01, 0.01));
    }
}
