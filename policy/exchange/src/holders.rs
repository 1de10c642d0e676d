//! Which account holds what: batches, files, containers, stored responses. One index for all
//! providers, so that a follow-up finds its provider by what it names.
//!
//! Only the account that made such a thing knows it. The gateway learns from answers who made what
//! and sends follow-ups there; of what it never saw made (before a restart, by another replica, with
//! the key itself) it asks account after account ([`crate::seek`]), and remembers the one that knew.
//!
//! Beside each it is known who made it, so that tenants can be kept apart ([`crate::ownership`]).
//!
//! Both are bounded. Those give way of which somebody has the most (`things.rs`): whoever makes many pushes
//! out its own. What is sealed is evicted by time, too: conversations end, and their content is nobody's to
//! send back any more.

mod things;

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_terms::ids::TenantId;
use keyweir_terms::time::Time;
use keyweir_wire::reference::is_sealed;

use crate::seek::Holder;

pub use self::things::Held;
use self::things::Things;

/// What was learned and has not been told to other gateways yet, at most: a busy second's.
const NEWS_MAX: usize = 10_000;

/// What accounts are known to hold.
#[derive(Debug, Default)]
pub struct Holders {
    /// Batches, files and the like.
    things: Things,
    /// Sealed content. Every answer of a model that thinks has some, and few outlive their
    /// conversation: they may not push out what was made to last.
    sealed: Things,
    /// What other gateways have yet to hear, where there are any.
    news: Option<VecDeque<(Box<str>, Held)>>,
    /// Things that are new or were told of differently, where anybody keeps them.
    changes: Option<Vec<Box<str>>>,
}

impl Holders {
    /// Who holds `id`, if that is known.
    pub fn of(&mut self, id: &str) -> Option<Held> {
        if is_sealed(id) {
            return self.sealed.of(id);
        }
        self.things.of(id)
    }

    /// Who made `id`, if that is known; it is not used by that.
    pub fn owner(&self, id: &str) -> Option<TenantId> {
        self.things.look(id)?.owner
    }

    /// Whether it is known of any thing where it is.
    pub fn has_things(&self) -> bool {
        !self.things.is_empty()
    }

    /// `holder` holds `id`, which `owner` made, if that was seen. A thing that has an owner keeps it,
    /// whoever is told of it later.
    pub fn learn(&mut self, id: &str, holder: Holder, owner: Option<TenantId>) {
        let (held, is_news) = self.note(id, holder, owner);
        if let Some(news) = self.news.as_mut().filter(|_| is_news) {
            if news.len() >= NEWS_MAX {
                news.pop_front();
            }
            news.push_back((id.into(), held));
        }
    }

    /// The same, from another gateway.
    pub fn hear(&mut self, id: &str, holder: Holder, owner: Option<TenantId>) {
        self.note(id, holder, owner);
    }

    /// What was learned here since this was last asked; from now on it is kept to be asked for, the
    /// latest of it.
    pub fn take_news(&mut self) -> impl Iterator<Item = (Box<str>, Held)> {
        self.news
            .replace(VecDeque::new())
            .unwrap_or_default()
            .into_iter()
    }

    /// There is nobody to be told.
    pub fn keep_no_news(&mut self) {
        self.news = None;
    }

    /// Returns what is known of it now, and whether that is another thing than before.
    fn note(&mut self, id: &str, holder: Holder, owner: Option<TenantId>) -> (Held, bool) {
        let known = self.of(id);
        let owner = known.and_then(|held| held.owner).or(owner);
        let held = Held { holder, owner };
        if is_sealed(id) {
            self.sealed.insert(id, held);
        } else {
            self.things.insert(id, held);
        }
        let is_news = known != Some(held);
        if is_news
            && !is_sealed(id)
            && let Some(changes) = &mut self.changes
        {
            changes.push(id.into());
        }
        (held, is_news)
    }

    /// From now on what changes of things is to be kept: [`Self::take_changes`] is to be asked for it every
    /// second or so.
    pub fn keep_changes(&mut self) {
        self.changes.get_or_insert_default();
        self.things.keep_gone();
    }

    /// Things that gave way to others since this was asked last.
    pub fn take_gone(&mut self) -> Vec<Box<str>> {
        self.things.take_gone()
    }

    /// Things that are new since this was asked last, or were told of differently, the oldest first.
    pub fn take_changes(&mut self) -> Vec<(Box<str>, Held)> {
        let changes = self
            .changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        let known = |id: Box<str>| {
            let held = self.things.of(&id)?;
            Some((id, held))
        };
        changes.into_iter().filter_map(known).collect()
    }

    /// Evicts what is sealed and was not used for `kept`, and at most for twice that, before `now`.
    pub fn expire_sealed(&mut self, now: Time, kept: Duration) {
        self.sealed.expire(now, kept);
    }

    /// Everything that is known but for what is sealed, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, Held)> {
        self.things.all()
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    const fn at(account: u32) -> Holder {
        (ProviderId(0), AccountId(account))
    }

    fn small() -> Holders {
        Holders {
            things: Things::of_at_most(10),
            sealed: Things::of_at_most(10),
            news: None,
            changes: None,
        }
    }

    #[test]
    fn what_is_sealed_pushes_out_nothing_that_was_made_to_last() {
        let mut holders = small();
        holders.learn("batch_1", at(1), None);
        for number in 0..1_000 {
            holders.learn(&format!("sealed#{number:016x}"), at(2), None);
        }
        assert_eq!(holders.of("batch_1").map(|held| held.holder), Some(at(1)));
        let last = holders.of("sealed#00000000000003e7");
        assert_eq!(last.map(|held| held.holder), Some(at(2)));
        assert!(holders.sealed.all().count() <= 10);
        assert_eq!(holders.all().count(), 1);
    }

    #[test]
    fn whose_answers_have_much_sealed_content_has_others_conversations_not_forgotten() {
        let mut holders = Holders::default();
        let (busy, other) = (Some(TenantId(1)), Some(TenantId(2)));
        holders.learn("sealed#of-another", at(1), other);
        for number in 0..250_000 {
            holders.learn(&format!("sealed#{number:016x}"), at(2), busy);
        }
        let known = holders.of("sealed#of-another").map(|held| held.holder);
        assert_eq!(known, Some(at(1)));
        assert!(holders.sealed.all().count() <= 100_000);
    }

    #[test]
    fn what_is_learned_is_news_once_and_what_is_heard_never() {
        let mut holders = Holders::default();
        holders.learn("batch_0", at(1), None);
        assert_eq!(holders.take_news().count(), 0, "nobody was to be told");
        holders.learn("batch_1", at(1), None);
        holders.learn("batch_1", at(1), None);
        holders.hear("batch_2", at(2), Some(TenantId(3)));
        holders.learn("batch_2", at(2), None);
        let news: Vec<_> = holders.take_news().map(|(id, _)| id).collect();
        assert_eq!(news, ["batch_1".into()]);
        assert_eq!(
            holders.of("batch_2").and_then(|it| it.owner),
            Some(TenantId(3))
        );
        for number in 0..NEWS_MAX + 7 {
            holders.learn(&format!("file_{number}"), at(1), None);
        }
        assert_eq!(holders.take_news().count(), NEWS_MAX);
        holders.keep_no_news();
        holders.learn("batch_3", at(1), None);
        assert!(holders.news.is_none());
    }

    #[test]
    fn what_is_sealed_is_kept_for_a_while_after_its_last_use_and_things_are_kept() {
        let mut holders = Holders::default();
        let kept = Duration::from_secs(100);
        let mut known = |secs: f64, id: &str| {
            holders.expire_sealed(Time::ZERO.after_secs(secs), kept);
            if secs == 0.0 {
                holders.learn(id, at(1), None);
            }
            holders.of(id).is_some()
        };
        for id in ["sealed#used", "sealed#unused", "batch_1"] {
            assert!(known(0.0, id));
        }
        for secs in [90.0, 180.0, 270.0, 360.0] {
            assert!(
                known(secs, "sealed#used") && known(secs, "batch_1"),
                "{secs}"
            );
        }
        assert!(!known(361.0, "sealed#unused"));
        assert!(!known(1_000.0, "sealed#used"), "nothing was asked for long");
        assert!(known(1_000.0, "batch_1"));
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_is_evicted() {
        let mut holders = small();
        holders.learn("used", at(1), None);
        holders.learn("unused", at(2), None);

        for number in 0..100 {
            holders.learn(&number.to_string(), at(3), None);
            assert_eq!(holders.of("used").map(|held| held.holder), Some(at(1)));
        }

        assert_eq!(holders.of("unused"), None);
        assert_eq!(holders.all().count(), 10);
    }

    #[test]
    fn what_is_new_or_told_differently_is_told_once_where_anybody_keeps_it() {
        let mut holders = Holders::default();
        holders.learn("file_1", at(1), None);
        assert!(holders.take_changes().is_empty());
        holders.keep_changes();
        holders.learn("file_1", at(1), None);
        holders.learn("sealed#1", at(1), None);
        holders.learn("file_2", at(2), Some(TenantId(1)));
        holders.learn("file_1", at(1), Some(TenantId(1)));
        let changes = holders.take_changes();
        let ids: Vec<&str> = changes.iter().map(|(id, _)| &**id).collect();
        assert_eq!(ids, ["file_2", "file_1"]);
        assert_eq!(changes[1].1.owner, Some(TenantId(1)));
        assert!(holders.take_changes().is_empty());
    }

    #[test]
    fn an_owner_is_kept_whoever_is_told_of_the_thing_later() {
        let mut holders = Holders::default();
        let owner = |holders: &mut Holders| holders.of("batch_1").expect("known").owner;
        holders.learn("batch_1", at(1), None);
        assert_eq!(owner(&mut holders), None);
        holders.learn("batch_1", at(1), Some(TenantId(1)));
        holders.learn("batch_1", at(1), Some(TenantId(2)));
        holders.learn("batch_1", at(1), None);
        assert_eq!(owner(&mut holders), Some(TenantId(1)));
        assert_eq!(holders.all().count(), 1);
    }
}
