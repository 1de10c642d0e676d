//! What operators should hear of, until the driver fetches it.

use std::collections::VecDeque;

use crate::ask::Notice;

/// Notices kept for a driver that does not fetch them. A driver fetches after every call, and one
/// call makes a few.
const KEPT_MAX: usize = 1_000;

/// Notices not fetched yet.
#[derive(Debug, Default)]
pub(crate) struct Notices(VecDeque<Notice>);

impl Notices {
    pub(crate) fn add(&mut self, notice: Notice) {
        if self.0.len() < KEPT_MAX {
            self.0.push_back(notice);
        }
    }

    pub(crate) fn next(&mut self) -> Option<Notice> {
        self.0.pop_front()
    }
}
