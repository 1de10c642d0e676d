//! How far a budget's sum is written ahead of what is taken of it ([`crate::advance`]).

use crate::advance::Advance;
use crate::spending::Spending;

impl Spending {
    /// Nothing of it is.
    pub(crate) fn nothing_is_ahead(&mut self) {
        self.advance = Advance::none(self.taken());
    }

    /// What was spent, or is reserved for what runs.
    const fn taken(&self) -> u128 {
        self.spent.saturating_add(self.reserved)
    }

    /// Whether `need` more is written down already.
    pub(crate) const fn is_written(&mut self, need: u128) -> bool {
        let taken = self.taken();
        self.advance.is_written(taken, need)
    }

    /// Whether more of it is to be written at once.
    pub(crate) const fn is_due(&self) -> bool {
        !self.soft && self.advance.is_due(self.taken(), self.max())
    }

    /// The sum that is to be written now, if anything has changed since the last one.
    pub(crate) fn write_ahead(&mut self) -> Option<u128> {
        let (taken, is_idle) = (self.taken(), self.reserved == 0);
        let sum = self.advance.next(taken, self.max(), is_idle);
        self.write(sum)
    }

    /// The same where nothing more is taken, or nobody is refused: what was spent, and what runs.
    pub(crate) fn write_as_it_is(&mut self) -> Option<u128> {
        match self.soft {
            true => self.write(self.spent),
            false => self.write(self.taken()),
        }
    }

    fn write(&mut self, sum: u128) -> Option<u128> {
        let is_another = self.advance.write(sum, self.taken());
        (std::mem::take(&mut self.changed) || is_another).then_some(sum)
    }

    /// What was to be written is.
    pub(crate) const fn is_now_written(&mut self) {
        self.advance.is_now_written();
    }
}
