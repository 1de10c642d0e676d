//! Things that are remembered, so many of them. When there are more, those give way of which somebody has
//! the most, the ones that were not used for longest first: a tenant whose answers are stored a thousand
//! times an hour makes nobody forget another's file, nor its own.
//!
//! Where time counts ([`Things::expire`]), the unused are evicted in rounds: whatever was not used since
//! the round before began.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use keyweir_terms::ids::TenantId;
use keyweir_terms::time::Time;
use keyweir_wire::reference::is_of_an_answer;

use crate::seek::Holder;

/// Where a thing is, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: Holder,
    /// Who made it, if that was seen.
    pub owner: Option<TenantId>,
}

/// Things in all: some 20 MiB, and months of batches for most. Of what is sealed, the newest pieces of
/// thousands of conversations.
const THINGS_MAX: usize = 100_000;
/// The part of them that gives way at once, so that the one who has the most is seldom looked for.
const PARTS: usize = 128;

/// What gives way for its own kind: what one tenant made, and of that what its answers left behind apart
/// from what was made to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Share {
    owner: Option<TenantId>,
    is_of_an_answer: bool,
}

impl Share {
    fn of(id: &str, held: Held) -> Self {
        Self {
            owner: held.owner,
            is_of_an_answer: is_of_an_answer(id),
        }
    }
}

#[derive(Debug)]
struct Thing {
    held: Held,
    /// Since its share was last looked through.
    is_used: bool,
    /// The round of its last use.
    round: u32,
}

/// Which things there are.
#[derive(Debug)]
pub(super) struct Things {
    known: HashMap<Arc<str>, Thing>,
    /// Each share's in the order of their coming. One whose owner came to be known stands in the queue of
    /// nobody's, too.
    shares: BTreeMap<Share, VecDeque<Arc<str>>>,
    max: usize,
    /// What gave way, where anybody keeps that.
    gone: Option<Vec<Box<str>>>,
    /// Rounds of time, where it counts.
    round: u32,
    /// When this one began.
    since: Time,
}

impl Default for Things {
    fn default() -> Self {
        Self::of_at_most(THINGS_MAX)
    }
}

impl Things {
    pub(super) fn of_at_most(max: usize) -> Self {
        Self {
            known: HashMap::new(),
            shares: BTreeMap::new(),
            max,
            gone: None,
            round: 0,
            since: Time::ZERO,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn of(&mut self, id: &str) -> Option<Held> {
        let thing = self.known.get_mut(id)?;
        thing.is_used = true;
        thing.round = self.round;
        Some(thing.held)
    }

    /// The same of one that is not used by that.
    pub(super) fn look(&self, id: &str) -> Option<Held> {
        Some(self.known.get(id)?.held)
    }

    pub(super) fn insert(&mut self, id: &str, held: Held) {
        let share = Share::of(id, held);
        if let Some(thing) = self.known.get_mut(id) {
            let before = Share::of(id, thing.held);
            thing.held = held;
            thing.round = self.round;
            if before != share {
                self.shares.entry(share).or_default().push_back(id.into());
            }
            return;
        }
        if self.known.len() >= self.max {
            self.evict();
        }
        let id: Arc<str> = id.into();
        self.shares
            .entry(share)
            .or_default()
            .push_back(Arc::clone(&id));
        let thing = Thing {
            held,
            is_used: false,
            round: self.round,
        };
        self.known.insert(id, thing);
    }

    /// Evicts what was not used for `kept`, and at most for twice that, before `now`.
    pub(super) fn expire(&mut self, now: Time, kept: Duration) {
        let age = now.since(self.since);
        if age < kept {
            return;
        }
        let is_any_used = age < kept * 2;
        self.known
            .retain(|_, thing| is_any_used && thing.round == self.round);
        self.shares.retain(|_, queue| {
            queue.retain(|id| self.known.contains_key(id));
            !queue.is_empty()
        });
        self.round = self.round.wrapping_add(1);
        self.since = now;
    }

    /// Everything that is known, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Held)> {
        self.known.iter().map(|(id, thing)| (&**id, thing.held))
    }

    pub(super) fn keep_gone(&mut self) {
        self.gone.get_or_insert_default();
    }

    pub(super) fn take_gone(&mut self) -> Vec<Box<str>> {
        self.gone.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn evict(&mut self) {
        let largest = self.shares.iter_mut().max_by_key(|(_, queue)| queue.len());
        let Some((share, queue)) = largest else {
            return;
        };
        let mut left = (self.max / PARTS).max(1);
        while left > 0
            && let Some(id) = queue.pop_front()
        {
            let thing = self.known.get_mut(&id);
            let Some(thing) = thing.filter(|it| Share::of(&id, it.held) == *share) else {
                continue;
            };
            if std::mem::take(&mut thing.is_used) {
                queue.push_back(id);
                continue;
            }
            self.known.remove(&id);
            left -= 1;
            if let Some(gone) = &mut self.gone {
                gone.push((&*id).into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    fn by(owner: Option<u32>) -> Held {
        Held {
            holder: (ProviderId(0), AccountId(0)),
            owner: owner.map(TenantId),
        }
    }

    #[test]
    fn whoever_makes_many_pushes_out_its_own() {
        let mut things = Things::of_at_most(1_000);
        things.keep_gone();
        things.insert("file-1", by(Some(1)));
        things.insert("file-2", by(Some(2)));
        for number in 0..50_000 {
            things.insert(&format!("resp_{number}"), by(Some(2)));
            if number % 200 == 0 {
                things.insert(&format!("file-of-3-{number}"), by(Some(3)));
            }
        }
        assert!(things.look("file-1").is_some(), "another's");
        assert!(things.look("file-2").is_some(), "its own that was to last");
        assert!(things.look("file-of-3-0").is_some());
        assert!(things.look("resp_0").is_none() && things.look("resp_49999").is_some());
        assert!(things.all().count() <= 1_000);
        let queued: usize = things.shares.values().map(VecDeque::len).sum();
        assert_eq!(queued, things.known.len());
        let gone = things.take_gone();
        assert_eq!(gone.len() + things.known.len(), 50_252);
        assert!(things.take_gone().is_empty());
    }

    #[test]
    fn what_gets_an_owner_is_the_owners() {
        let mut things = Things::of_at_most(4);
        things.insert("file-1", by(None));
        things.insert("file-1", by(Some(1)));
        for number in 0..20 {
            things.insert(&format!("file-of-2-{number}"), by(Some(2)));
            things.insert(&format!("file-{number}0"), by(None));
        }
        assert_eq!(things.look("file-1"), Some(by(Some(1))));
        assert_eq!(things.all().count(), 4);
    }
}
