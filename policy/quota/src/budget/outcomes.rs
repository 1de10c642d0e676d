//! What admissions and refusals tell of an account's buckets, and which of them a refusal was for.

use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

use super::{Budget, Charge, Explained, Marks};
use crate::bucket::Bucket;

impl Budget {
    /// The provider refused `charge`. Returns whether its headers explain why; where they surely do not,
    /// and it is the account's, [`Self::surprised`] is to be told.
    pub fn refused(
        &mut self,
        now: Time,
        marks: &Marks,
        charge: &Charge,
        snapshot: &Snapshot,
    ) -> Explained {
        self.trial.refused();
        let sorted = self.tokens.sorted(snapshot, &self.told_limits());
        let (mut surely, mut perhaps) = (false, false);
        for (dimension, reading) in snapshot.readings.iter().enumerate() {
            let Some((reading, remaining)) =
                reading.and_then(|reading| Some((reading, reading.remaining?)))
            else {
                continue;
            };
            let need = charge.least(dimension);
            let grain = reading.remaining_grain;
            perhaps |= (remaining.saturating_sub(grain) as f64) < need.max(1.0);
            if ((remaining + 2 * grain) as f64) < need.max(1.0) && sorted[dimension].is_some() {
                self.buckets[dimension].outrun(
                    now,
                    marks[dimension],
                    need,
                    (remaining as f64, grain as f64),
                );
                surely = true;
                if self.buckets[dimension].is_untold() {
                    self.learn_of(now, (marks, charge), dimension);
                }
            }
        }
        let is_at_its_end = |d: usize| self.buckets[d].is_at_its_end(marks[d], charge.least(d));
        Explained {
            surely,
            perhaps: surely || perhaps,
            expected: (0..Dimension::COUNT).any(is_at_its_end),
        }
    }

    /// A refusal leaves the account alone for so long.
    pub fn cooled(&mut self, secs: f64) {
        for bucket in &mut self.buckets {
            bucket.cooled(secs);
        }
    }

    /// The account's refusal that headers do not surely explain is explained by the bucket that seemed to
    /// be nearest to it, or, where none of those that are told can be meant, by one that is not told.
    pub fn surprised(
        &mut self,
        now: Time,
        (marks, charge): (&Marks, &Charge),
        snapshot: &Snapshot,
    ) {
        let sorted = self.tokens.sorted(snapshot, &self.told_limits());
        let is_enough = |d: usize| {
            let reading = sorted[d].as_ref();
            reading.is_some_and(|it| {
                let remaining = it
                    .remaining
                    .map(|left| left.saturating_sub(it.remaining_grain));
                remaining.is_some_and(|left| left as f64 >= charge.least(d).max(1.0))
            })
        };
        let surplus = |d: usize| {
            let bucket = &self.buckets[d];
            let surplus = bucket.surplus(marks[d], charge.least(d))?;
            Some((d, surplus / bucket.burst()))
        };
        let nearest = (0..Dimension::COUNT)
            .filter(|d| !self.buckets[*d].is_untold() && !is_enough(*d))
            .filter_map(surplus)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match nearest {
            Some((d, _)) => self.buckets[d].surprise(now, marks[d], charge.least(d)),
            // Who tells what is left tells it of what it refuses for want of it, too.
            None if snapshot.is_empty() && self.buckets.iter().any(Bucket::is_told) => {}
            None => self.learn(now, (marks, charge), is_enough),
        }
    }

    /// The provider admitted `charge`.
    pub fn admitted(&mut self, now: Time, marks: &Marks, charge: &Charge) {
        for (dimension, mark) in marks.iter().enumerate() {
            let need = charge.least(dimension);
            self.buckets[dimension].admitted(now, *mark, need);
            self.test(now, dimension, (*mark, need));
            let prompt = charge.prompt[dimension];
            self.note_admitted(now, dimension, (prompt, charge.total(dimension)));
        }
    }
}
