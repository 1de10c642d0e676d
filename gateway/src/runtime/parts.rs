//! A pool's accounts and keys beside what the pool knows of them: what they are called, the secrets
//! that are sent, and what the log says when something happens to one.
//!
//! Replaced as a whole by a reload, for all requests at once: a request may be granted a key that its
//! own policy did not have, and a changed secret counts from the next attempt. What is gone is kept
//! for a while, because requests that have a lease of it are still to send it, or to name it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use keyweir_policy::pool::ask::Notice;
use keyweir_policy::pool::operator::Action;
use keyweir_policy::terms::ids::{AccountId, KeyId};
use keyweir_policy::terms::table::{Id, Table};
use keyweir_policy::wire::trace::Traces;

use crate::runtime::told::{Out, Said, Told};
use crate::telemetry::events::{Event, Events, Severity};

/// How long what is gone is kept: far longer than from a lease to its being sent. Who names it later
/// writes [`UNNAMED`].
const KEPT: Duration = Duration::from_secs(60);

/// What stands for a name that nobody knows any more.
const UNNAMED: &str = "?";

/// A pool's accounts and keys.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) provider: String,
    accounts: Table<AccountId, String>,
    keys: Table<KeyId, Arc<ProviderKey>>,
    accounts_gone: Vec<(Instant, AccountId)>,
    keys_gone: Vec<(Instant, KeyId)>,
}

/// A provider key, ready to be sent.
pub(crate) struct ProviderKey {
    /// What logs call it.
    pub(crate) label: String,
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
    /// What its secret is recognized by in answers.
    pub(crate) traces: Arc<Traces>,
}

impl Parts {
    pub(crate) fn new(
        provider: String,
        accounts: Table<AccountId, String>,
        keys: Table<KeyId, Arc<ProviderKey>>,
    ) -> Self {
        Self {
            provider,
            accounts,
            keys,
            ..Self::default()
        }
    }

    /// These after `before`: what is gone of that stays for a while.
    pub(crate) fn after(mut self, before: &Self, now: Instant) -> Self {
        self.accounts_gone = keep(
            &mut self.accounts,
            &before.accounts,
            &before.accounts_gone,
            now,
        );
        self.keys_gone = keep(&mut self.keys, &before.keys, &before.keys_gone, now);
        self
    }

    /// The keys that are sent in another way than `before`.
    pub(crate) fn renewed_since(&self, before: &Self) -> Vec<KeyId> {
        let is_renewed = |(id, key): (KeyId, &Arc<ProviderKey>)| {
            let known = before.keys.get(id)?;
            let is_same = (&known.header, &known.value) == (&key.header, &key.value);
            (!is_same).then_some(id)
        };
        self.keys.iter().filter_map(is_renewed).collect()
    }

    /// The credential of a key; `None`: it has been gone for long.
    pub(crate) fn credential(&self, key: KeyId) -> Option<&Arc<ProviderKey>> {
        self.keys.get(key)
    }

    /// What a key is called.
    pub(crate) fn key(&self, key: KeyId) -> &str {
        self.keys.get(key).map_or(UNNAMED, |key| &key.label)
    }

    /// All accounts, and what they are called.
    #[cfg(feature = "demo")]
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (AccountId, &str)> {
        self.accounts.iter().map(|(id, name)| (id, name.as_str()))
    }

    /// Whether an account is there, or was a moment ago.
    pub(super) fn has_account(&self, account: AccountId) -> bool {
        self.accounts.get(account).is_some()
    }

    /// What an account is called.
    pub(crate) fn account(&self, account: AccountId) -> &str {
        self.accounts.get(account).map_or(UNNAMED, String::as_str)
    }

    /// What a provider said, without anything of the credentials of its keys.
    pub(super) fn redacted(&self, said: &Said) -> Said {
        said.without(self.keys.values().map(|key| &*key.traces))
    }

    /// Tells the log and the `events` of `notice`, with how somebody is out and what the provider said.
    pub(crate) fn tell(
        &self,
        notice: Notice,
        (out, said): (Option<&Out>, Option<&Said>),
        events: &Events,
    ) {
        let told = Told {
            out,
            said,
            ..self.told(notice)
        };
        let event = Event {
            provider: Some(self.provider.clone()),
            account: told.account.map(str::to_owned),
            key: told.key.map(str::to_owned),
            ..Event::new(told.severity, told.text())
        };
        if let Some(unlogged) = events.add(event) {
            told.log(&self.provider, unlogged);
        }
    }

    fn told(&self, notice: Notice) -> Told<'_> {
        use Severity::{Error, Info, Warning};
        let of_key = |id, severity, text| Told {
            key: Some(self.key(id)),
            ..Told::new(severity, text)
        };
        let of_account = |id, severity, text| Told {
            account: Some(self.account(id)),
            ..Told::new(severity, text)
        };
        match notice {
            Notice::KeySuspected(id) => of_key(
                id,
                Warning,
                "the provider refused this key once; another request will show whether it is out",
            ),
            Notice::AccountSuspected(id) => of_account(
                id,
                Warning,
                "the provider refused this account once; another request will show whether it is out",
            ),
            Notice::KeyOut(id) => of_key(id, Error, "the provider rejects this key"),
            Notice::KeyBack(id) => of_key(id, Info, "a key is accepted again"),
            Notice::AccountOut(id) => {
                of_account(id, Error, "an account is out of money or disabled")
            }
            Notice::AccountBack(id) => of_account(id, Info, "an account serves again"),
            Notice::BreakerTripped(id) => {
                of_key(id, Warning, "a key keeps failing; its breaker is open")
            }
            Notice::BreakerClosed(id) => of_key(
                id,
                Info,
                "a key that kept failing serves again; its breaker is closed",
            ),
            Notice::OverloadBegan => Told::new(
                Warning,
                "the provider is overloaded; requests are held back",
            ),
            Notice::OverloadEnded => Told::new(Info, "the provider serves again"),
            Notice::KeyOperated(id, action) => of_key(id, Warning, operated(action)),
            Notice::KeyRenewed(id) => of_key(
                id,
                Info,
                "a key has another secret; what spoke against the old one is cleared",
            ),
            Notice::AccountOperated(id, action) => of_account(id, Warning, operated(action)),
            Notice::SameAccount(one, other) => Told {
                other: Some(self.account(other)),
                ..of_account(
                    one,
                    Warning,
                    "the provider says these are one account; they share one budget from now on",
                )
            },
            Notice::SameOrganization(one, other) => Told {
                other: Some(self.account(other)),
                ..of_account(
                    one,
                    Warning,
                    "these accounts are of one organization, but their limits differ",
                )
            },
        }
    }
}

const fn operated(action: Action) -> &'static str {
    match action {
        Action::Drain => "held by an operator; it takes no more requests until it is resumed",
        Action::Resume => "resumed by an operator",
        Action::Trip => "taken out by an operator; it is probed later",
        Action::Reset => "reset by an operator; what spoke against it is cleared",
    }
}

/// Adds to `rows` those of `before` that are gone and may still be named; says which, and since when.
fn keep<I: Id, T: Clone>(
    rows: &mut Table<I, T>,
    before: &Table<I, T>,
    gone_before: &[(Instant, I)],
    now: Instant,
) -> Vec<(Instant, I)> {
    let mut gone = Vec::new();
    for (id, row) in before.iter() {
        if rows.get(id).is_some() {
            continue;
        }
        let mut known = gone_before.iter();
        let since = known.find(|(_, other)| *other == id);
        let since = since.map_or(now, |(since, _)| *since);
        if now.duration_since(since) < KEPT {
            rows.insert(id, row.clone());
            gone.push((since, id));
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(keys: &[(u32, &str)]) -> Parts {
        let mut table = Table::default();
        for (id, label) in keys {
            let key = ProviderKey {
                label: (*label).to_owned(),
                header: HeaderName::from_static("x-api-key"),
                value: HeaderValue::from_static("sk"),
                traces: Arc::new(Traces::of("sk")),
            };
            table.insert(KeyId(*id), Arc::new(key));
        }
        Parts::new("p".to_owned(), Table::default(), table)
    }

    #[test]
    fn what_is_gone_is_kept_for_a_while_and_only_for_that() {
        let start = Instant::now();
        let second = parts(&[(1, "b")]).after(&parts(&[(0, "a"), (1, "b")]), start);
        assert_eq!((second.key(KeyId(0)), second.key(KeyId(1))), ("a", "b"));
        let third = parts(&[(1, "b")]).after(&second, start + KEPT / 2);
        assert!(third.credential(KeyId(0)).is_some());
        let fourth = parts(&[(1, "b")]).after(&third, start + KEPT);
        assert!(fourth.credential(KeyId(0)).is_none());
        assert_eq!(fourth.key(KeyId(0)), UNNAMED);
        // What comes back is there as before.
        let back = parts(&[(0, "a")]).after(&third, start + KEPT);
        assert_eq!(back.key(KeyId(0)), "a");
        assert!(back.keys_gone.iter().all(|(_, id)| *id == KeyId(1)));
    }
}
