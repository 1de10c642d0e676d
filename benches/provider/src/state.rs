//! What all connections of one provider share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::accounts::Accounts;
use crate::clock::{Clock, Micros};
use crate::counters::Live;
use crate::fault_table::FaultTable;
use crate::latency::Latency;
use crate::recorder::Recorder;
use crate::store::Store;
use crate::world::World;

/// One provider.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) accounts: Accounts,
    pub(crate) faults: FaultTable,
    pub(crate) live: Live,
    pub(crate) recorder: Recorder,
    pub(crate) store: Store,
    /// The world's, until it is changed.
    pub(crate) latency: RwLock<Latency>,
    /// Known once the socket is bound.
    pub(crate) base_url: OnceLock<String>,
    drawn: AtomicU64,
}

impl State {
    pub(crate) fn new(world: World, clock: Clock) -> Self {
        let state = Self {
            accounts: Accounts::new(&world),
            faults: FaultTable::new(world.seed),
            live: Live::default(),
            recorder: Recorder::new(world.record_requests, world.record_body_bytes),
            store: Store::default(),
            latency: RwLock::new(world.latency),
            base_url: OnceLock::new(),
            drawn: AtomicU64::new(0),
            clock,
            world,
        };
        for rule in &state.world.faults {
            state.faults.set(rule.clone(), state.now());
        }
        state
    }

    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// The next number of the seeded sequence: splitmix64.
    pub(crate) fn draw(&self) -> u64 {
        let index = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut z = (self.world.seed.wrapping_add(index)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A new identifier like the provider's: a prefix and 24 letters and digits.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut id = String::with_capacity(prefix.len() + 24);
        id.push_str(prefix);
        for _ in 0..3 {
            let mut bits = self.draw();
            for _ in 0..8 {
                id.push(DIGITS[(bits % 58) as usize] as char);
                bits /= 58;
            }
        }
        id
    }

    /// Seconds since 1970, as `created` fields have it.
    pub(crate) fn unix_secs(&self) -> u64 {
        self.clock.unix_micros(self.now()) / 1_000_000
    }

    /// Where this provider is reached, without a slash at the end.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }
}
