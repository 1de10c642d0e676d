//! Which account last served a conversation, so that its prompt cache can be used again.
//!
//! The provider's cache lives minutes and belongs to an account; input read from it does not count
//! against the input budget. The map is bounded by keeping two generations: when the younger is
//! full it becomes the older, and what was in the older and not asked for since is evicted.

use std::time::Duration;

use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::ids::{AccountId, TenantId};
use keyweir_terms::name_map::NameMap;
use keyweir_terms::request::Description;
use keyweir_terms::time::Time;

/// Headers in which clients name their session: ours, and those of coding agents.
pub const SESSION_HEADERS: [&str; 3] = [
    "x-keyweir-session",
    "x-claude-code-session-id",
    "session_id",
];
/// Tokens of the shortest prompt that any provider caches.
///
/// Sources: Anthropic's and OpenAI's guides to prompt caching; from 512 to 4,096, by model.
const CACHED_LEAST: u64 = 512;
/// Bytes of text in a token, at the least: four is the rule of thumb for English prose, and code has
/// fewer.
const TOKEN_BYTES: u64 = 3;
/// Conversations per generation: 170 new ones per second of the cache's life, in some 2 MB.
const GENERATION_MAX: usize = 50_000;
/// How long a cache entry lives at the provider after its last use: five minutes at Anthropic, five to
/// ten at OpenAI, by their guides to prompt caching.
const LIFETIME: Duration = Duration::from_secs(300);
/// The headroom below which a preferred account is left to those who have no choice: so
/// little is less than a single large request takes.
const HEADROOM_MIN: f64 = 0.05;
/// How much less headroom than the best a preferred account may have: a cached prompt saves most
/// of the input, but an account that is this much fuller will soon have to refuse. Neither figure is
/// measured: no simulated world has conversations.
const HEADROOM_SACRIFICE_MAX: f64 = 0.5;

/// Conversations and the accounts that hold their caches.
#[derive(Debug, Default)]
pub struct Affinity {
    younger: NameMap<u64, Entry>,
    older: NameMap<u64, Entry>,
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

/// What a request's conversation is known by: the session that its client names, or else what
/// `description` recognizes of its prompt. A prompt that is too short to be cached belongs to
/// none: keeping such requests together would save nothing and take the choice from them.
///
/// Tenants have conversations of their own, whatever they name them.
pub fn conversation(
    tenant: TenantId,
    session: Option<&[u8]>,
    description: &Description,
) -> Option<u64> {
    let size = &description.size;
    let is_cached = size.text_bytes / TOKEN_BYTES + size.media_tokens >= CACHED_LEAST;
    let named = session.map(fingerprint).or(description.session);
    let known_by = named.or(description.affinity.filter(|_| is_cached))?;
    let mut conversation = Fingerprint::default();
    conversation.mix_word(u64::from(tenant.0));
    conversation.mix_word(known_by);
    conversation.finish()
}

fn fingerprint(session: &[u8]) -> u64 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.mix(session);
    fingerprint.finish().unwrap_or_default()
}

/// Whether the account with the cache is worth taking over the one with the most headroom.
pub fn is_worth_it(preferred_headroom: f64, best_headroom: f64) -> bool {
    preferred_headroom >= HEADROOM_MIN.min(best_headroom)
        && best_headroom - preferred_headroom <= HEADROOM_SACRIFICE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyweir_terms::request::RequestSize;

    fn prompt(text_bytes: u64, media_tokens: u64) -> Description {
        Description {
            affinity: Some(7),
            size: RequestSize {
                text_bytes,
                media_tokens,
                output_max: None,
            },
            ..Description::default()
        }
    }

    #[test]
    fn a_prompt_makes_a_conversation_only_where_it_can_be_cached() {
        let of = |description: &Description| conversation(TenantId(1), None, description);
        assert_eq!(of(&prompt(1_000, 0)), None);
        assert!(of(&prompt(1_000, 1_500)).is_some());
        assert!(of(&prompt(4_000, 0)).is_some());
        assert_eq!(of(&prompt(4_000, 0)), of(&prompt(9_000, 0)));
    }

    #[test]
    fn a_named_session_is_a_conversation_whatever_its_prompt() {
        let of = |tenant, session, description: &Description| {
            conversation(TenantId(tenant), Some(session), description)
        };
        let (one, other) = (&b"one"[..], &b"other"[..]);
        assert!(of(1, one, &prompt(10, 0)).is_some());
        assert_eq!(of(1, one, &prompt(10, 0)), of(1, one, &prompt(4_000, 0)));
        assert_ne!(of(1, one, &prompt(10, 0)), of(1, other, &prompt(10, 0)));
        assert_ne!(of(1, one, &prompt(10, 0)), of(2, one, &prompt(10, 0)));
        let named = Description {
            session: Some(9),
            ..prompt(10, 0)
        };
        assert!(conversation(TenantId(1), None, &named).is_some());
    }

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
    fn memory_is_bounded_and_the_oldest_are_evicted() {
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
