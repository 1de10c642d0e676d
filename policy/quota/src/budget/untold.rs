//! What refusals and admissions tell of limits that nothing else tells.

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

use super::{Budget, Charge, Marks};
use crate::bucket::Mark;
use crate::envelope::{Asked, Envelope};

/// Outcomes that differ by less than this share of a mean request tell nothing where what is taken is
/// known to the token …
const SLACK: f64 = 0.1;
/// … and by less than this where it is taken as generated, and what is generated is known late.
const SLACK_GENERATED: f64 = 0.3;
/// A request that takes so many times the mean is refused for its size as soon as it is for want of
/// anything else, and tells nothing of what others take. In "silent" (`benches/simulator`) 92 % are answered
/// with this bound alone where 78 % were without; with 2 or 5 as many, within some percent.
const LARGE: f64 = 3.0;

impl Budget {
    /// A refusal for which none of the limits that are told can be meant; nor can those be of which
    /// enough was left, as `is_enough` says.
    pub(super) fn learn(
        &mut self,
        now: Time,
        refused: (&Marks, &Charge),
        is_enough: impl Fn(usize) -> bool,
    ) {
        let (marks, charge) = refused;
        for (d, bucket) in self.buckets.iter_mut().enumerate() {
            if !is_enough(d) {
                bucket.deny(marks[d], charge.least(d));
            }
        }
        let is_meant = |it: &Self, d: usize| it.is_untold_need(d, charge) && !is_enough(d);
        let is_large = |d: usize| charge.prompt[d] > LARGE * self.admitted[d].mean();
        if (0..Dimension::COUNT)
            .any(|d| is_meant(self, d) && self.admitted[d].is_any() && is_large(d))
        {
            return;
        }
        for d in 0..Dimension::COUNT {
            if is_meant(self, d) {
                self.refuse(now, refused, d);
            }
        }
        if !self.refusals.learn(now, marks) {
            return;
        }
        let unexplained: [Option<f64>; Dimension::COUNT] = std::array::from_fn(|d| {
            let envelope = self.envelopes[d].as_ref();
            envelope
                .filter(|_| is_meant(self, d))
                .map(|it| it.unexplained())
        });
        let Some(best) = self.refusals.explained_by(|d| unexplained[d]) else {
            return;
        };
        for (d, bucket) in self.buckets.iter_mut().enumerate() {
            if d != best {
                bucket.unlearn(now);
            }
        }
        self.believe(now, best);
    }

    /// Whether `charge` needs something of a dimension whose limit nobody tells.
    pub(super) fn is_untold_need(&self, d: usize, charge: &Charge) -> bool {
        self.buckets[d].is_untold() && charge.least(d) > 0.0
    }

    /// A refusal tells of the limit of one dimension.
    pub(super) fn learn_of(&mut self, now: Time, refused: (&Marks, &Charge), d: usize) {
        self.refuse(now, refused, d);
        if self.refusals.learn(now, refused.0) {
            self.believe(now, d);
        }
    }

    fn refuse(&mut self, now: Time, (marks, charge): (&Marks, &Charge), d: usize) {
        let taken = self.buckets[d].taken();
        let slack = self.slack(d);
        let began = self.began.unwrap_or(now);
        let history = std::mem::take(&mut self.histories[d]);
        let envelope = self.envelopes[d]
            .get_or_insert_with(|| Box::new(Envelope::new(now, (began, taken), &history)));
        let asked = Asked {
            sent: marks[d].sent,
            need: charge.least(d),
            unit: self.refusals.mean(d).max(charge.total(d)),
            slack,
            gap_secs: marks[d].sent.secs_since(marks[d].previous),
            since: taken - marks[d].kept,
        };
        envelope.refuse(now, &asked, self.refusals.is_first(marks));
    }

    /// A request for `need` was admitted: where it left next to nothing, a little more may be there.
    pub(super) fn test(&mut self, now: Time, d: usize, (mark, need): (Mark, f64)) {
        let bucket = &self.buckets[d];
        let Some(envelope) = &mut self.envelopes[d] else {
            return;
        };
        if !bucket.is_untold() {
            self.envelopes[d] = None;
        } else if bucket.is_used_up(mark, need) {
            envelope.test(self.refusals.mean(d), bucket.patience(need));
            self.believe(now, d);
        }
    }

    /// Amounts that differ by less tell nothing.
    fn slack(&self, d: usize) -> f64 {
        let share = match Dimension::ALL[d] {
            Dimension::OutputTokens => SLACK_GENERATED,
            _ => SLACK,
        };
        share * self.refusals.mean(d)
    }

    fn believe(&mut self, now: Time, d: usize) {
        let bucket = &self.buckets[d];
        let began = self.began.unwrap_or(now);
        let mean_per_sec = bucket.own_taken() / now.secs_since(began).max(1e-3);
        let slack = self.slack(d);
        let believed = self.envelopes[d]
            .as_mut()
            .and_then(|it| it.believed(now, slack, mean_per_sec));
        if let Some(lesson) = believed {
            self.buckets[d].learn(now, &lesson);
        }
    }
}
