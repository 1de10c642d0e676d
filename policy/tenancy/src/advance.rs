//! What of a hard budget is written down as spent before it is taken, so that a process that is killed
//! gives none of it a second time.
//!
//! Writing what was spent when it was spent was rejected: whatever runs when a process is killed has been
//! served by then or will be, and nobody is left to write it. So the ledger has a sum that is ahead of what
//! is taken (spent, or reserved for what runs), and a request that would go beyond it waits until more is
//! written. A process that begins counts all that was written as spent: what of it was not taken is lost
//! to the tenant, never given twice.
//!
//! *How far ahead:* a two-hundredth of the budget, or as much as was taken since it was last written, where
//! that is more. The next write begins when half of it is taken, so it comes to twice what is taken while
//! one lasts: who spends fast hardly waits. Where nothing runs and nothing was taken since the last
//! write, nothing is ahead: a process that idles loses nothing.
//!
//! *Cold start, another period, another policy:* nothing is ahead, and the first request waits for a write.

/// The part of a budget that is written ahead at least, while it is used.
const PARTS: u128 = 200;

/// The part of what is left that is written ahead at most, as far as it is enough for one request. With
/// none, a process that was killed under a flood of requests lost all of a small budget.
const LEFT_PARTS: u128 = 4;

/// How far it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Advance {
    /// So much is written down as spent …
    written: u128,
    /// … and so much is being written.
    writing: u128,
    /// What was taken when that was reckoned.
    taken: u128,
    /// What was asked for beyond it since …
    wanted: u128,
    /// … and the most that one request needs of that.
    most: u128,
}

impl Advance {
    /// Nothing is ahead of what is `taken` so far, and nothing of that is taken from now on.
    pub(crate) fn none(taken: u128) -> Self {
        Self {
            taken,
            writing: taken,
            ..Self::default()
        }
    }

    /// Whether `need` beyond what is `taken` is written down already; if not, the next sum has room for it.
    pub(crate) const fn is_written(&mut self, taken: u128, need: u128) -> bool {
        let is_written = taken.saturating_add(need) <= self.written;
        if !is_written {
            self.wanted = self.wanted.saturating_add(need);
            if need > self.most {
                self.most = need;
            }
        }
        is_written
    }

    /// Whether half of what was written ahead is taken, and there is more to be had of `max`.
    pub(crate) const fn is_due(&self, taken: u128, max: u128) -> bool {
        let ahead = self.writing.saturating_sub(self.taken);
        let half = self.taken.saturating_add(ahead / 2);
        taken > half && (taken > self.writing || self.writing < max)
    }

    /// The sum that is to be written now.
    pub(crate) fn next(&self, taken: u128, max: u128, is_idle: bool) -> u128 {
        let since = taken.saturating_sub(self.taken).saturating_add(self.wanted);
        let ahead = match is_idle && since == 0 {
            true => 0,
            false => {
                let left = max.saturating_sub(taken);
                since.max(max / PARTS).min(self.most.max(left / LEFT_PARTS))
            }
        };
        taken.saturating_add(ahead).min(max).max(taken)
    }

    /// `sum` is being written. Whether it is another than the last one.
    pub(crate) fn write(&mut self, sum: u128, taken: u128) -> bool {
        (self.taken, self.wanted, self.most) = (taken, 0, 0);
        std::mem::replace(&mut self.writing, sum) != sum
    }

    /// It is written.
    pub(crate) const fn is_now_written(&mut self) {
        self.written = self.writing;
    }
}
