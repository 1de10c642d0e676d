//! What accounts leave with the provider: files, batches, responses.
//!
//! Each is visible only to the account that made it: another account's key gets the same answer
//! as for something that never was.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use crate::clock::Micros;

/// Everything stored.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) files: Shelf<File>,
    pub(crate) batches: Shelf<Batch>,
    /// OpenAI's stored responses, as JSON.
    pub(crate) responses: Shelf<Bytes>,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) purpose: String,
    pub(crate) created_secs: u64,
    pub(crate) content: Bytes,
}

/// A batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) created: Micros,
    /// When it was told to stop.
    pub(crate) cancelled: Option<Micros>,
    /// What is asked: the requests' names and their parameters.
    pub(crate) requests: Vec<(String, Value)>,
    /// OpenAI's: what it was made with.
    pub(crate) input_file: String,
    pub(crate) endpoint: String,
    /// OpenAI's: where the results are, once they are.
    pub(crate) output_file: Option<String>,
}

/// Things of one kind, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    order: VecDeque<String>,
    /// The account's name and the thing, by its identifier.
    things: HashMap<String, (String, T)>,
}

/// Beyond this many the oldest are thrown away.
const KEPT_MAX: usize = 10_000;

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        let inner = Inner {
            order: VecDeque::new(),
            things: HashMap::new(),
        };
        Self {
            inner: Mutex::new(inner),
        }
    }
}

impl<T: Clone> Shelf<T> {
    pub(crate) fn put(&self, account: &str, id: &str, thing: T) {
        let mut inner = self.inner.lock();
        if inner.order.len() >= KEPT_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.things.remove(&oldest);
        }
        inner.order.push_back(id.to_owned());
        inner
            .things
            .insert(id.to_owned(), (account.to_owned(), thing));
    }

    pub(crate) fn get(&self, account: &str, id: &str) -> Option<T> {
        let inner = self.inner.lock();
        let (owner, thing) = inner.things.get(id)?;
        (owner == account).then(|| thing.clone())
    }

    /// Changes a thing; `None` if there is no such thing for this account.
    pub(crate) fn change<R>(
        &self,
        account: &str,
        id: &str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut inner = self.inner.lock();
        let (owner, thing) = inner.things.get_mut(id)?;
        (owner == account).then(|| change(thing))
    }

    pub(crate) fn remove(&self, account: &str, id: &str) -> bool {
        let mut inner = self.inner.lock();
        let is_own = inner
            .things
            .get(id)
            .is_some_and(|(owner, _)| owner == account);
        if is_own {
            inner.things.remove(id);
            inner.order.retain(|other| other != id);
        }
        is_own
    }

    /// All of an account's, newest first.
    pub(crate) fn list(&self, account: &str) -> Vec<(String, T)> {
        let inner = self.inner.lock();
        let newest_first = inner.order.iter().rev();
        newest_first
            .filter_map(|id| {
                let (owner, thing) = inner.things.get(id)?;
                (owner == account).then(|| (id.clone(), thing.clone()))
            })
            .collect()
    }
}

/// A part of a list, as a client asked for it.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<(String, T)>,
    pub(crate) has_more: bool,
}

/// Cuts a list by `limit` and `after` (or `after_id`) in a query.
pub(crate) fn page<T>(mut items: Vec<(String, T)>, query: Option<&str>) -> Page<T> {
    let parameter = |name: &str| {
        let pairs = query.unwrap_or_default().split('&');
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|(is, _)| *is == name)
            .map(|(_, value)| value)
    };
    if let Some(after) = parameter("after_id").or_else(|| parameter("after"))
        && let Some(position) = items.iter().position(|(id, _)| id == after)
    {
        items.drain(..=position);
    }
    let limit = parameter("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(20_usize).clamp(1, 1_000);
    let has_more = items.len() > limit;
    items.truncate(limit);
    Page { items, has_more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_seen_by_their_own_account_only() {
        let shelf = Shelf::default();
        shelf.put("a", "1", 10);
        shelf.put("b", "2", 20);
        assert_eq!(shelf.get("a", "1"), Some(10));
        assert_eq!(shelf.get("b", "1"), None);
        assert!(!shelf.remove("b", "1"));
        assert_eq!(shelf.change("b", "1", |_| ()), None);
        assert_eq!(shelf.list("b"), [("2".to_owned(), 20)]);
    }

    #[test]
    fn pages_follow_one_another() {
        let items = |range: std::ops::Range<u32>| -> Vec<(String, u32)> {
            range.map(|n| (n.to_string(), n)).collect()
        };
        let first = page(items(0..5), Some("limit=2"));
        assert_eq!(first.items, items(0..2));
        assert!(first.has_more);
        let next = page(items(0..5), Some("limit=3&after_id=1"));
        assert_eq!(next.items, items(2..5));
        assert!(!next.has_more);
    }
}
