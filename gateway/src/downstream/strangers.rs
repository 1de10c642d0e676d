//! Connections that have shown no client key yet.
//!
//! Whoever has shown no key holds nothing that others need. So these connections have bounds of
//! their own, in all and by address, and where a bound is reached the one that has been there
//! longest is closed for the new one: a client shows its key within milliseconds, and who does not
//! is no client, or can connect again. (Refusing the new one instead, as of connections in general,
//! would let whoever came first keep everybody else out.) The same holds where all connections there
//! may be are open.
//!
//! What they hold beyond a connection is counted here too (`holdings.rs`).

pub(crate) mod holdings;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyweir_policy::config::secret::ShownKey;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// Nobody is closed before this for a bound of strangers alone: thousands of clients that connect
/// at once wait for each other, and are no attack.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// All strangers.
#[derive(Debug)]
pub(crate) struct Strangers {
    connections_max: AtomicUsize,
    per_address_max: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// In the order in which they came.
    connections: BTreeMap<u64, Connection>,
    addresses: HashMap<Network, Held>,
    head_bytes: u64,
    drains: usize,
    given_way: u64,
    /// Connections that were closed and are not gone yet.
    leaving: usize,
}

/// Whose bounds a connection counts against. An IPv6 client has a whole network to itself.
type Network = IpAddr;

#[derive(Debug)]
struct Connection {
    from: Network,
    since: Instant,
    /// `None`: not yet told.
    task: Option<AbortHandle>,
}

/// What one address holds.
#[derive(Debug, Default)]
struct Held {
    connections: BTreeSet<u64>,
    head_bytes: u64,
    drains: usize,
}

impl Held {
    fn is_nothing(&self) -> bool {
        self.connections.is_empty() && self.head_bytes == 0 && self.drains == 0
    }
}

impl Strangers {
    /// Nobody yet, and bounds for those who come.
    pub(crate) fn new(connections_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max: connections_max.into(),
            per_address_max: per_address_max.into(),
            state: Mutex::default(),
        })
    }

    /// From now on these bounds hold for those who come.
    pub(crate) fn bound(&self, connections_max: usize, per_address_max: usize) {
        self.connections_max
            .store(connections_max, Ordering::Relaxed);
        self.per_address_max
            .store(per_address_max, Ordering::Relaxed);
    }

    /// Somebody connects. If that is one too many, another connection is closed. Those behind one
    /// address that is no client's own (`None`) are as many as there may be in all.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Arc<Stranger> {
        let from = network(address);
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.connections.insert(
            number,
            Connection {
                from,
                since: Instant::now(),
                task: None,
            },
        );
        let per_address_max = match address {
            Some(_) => self.per_address_max.load(Ordering::Relaxed),
            None => usize::MAX,
        };
        state.add(number, from, per_address_max);
        if state.connections.len() > self.connections_max.load(Ordering::Relaxed) {
            state.close_oldest(LEFT_ALONE);
        }
        drop(state);
        Arc::new(Stranger {
            strangers: Arc::clone(self),
            from,
            number,
            is_known: AtomicBool::new(false),
            shown: ShownKey::default(),
        })
    }

    /// Closes the connection that has been here longest, however short that is. `false`: there is
    /// none.
    pub(crate) fn give_way(&self) -> bool {
        self.state.lock().close_oldest(Duration::ZERO)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().connections.len()
    }

    /// How many were closed for others and are still open, for as long as that takes.
    pub(crate) fn leaving(&self) -> usize {
        self.state.lock().leaving
    }

    /// How many were closed for others so far.
    pub(crate) fn given_way(&self) -> u64 {
        self.state.lock().given_way
    }
}

impl State {
    fn close_oldest(&mut self, left_alone: Duration) -> bool {
        let oldest = self.connections.keys().next().copied();
        oldest.is_some_and(|oldest| self.close(oldest, left_alone))
    }

    /// Closes a connection, unless it has come within `left_alone`.
    fn close(&mut self, number: u64, left_alone: Duration) -> bool {
        let connection = self.connections.get(&number);
        let Some(connection) = connection.filter(|it| it.since.elapsed() >= left_alone) else {
            return false;
        };
        let Some(task) = &connection.task else {
            return false;
        };
        task.abort();
        self.given_way += 1;
        self.leaving += 1;
        self.forget(number);
        true
    }

    /// Counts a connection as one of an address, whose oldest is closed if those are too many now.
    fn add(&mut self, number: u64, to: Network, per_address_max: usize) {
        let held = self.addresses.entry(to).or_default();
        held.connections.insert(number);
        if held.connections.len() > per_address_max
            && let Some(oldest) = held.connections.first().copied()
        {
            self.close(oldest, LEFT_ALONE);
        }
    }

    /// A connection is gone, or no stranger's any more.
    fn leave(&mut self, number: u64) {
        if !self.forget(number) {
            self.leaving = self.leaving.saturating_sub(1);
        }
    }

    /// `false`: it was closed before.
    fn forget(&mut self, number: u64) -> bool {
        let Some(connection) = self.connections.remove(&number) else {
            return false;
        };
        self.of(connection.from, |held| {
            held.connections.remove(&number);
        });
        true
    }

    /// Changes what an address holds; one that holds nothing is forgotten.
    fn of<T>(&mut self, from: Network, change: impl FnOnce(&mut Held) -> T) -> T {
        let held = self.addresses.entry(from).or_default();
        let changed = change(held);
        if held.is_nothing() {
            self.addresses.remove(&from);
        }
        changed
    }
}

/// The network of an address that is counted as one.
fn network(address: Option<IpAddr>) -> Network {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Some(address) => address,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// One connection, whose client is a stranger until it has shown a key.
#[derive(Debug)]
pub(crate) struct Stranger {
    strangers: Arc<Strangers>,
    from: Network,
    number: u64,
    is_known: AtomicBool,
    /// The key that it has shown.
    pub(crate) shown: ShownKey,
}

impl Stranger {
    /// `task` is the connection's.
    pub(crate) fn served_by(&self, task: AbortHandle) {
        let mut state = self.strangers.state.lock();
        if let Some(connection) = state.connections.get_mut(&self.number) {
            connection.task = Some(task);
        }
    }

    /// A load balancer has said that `client` is behind it; from now on it counts as one of theirs.
    pub(crate) fn named(&self, client: IpAddr) -> Arc<Self> {
        let from = network(Some(client));
        let per_address_max = self.strangers.per_address_max.load(Ordering::Relaxed);
        let mut state = self.strangers.state.lock();
        state.of(self.from, |held| held.connections.remove(&self.number));
        if let Some(connection) = state.connections.get_mut(&self.number) {
            connection.from = from;
            state.add(self.number, from, per_address_max);
        }
        drop(state);
        // What is to be given back, the new one gives back.
        self.is_known.store(true, Ordering::Relaxed);
        Arc::new(Self {
            strangers: Arc::clone(&self.strangers),
            from,
            number: self.number,
            is_known: AtomicBool::new(false),
            shown: ShownKey::default(),
        })
    }

    /// It has shown a key.
    pub(crate) fn introduced(&self) {
        // Requests of one HTTP/2 connection come at the same time.
        if !self.is_known.load(Ordering::Relaxed) && !self.is_known.swap(true, Ordering::Relaxed) {
            self.strangers.state.lock().leave(self.number);
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if !*self.is_known.get_mut() {
            self.strangers.state.lock().leave(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Option<IpAddr> {
        Some(address.parse().expect("an address"))
    }

    fn task() -> AbortHandle {
        tokio::spawn(std::future::pending::<()>()).abort_handle()
    }

    #[tokio::test]
    async fn the_oldest_gives_way_and_who_has_shown_a_key_does_not() {
        let strangers = Strangers::new(10, 10);
        let (known, old) = (strangers.enter(None), strangers.enter(None));
        let (known_task, old_task) = (task(), task());
        known.served_by(known_task.clone());
        old.served_by(old_task.clone());
        known.introduced();
        assert_eq!(strangers.count(), 1);

        assert!(strangers.give_way());
        tokio::task::yield_now().await;

        assert!(old_task.is_finished());
        assert!(!known_task.is_finished());
        assert!(!strangers.give_way());
        assert_eq!((strangers.count(), strangers.given_way()), (0, 1));
        // Until it is gone, it still counts as open.
        assert_eq!(strangers.leaving(), 1);
        drop((old, known));
        assert_eq!(strangers.leaving(), 0);
    }

    #[tokio::test]
    async fn nobody_who_has_just_come_is_closed_for_a_bound_of_strangers() {
        let strangers = Strangers::new(2, 1);
        let came: Vec<_> = (0..4).map(|_| strangers.enter(None)).collect();
        for stranger in &came {
            stranger.served_by(task());
        }
        assert_eq!(strangers.count(), 4);
        drop(came);
        assert_eq!(strangers.count(), 0);
        assert!(strangers.state.lock().addresses.is_empty());
    }

    #[tokio::test]
    async fn who_is_named_by_a_load_balancer_counts_as_its_clients_from_then_on() {
        let strangers = Strangers::new(10, 1);
        let unnamed = strangers.enter(None);
        let (task, client) = (task(), from("192.0.2.7").expect("one"));
        let named = unnamed.named(client);
        // The connection's task is told when it is there, which may be later.
        unnamed.served_by(task.clone());
        drop(unnamed);
        assert_eq!(strangers.count(), 1);
        assert_eq!(
            strangers.state.lock().addresses[&client].connections.len(),
            1
        );

        assert!(strangers.give_way());
        tokio::task::yield_now().await;
        assert!(task.is_finished());
        drop(named);
        assert_eq!(strangers.count(), 0);
        assert!(strangers.state.lock().addresses.is_empty());
    }
}
