//! A limit that no header tells, as it was learned from outcomes.

/// What was learned of a bucket from outcomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    /// What flows in per second.
    pub per_sec: f64,
    /// What it saves up.
    pub burst: f64,
    /// What is left.
    pub level: f64,
}

/// What outcomes, or what remains, have told of the rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    /// Zero: nothing.
    pub(super) per_sec: f64,
}

impl Learned {
    pub(super) const NOTHING: Self = Self { per_sec: 0.0 };

    pub(super) fn is_any(&self) -> bool {
        self.per_sec > 0.0
    }
}
