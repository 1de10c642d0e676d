//! A limit of requests at a time: whether one more may run.

use std::time::Duration;

use crate::room::Room;
use crate::sharing::Sharing;

/// So many requests at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Concurrency {
    pub(crate) max: u32,
    pub(crate) running: u32,
    pub(crate) places: Option<Places>,
}

/// Requests at a time, until the others are heard again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// So many may run here …
    pub(crate) here: u32,
    /// … and so many were free for all.
    pub(crate) free: u32,
}

impl Concurrency {
    /// Whether one more may run here.
    pub(crate) fn room(&self, sharing: Sharing) -> Room {
        if self.max == 0 {
            return Room::Never;
        }
        let told = self.places.filter(|_| sharing.is_heard).map(|it| it.here);
        let here = told.unwrap_or_else(|| self.max.div_ceil(sharing.replicas.count()));
        if self.running < here {
            Room::In(Duration::ZERO)
        } else {
            Room::WhenOthersEnd
        }
    }

    /// Whether a place is free for all.
    pub(crate) fn is_left(&self) -> bool {
        self.places.is_some_and(|it| it.free > 0)
    }

    pub(crate) const fn take(&mut self) {
        self.running += 1;
    }

    pub(crate) const fn give_back(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}
