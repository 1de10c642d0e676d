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

use crate::meter::Spending;

/// The part of a budget that is written ahead at least, while it is used.
const PARTS: u128 = 200;

/// How far it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Advance {
    /// So much is written down as spent …
    written: u128,
    /// … and so much is being written.
    writing: u128,
    /// What was taken when that was reckoned.
    taken: u128,
    /// What was asked for beyond it since.
    wanted: u128,
}

impl Spending {
    /// What is taken so far is none of what is taken from now on.
    pub(crate) fn nothing_is_ahead(&mut self) {
        let taken = self.taken();
        self.advance = Advance {
            taken,
            writing: taken,
            ..Advance::default()
        };
    }

    fn taken(&self) -> u128 {
        self.spent.saturating_add(self.reserved)
    }

    /// Whether `need` more is written down already; if not, the next sum has room for it.
    pub(crate) fn is_written(&mut self, need: u128) -> bool {
        let is_written = self.taken().saturating_add(need) <= self.advance.written;
        if !is_written {
            self.advance.wanted = self.advance.wanted.saturating_add(need);
        }
        is_written
    }

    /// Whether half of what was written ahead is taken, and there is more to be had.
    pub(crate) fn is_due(&self) -> bool {
        let Advance { writing, taken, .. } = self.advance;
        let half = taken.saturating_add(writing.saturating_sub(taken) / 2);
        let now = self.taken();
        !self.soft && now > half && (now > writing || writing < self.max())
    }

    /// The sum that is to be written now, if it is another than the last one.
    pub(crate) fn write_ahead(&mut self) -> Option<u128> {
        let now = self.taken();
        let Advance { taken, wanted, .. } = self.advance;
        let since = now.saturating_sub(taken).saturating_add(wanted);
        let ahead = match self.reserved == 0 && since == 0 {
            true => 0,
            false => since.max(self.max() / PARTS),
        };
        self.write(now.saturating_add(ahead).min(self.max()).max(now))
    }

    /// The same where nothing more is taken, or nobody is refused: what was spent, and what runs.
    pub(crate) fn write_as_it_is(&mut self) -> Option<u128> {
        match self.soft {
            true => self.write(self.spent),
            false => self.write(self.taken()),
        }
    }

    fn write(&mut self, sum: u128) -> Option<u128> {
        let last = self.advance.writing;
        (self.advance.writing, self.advance.taken) = (sum, self.taken());
        self.advance.wanted = 0;
        (std::mem::take(&mut self.changed) || sum != last).then_some(sum)
    }

    /// What was to be written is.
    pub(crate) const fn is_now_written(&mut self) {
        self.advance.written = self.advance.writing;
    }
}
