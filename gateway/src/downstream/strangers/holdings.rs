//! What connections that have shown no client key hold beyond themselves: bytes of heads that are long
//! and not complete, and bodies of refused requests that are read only so that the refusal arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Stranger;

/// Bytes of incomplete heads, beyond the first few KiB of each: a thousand of the largest.
const HEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Refused requests whose bodies are still read. Each costs a task and a small buffer, for a moment.
const DRAINS_MAX: usize = 1024;

/// What one address may have of [`HEAD_BYTES_MAX`] and [`DRAINS_MAX`]: a quarter.
const OF_ONE_ADDRESS: usize = 4;

impl Stranger {
    /// Room for what the client sends of a head.
    pub(crate) fn head_room(self: &Arc<Self>) -> HeadRoom {
        HeadRoom {
            stranger: Arc::clone(self),
            bytes: 0,
        }
    }

    /// Leave to read on what a refused client sends. `None`: too many do that already.
    pub(crate) fn drain(self: &Arc<Self>) -> Option<Drain> {
        let mut state = self.strangers.state.lock();
        if state.drains >= DRAINS_MAX {
            return None;
        }
        let has_room = state.of(self.from, |held| {
            let has_room = held.drains < DRAINS_MAX / OF_ONE_ADDRESS;
            held.drains += usize::from(has_room);
            has_room
        });
        state.drains += usize::from(has_room);
        has_room.then(|| Drain(Arc::clone(self)))
    }
}

/// What a head that is not complete yet holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct HeadRoom {
    stranger: Arc<Stranger>,
    bytes: u64,
}

impl HeadRoom {
    /// Holds `bytes` more; `false`: there is no room for them. Those who have shown a key are not
    /// counted.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let (stranger, bytes) = (&self.stranger, bytes as u64);
        if stranger.is_known.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = stranger.strangers.state.lock();
        if state.head_bytes + bytes > HEAD_BYTES_MAX {
            return false;
        }
        let has_room = state.of(stranger.from, |held| {
            let has_room = held.head_bytes + bytes <= HEAD_BYTES_MAX / OF_ONE_ADDRESS as u64;
            held.head_bytes += if has_room { bytes } else { 0 };
            has_room
        });
        if has_room {
            state.head_bytes += bytes;
            self.bytes += bytes;
        }
        has_room
    }
}

impl Drop for HeadRoom {
    fn drop(&mut self) {
        let bytes = self.bytes;
        if bytes > 0 {
            let mut state = self.stranger.strangers.state.lock();
            state.head_bytes -= bytes;
            state.of(self.stranger.from, |held| held.head_bytes -= bytes);
        }
    }
}

/// Leave to read on, until dropped.
#[derive(Debug)]
pub(crate) struct Drain(Arc<Stranger>);

impl Drop for Drain {
    fn drop(&mut self) {
        let mut state = self.0.strangers.state.lock();
        state.drains -= 1;
        state.of(self.0.from, |held| held.drains -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Strangers;
    use super::*;

    fn from(address: &str) -> Option<std::net::IpAddr> {
        Some(address.parse().expect("an address"))
    }

    #[test]
    fn one_address_leaves_room_for_the_heads_of_others() {
        let strangers = Strangers::new(10, 10);
        let (one, other) = (
            strangers.enter(from("2001:db8::1")),
            strangers.enter(from("2001:db8:0:1::1")),
        );
        let neighbour = strangers.enter(from("2001:db8::2"));
        let part = HEAD_BYTES_MAX as usize / OF_ONE_ADDRESS;
        let (mut one, mut other) = (one.head_room(), other.head_room());
        assert!(one.grow(part));
        assert!(!one.grow(1));
        assert!(!neighbour.head_room().grow(1));
        assert!(other.grow(part));
        drop((one, other));
        assert_eq!(strangers.state.lock().head_bytes, 0);
    }

    #[test]
    fn drains_are_bounded_by_address_and_given_back() {
        let strangers = Strangers::new(10, 10);
        let one = strangers.enter(from("10.0.0.1"));
        let drains: Vec<_> = std::iter::from_fn(|| one.drain()).collect();
        assert_eq!(drains.len(), DRAINS_MAX / OF_ONE_ADDRESS);
        assert!(strangers.enter(from("10.0.0.2")).drain().is_some());
        drop(drains);
        assert!(one.drain().is_some());
    }
}
