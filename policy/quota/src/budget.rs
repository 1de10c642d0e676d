//! What one account has left for one quota group: its buckets in every dimension, and what open
//! leases hold of them.
//!
//! Providers charge in two ways. Requests and input are charged when a request is admitted.
//! Output is charged as it is produced, seconds later and over seconds. A lease therefore takes
//! its *prompt* part from the level at once and keeps its *pending* part in a running total.
//!
//! Holding all pending output against the level, as if it were charged now, would leave much of a
//! small bucket unused: while the output of a request is being produced, the bucket refills.
//! What matters is that the level will not run dry on the way, so pending output may exceed the
//! level by what flows in during the mean time between admission and production, less a margin.

mod cold;
mod contradicted;
mod futile;
mod others;
mod outcomes;
mod parts;
mod production;
mod refused_share;
mod untold;

use serde::{Deserialize, Serialize};

use self::cold::Cold;
use self::contradicted::{Admitted, Trial};
use self::futile::Attributed;
use self::production::ProductionDelay;
use self::refused_share::RefusedShare;
use crate::bucket::figures::Figures;
use crate::bucket::learned::LearnedBucket;
use crate::bucket::{Bucket, Declared};
pub use crate::charge::{Amounts, Charge, Charging, Marks};
use crate::envelope::Envelope;
use crate::history::History;
use crate::refusals::Refusals;
use crate::reserve::{Draw, Reserves};
use crate::view::{TokensView, ToldLimits};
use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

/// The share of the burst kept in hand where pending output is set off against coming refill:
/// it absorbs answers that come faster or longer than the mean. "output 150" and "long output 150"
/// notice, by a percent of their answers either way; half and twice of it leave all bounds held.
const PENDING_MARGIN: f64 = 0.4;
/// The share of the burst that is held for pending output, at most: with what a request has to find of
/// its own, no more than all of it. A provider admits whatever its output comes to as long as anything is
/// left; what is overdrawn only flows in later, while what flows over from a full bucket is lost for good.
/// With half of it, and all of a request's own output to be found, the random world 98,035 waits for 25 s
/// at the 99th percentile instead of 9 …
const HELD_SHARE_MAX: f64 = 0.2;
/// … but no crowd: all that is pending beyond so many times what flows in meanwhile is held. With twice as
/// many "output 150" answers 3 % less, with half as many "long output 150" 4 %.
const PENDING_MAX: f64 = 3.0;
/// Whether a refusal's headers, or what is known, explain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Less is left than was needed, however it was rounded.
    pub surely: bool,
    /// Less may be left.
    pub perhaps: bool,
    /// They tell nothing, but what was learned of the account says that little more was left.
    pub expected: bool,
}

/// An account's buckets for one quota group.
#[derive(Clone, Debug)]
pub struct Budget {
    buckets: [Bucket; Dimension::COUNT],
    pending: Amounts,
    delayed: ProductionDelay,
    in_flight: u32,
    cold: Cold,
    refused_share: RefusedShare,
    refusals: Refusals,
    /// What may be believed of buckets of which no header tells the limit, since the first refusal.
    envelopes: [Option<Box<Envelope>>; Dimension::COUNT],
    /// What was taken of them lately, until then.
    histories: [History; Dimension::COUNT],
    tokens: TokensView,
    admitted: [Admitted; Dimension::COUNT],
    trial: Trial,
    attributed: Attributed,
    /// When it was used first.
    began: Option<Time>,
    reserves: Reserves,
}

/// What is learned of an account's buckets, in the form in which it outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedBudget {
    /// By [`Dimension::index`]; `None`: nothing is known.
    pub buckets: [Option<LearnedBucket>; Dimension::COUNT],
    /// Seconds between the admission of a request and the production of a token, times tokens; and these
    /// tokens.
    pub delayed: (f64, f64),
}

/// What is free of a dimension as a line over time, in shares of its burst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Share that is free now.
    pub free: f64,
    /// Gain per second, up to a share of one.
    pub slope: f64,
    /// One over the burst: turns a need into a share.
    pub scale: f64,
}

impl Line {
    /// A dimension that holds nothing back.
    pub const OPEN: Self = Self {
        free: 1.0,
        slope: 0.0,
        scale: 0.0,
    };
}

impl Budget {
    /// A budget over these buckets.
    pub fn new(buckets: [Bucket; Dimension::COUNT]) -> Self {
        Self {
            buckets,
            pending: [0.0; Dimension::COUNT],
            delayed: ProductionDelay::default(),
            in_flight: 0,
            cold: Cold::default(),
            refused_share: RefusedShare::default(),
            refusals: Refusals::default(),
            envelopes: Default::default(),
            histories: Default::default(),
            tokens: TokensView::default(),
            admitted: [Admitted::NOTHING; Dimension::COUNT],
            trial: Trial::NEW,
            attributed: Attributed::default(),
            began: None,
            reserves: Reserves::default(),
        }
    }

    /// What is learned of it.
    pub fn learned(&self, now: Time) -> LearnedBudget {
        LearnedBudget {
            buckets: std::array::from_fn(|dimension| self.buckets[dimension].learned(now)),
            delayed: self.delayed.learned(),
        }
    }

    /// Knows again what was learned `age_secs` ago.
    pub fn recall(&mut self, now: Time, age_secs: f64, learned: &LearnedBudget) {
        for (bucket, learned) in self.buckets.iter_mut().zip(&learned.buckets) {
            if let Some(learned) = learned {
                bucket.recall(now, age_secs, learned);
            }
        }
        self.delayed.recall(learned.delayed);
    }

    /// The bucket of one dimension.
    pub fn bucket(&self, dimension: Dimension) -> &Bucket {
        &self.buckets[dimension.index()]
    }

    /// Open leases.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// What open leases have yet to be charged.
    pub fn pending(&self, dimension: Dimension) -> f64 {
        self.pending[dimension.index()]
    }

    /// Until when an account of which nothing is known gets no more requests, if it has got enough to find
    /// out more.
    pub fn cold_until(&self, now: Time) -> Option<Time> {
        let until = self.cold.busy_until(now, self.in_flight);
        until.filter(|_| !self.is_known())
    }

    /// Seconds of refill that the account has to be ahead of others to be chosen before them, since it
    /// refused more than usual.
    pub fn avoided_secs(&self, now: Time) -> f64 {
        self.refused_share.avoided_secs(now)
    }

    /// Whether any dimension's limit is known.
    pub fn is_known(&self) -> bool {
        self.buckets.iter().any(Bucket::is_known)
    }

    /// Whether a limit of zero closes the account for good.
    pub fn is_closed(&self) -> bool {
        self.buckets
            .iter()
            .any(|bucket| bucket.limit() == Some(0.0))
    }

    /// What is free in one dimension: the level, less what pending output exceeds coming refill by.
    pub fn free(&self, dimension: usize, now: Time) -> f64 {
        self.free_of(dimension, &self.buckets[dimension].figures(now))
    }

    fn free_of(&self, dimension: usize, bucket: &Figures) -> f64 {
        let (pending, burst) = (self.pending[dimension], bucket.burst);
        let coming = bucket.refill_own * self.delayed.secs();
        let beyond = (pending - (coming - PENDING_MARGIN * burst).max(0.0)).max(0.0);
        let held = beyond
            .min(HELD_SHARE_MAX * burst)
            .max(pending - PENDING_MAX * coming - burst);
        bucket.level - bucket.reserve - bucket.grace - held
    }

    /// What is left of one dimension at least and at most, as far as is known: at least what is there
    /// once all that is pending is charged and all that is held back out of caution was needed, at most
    /// what is there if others have taken nothing. What is [`Self::free`] lies between them.
    pub fn bounds(&self, dimension: usize, now: Time) -> (f64, f64) {
        let bucket = &self.buckets[dimension];
        let held_back = bucket.reserve() + bucket.grace();
        let sure = bucket.level(now) - held_back - self.pending[dimension];
        (sure, bucket.refilled(now))
    }

    /// What is free over time, per dimension, for who has no part of it; what the index of headroom
    /// searches.
    pub fn lines(&self, now: Time) -> [Line; Dimension::COUNT] {
        self.lines_for(now, None)
    }

    /// The same for the owner of a part.
    pub fn lines_for(&self, now: Time, own: Option<usize>) -> [Line; Dimension::COUNT] {
        std::array::from_fn(|dimension| {
            let bucket = &self.buckets[dimension];
            if !bucket.is_known() {
                return Line::OPEN;
            }
            let (kept, filling) = match self.reserves.is_empty() {
                true => (0.0, 0.0),
                false => self.reserves.kept(now, (dimension, bucket), own),
            };
            let figures = bucket.figures(now);
            let scale = 1.0 / (figures.usable() - kept).max(1e-9);
            let mut line = Line {
                free: (self.free_of(dimension, &figures) - kept) * scale,
                slope: figures.refill_own * (1.0 - filling) * scale,
                scale,
            };
            let mean = self.admitted[dimension].mean();
            let told = bucket.told_by_headers();
            if let Some((free, slope)) = told.and_then(|told| self.trial.sooner(now, told, mean)) {
                line.free = line.free.max(free);
                line.slope = line.slope.max(slope);
            }
            line
        })
    }

    /// Takes `amount` of one dimension, for a lease that draws on `draw`.
    fn charge(&mut self, now: Time, dimension: usize, amount: f64, draw: Option<Draw>) {
        self.buckets[dimension].charge(now, amount);
        self.note(now, dimension, amount, draw);
    }

    /// Has everybody but the bucket know that `amount` of it was taken: what is believed where no header
    /// tells, and the part that is kept for `draw`.
    fn note(&mut self, now: Time, dimension: usize, amount: f64, draw: Option<Draw>) {
        if let Some(envelope) = &mut self.envelopes[dimension] {
            envelope.charge(now, amount);
        } else if self.buckets[dimension].is_untold() {
            self.histories[dimension].note(now, amount);
        } else {
            self.histories[dimension].forget();
        }
        if let Some(draw) = draw {
            let of = (dimension, &self.buckets[..]);
            self.reserves.charge(now, draw, amount, of);
        }
    }

    /// The policy file declares something else of one dimension, or nothing any more.
    pub fn redeclare(&mut self, now: Time, dimension: Dimension, declared: Option<Declared>) {
        self.buckets[dimension.index()].redeclare(now, declared);
    }

    /// Takes a lease's charge. Returns the marks to read later snapshots by.
    pub fn take(&mut self, now: Time, charge: &Charge, draw: Option<Draw>) -> Marks {
        self.in_flight += 1;
        self.trial.send(now);
        self.cold.send(now);
        self.began.get_or_insert(now);
        for dimension in 0..Dimension::COUNT {
            self.charge(now, dimension, charge.prompt[dimension], draw);
            self.pending[dimension] += charge.pending[dimension];
            if let Some(envelope) = &mut self.envelopes[dimension] {
                envelope.sent(charge.prompt[dimension], charge.least(dimension));
            }
        }
        std::array::from_fn(|d| self.buckets[d].mark(now, charge.prompt[d]))
    }

    /// Turns pending output into charged output as it is produced: `produced` more tokens, of
    /// which `from_pending` had been foreseen.
    pub fn produce(
        &mut self,
        now: Time,
        dimension: usize,
        (produced, from_pending): (f64, f64),
        draw: Option<Draw>,
    ) {
        self.charge(now, dimension, produced, draw);
        self.note_admitted(now, dimension, (produced, None));
        self.pending[dimension] = (self.pending[dimension] - from_pending).max(0.0);
    }

    /// Corrects the prompt charge of `marks` by `amount`; negative gives back.
    pub fn correct(
        &mut self,
        now: Time,
        dimension: usize,
        (amount, marks): (f64, &mut Marks),
        draw: Option<Draw>,
    ) {
        if amount != 0.0 {
            self.buckets[dimension].true_up(now, amount, &mut marks[dimension]);
            self.note(now, dimension, amount, draw);
            self.note_admitted(now, dimension, (amount, None));
        }
    }

    /// A lease ended.
    pub fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight == 0 {
            // Sums of floats drift; with nothing in flight the truth is known.
            self.pending = [0.0; Dimension::COUNT];
        }
    }

    /// Applies a response's headers, of a request that was admitted or refused.
    pub fn reconcile(
        &mut self,
        now: Time,
        marks: &Marks,
        (snapshot, is_admitted): (&Snapshot, bool),
    ) {
        let told = self.told_limits();
        if self.tokens.learn(snapshot, &told) {
            self.buckets[Dimension::Tokens.index()].forget(now);
        }
        let readings = self.tokens.sorted(snapshot, &told);
        for (dimension, reading) in readings.iter().enumerate() {
            let Some(reading) = reading else { continue };
            if self.admitted[dimension].is_doubted(now) {
                continue;
            }
            let (bucket, mark) = (&mut self.buckets[dimension], marks[dimension]);
            match is_admitted {
                true => bucket.reconcile(now, mark, reading),
                false => bucket.reconcile_refused(now, mark, reading),
            }
        }
    }

    /// The limits that headers or the policy file have told.
    fn told_limits(&self) -> ToldLimits {
        std::array::from_fn(|dimension| self.buckets[dimension].told_limit())
    }

    /// The provider says our traffic grows too fast.
    pub fn slow_down(&mut self, now: Time) {
        self.buckets[Dimension::Requests.index()].slow_down(now);
    }

    /// Learns that `tokens` were produced `secs` after admission in the mean; `weight` is the share
    /// of the new value.
    pub fn learn_production_delay(&mut self, secs: f64, tokens: f64, weight: f64) {
        self.delayed.learn(secs, tokens, weight);
    }

    /// Whether an answer has told how long after admission its tokens were produced.
    pub fn knows_production_delay(&self) -> bool {
        self.delayed.is_known()
    }
}
