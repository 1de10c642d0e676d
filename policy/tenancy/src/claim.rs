//! What a request is expected to take, and what it may take at most, by its own cap (`max_tokens`).
//!
//! A tenant that gives short answers teaches the estimate that its answers are short, and is free to ask
//! for long ones next, many at once. So the estimate alone decides only where there is plenty: as long as
//! what is left has room for the caps of all that runs and of the request together. Where it has not, a
//! request waits for others to end, or is refused until then; one alone may always take what is left. So
//! what goes beyond a hard budget is no more than one request's answer.
//!
//! Reserving caps always was rejected: caps are many times what answers take, and what is reserved is told
//! to others and stands where a provider does not say what it charged.
//!
//! *A limit per minute* counts an eighth of a cap, and has what it may owe as room: clients name caps of a
//! whole minute's worth as a matter of course, and what is taken too much is owed, not lost.
//!
//! *A request without a cap* may take as much as the longest answer of late of its model, whoever asked for
//! that; as long as there was none that was longer, a few pages. Of a limit per minute it counts as it is
//! expected to.

use keyweir_terms::amount::Dimension;

use crate::taken::Taken;

/// The part of a cap that counts against a limit per minute.
const CAP_PARTS: u64 = 8;

/// More than any model answers: a cap beyond it is none, and keeps nobody from what is left.
pub(crate) const OUTPUT_MAX: u64 = 131_072;

/// What an answer without a cap may take at least: more than most are, as long as nobody knows better.
const UNCAPPED_MIN: u64 = 4_096;

/// What an answer takes at most that is expected to take `need`, where its request names this cap, and the
/// longest of late was so long.
pub(crate) fn output_at_most(need: u64, cap: Option<u64>, longest: u64) -> u64 {
    let cap = cap.unwrap_or_else(|| longest.max(UNCAPPED_MIN));
    cap.min(OUTPUT_MAX).max(need)
}

/// What a request claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) need: Taken,
    pub(crate) most: Taken,
    /// What a limit per minute counts beyond what is expected, by [`Dimension::index`].
    beyond_rate: [u64; Dimension::COUNT],
}

impl Claim {
    /// Of a request that is expected to take `need`, and takes `most` at most: `is_capped`, where it says
    /// that itself.
    pub(crate) fn new(need: Taken, most: Taken, is_capped: bool) -> Self {
        let beyond = |dimension| match dimension {
            Dimension::OutputTokens | Dimension::Tokens if is_capped => {
                beyond_rate(need.of(dimension), most.of(dimension))
            }
            _ => 0,
        };
        Self {
            need,
            most,
            beyond_rate: Dimension::ALL.map(beyond),
        }
    }

    /// What a limit per minute counts of it beyond what is expected.
    pub(crate) const fn beyond_rate(&self, dimension: Dimension) -> u64 {
        self.beyond_rate[dimension.index()]
    }
}

/// What runs may take so much beyond what it is expected to, in the unit of what is asked; `None`: nothing
/// runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtStake(pub(crate) Option<u128>);

/// What a limit per minute counts of `most` beyond `need`.
const fn beyond_rate(need: u64, most: u64) -> u64 {
    (most / CAP_PARTS).saturating_sub(need)
}
