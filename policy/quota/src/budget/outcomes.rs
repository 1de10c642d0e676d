//! What admissions and refusals tell of an account's buckets, and which of them a refusal was for.

use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

use super::{Budget, Charge, Explained, Marks};
use crate::bucket::Bucket;

/// So many times what a request needs, as far as that is known, has to be left of what it was not refused
/// for: what it needs is an estimate, and who lacks a hair of what is told says nothing of what is not.
const ENOUGH: f64 = 1.2;

impl Budget {
    /// The provider refused `charge`. Returns whether its headers explain why; where they surely do not,
    /// and it is the account's, [`Self::refused_unexplained`] is to be told.
    pub fn refused(
        &mut self,
        now: Time,
        marks: &Marks,
        charge: &Charge,
        snapshot: &Snapshot,
    ) -> Explained {
        self.trial.refused();
        self.refused_share.note(now, true);
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
            perhaps |= (remaining.saturating_sub(grain) as f64) < need.max(1.0)
                && self.buckets[dimension].would_show(need);
            if ((remaining + 2 * grain) as f64) < need.max(1.0) && sorted[dimension].is_some() {
                self.buckets[dimension].refused_explained(
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
            perhaps: surely || perhaps || snapshot.short_of.is_some(),
            expected: (0..Dimension::COUNT).any(is_at_its_end),
        }
    }

    /// The provider refused, and the account is left alone for so long.
    pub fn cooled(&mut self, secs: f64) {
        self.cold.refused();
        for bucket in &mut self.buckets {
            bucket.cooled(secs);
        }
    }

    /// The account's refusal that headers do not surely explain is explained by the bucket that seemed to
    /// be nearest to it, or, where none of those that are told can be meant, by one that is not told.
    pub fn refused_unexplained(
        &mut self,
        now: Time,
        (marks, charge): (&Marks, &Charge),
        snapshot: &Snapshot,
    ) {
        if let Some(dimension) = snapshot.short_of {
            return self.refused_for(now, (marks, charge), dimension.index());
        }
        let sorted = self.tokens.sorted(snapshot, &self.told_limits());
        let enough = |d: usize| match Dimension::ALL[d] {
            // Each is one, and no estimate.
            Dimension::Requests => charge.least(d),
            _ => ENOUGH * charge.least(d).max(1.0),
        };
        let lacks: [Option<bool>; Dimension::COUNT] = std::array::from_fn(|d| {
            let is_read = !self.admitted[d].is_doubted(now);
            let reading = sorted[d].as_ref().filter(|_| is_read)?;
            let least = reading.remaining?.saturating_sub(reading.remaining_grain);
            Some((least as f64) < enough(d))
        });
        // Where they show of one that it may be short, it is that.
        let shows_short = (0..Dimension::COUNT)
            .any(|d| lacks[d] == Some(true) && self.buckets[d].would_show(enough(d)));
        let is_enough = |d: usize| lacks[d].map_or(shows_short, |lacks| !lacks);
        let surplus = |d: usize| {
            let bucket = &self.buckets[d];
            let surplus = bucket.surplus(marks[d], charge.least(d))?;
            Some((d, surplus / bucket.burst()))
        };
        // Where that was in vain, and another may be meant, it is not one of those that are told.
        let is_other = self.attributed.is_in_vain()
            && (0..Dimension::COUNT).any(|d| self.is_untold_need(d, charge) && !is_enough(d));
        let nearest = (0..Dimension::COUNT)
            .filter(|d| !is_other && !self.buckets[*d].is_untold() && !is_enough(*d))
            .filter_map(surplus)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match nearest {
            Some((d, _)) => {
                self.attributed.note(now, marks[d].sent);
                self.buckets[d].refused_unexplained(now, marks[d], charge.least(d));
            }
            // Who tells what is left tells it of what it refuses for want of it, too.
            None if snapshot.is_empty() && self.buckets.iter().any(Bucket::is_told) => {}
            None => self.learn(now, (marks, charge), is_enough),
        }
    }

    /// A refusal for want of one dimension, which does not say how little was left of it.
    fn refused_for(&mut self, now: Time, refused: (&Marks, &Charge), d: usize) {
        let (marks, charge) = refused;
        let bucket = &mut self.buckets[d];
        match bucket.is_untold() {
            true => self.learn_of(now, refused, d),
            false => bucket.refused_unexplained(now, marks[d], charge.least(d)),
        }
    }

    /// The provider admitted `charge`.
    pub fn admitted(&mut self, now: Time, marks: &Marks, charge: &Charge) {
        self.attributed.admitted();
        self.cold.admitted();
        self.refused_share.note(now, false);
        for (dimension, mark) in marks.iter().enumerate() {
            let need = charge.least(dimension);
            self.buckets[dimension].admitted(now, *mark, need);
            self.test(now, dimension, (*mark, need));
            let prompt = charge.prompt[dimension];
            let request = Some((mark.sent, charge.total(dimension)));
            self.note_admitted(now, dimension, (prompt, request));
        }
    }

    /// Of one dimension an amount was admitted, or turned out to have been, by the request that was sent then
    /// and took so much of it in all. Where that is more than its headers allow, they are not read for a while.
    pub(super) fn note_admitted(&mut self, now: Time, d: usize, taken: (f64, Option<(Time, f64)>)) {
        let told = self.buckets[d].told_by_headers();
        if self.admitted[d].note(now, told, taken, self.delayed.secs()) {
            self.buckets[d].forget(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyweir_terms::snapshot::{Reading, Snapshot};
    use proptest::prelude::*;

    use super::*;

    const D: usize = Dimension::InputTokens.index();
    const LIMIT: f64 = 60_000.0;

    /// Requests that are admitted by a bucket of [`LIMIT`] a minute that saves up `burst`, and told of as
    /// if all of it were `told` times as much. Returns whether that is doubted in the end.
    fn is_doubted_after(burst: f64, told: f64, sizes: &[(f64, f64)]) -> bool {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let buckets = [(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0)));
        let mut budget = Budget::new(buckets);
        let (mut level, mut secs) = (burst, 0.0);
        for &(pause, size) in sizes {
            let flows = LIMIT / 60.0;
            level = (level + pause * flows).min(burst);
            // As soon as it is admitted: when there is enough, or it is full.
            let lacks = (size.min(burst) - level).max(0.0);
            secs += pause + lacks / flows;
            level += lacks - size;
            let mut charge = Charge::default();
            charge.prompt[D] = size;
            let marks = budget.take(at(secs), &charge, None);
            budget.admitted(at(secs), &marks, &charge);
            let mut snapshot = Snapshot::default();
            snapshot.readings[D] = Some(Reading {
                limit: Some((LIMIT * told) as u64),
                remaining: Some((level.max(0.0) * told) as u64),
                window: Duration::from_secs(60),
                ..Reading::default()
            });
            budget.reconcile(at(secs), &marks, (&snapshot, true));
            budget.release();
            if budget.admitted[D].is_doubted(at(secs)) {
                return true;
            }
        }
        false
    }

    proptest! {
        #[test]
        fn who_tells_the_truth_is_believed(
            burst in 100.0..LIMIT,
            sizes in prop::collection::vec((0.0..3.0, 1.0..10_000.0), 1..300),
        ) {
            prop_assert!(!is_doubted_after(burst, 1.0, &sizes));
        }
    }

    #[test]
    fn who_tells_too_little_is_found_out() {
        let sizes = vec![(0.0, 500.0); 1_000];
        for told in [0.5, 0.1, 1.0 / LIMIT] {
            assert!(is_doubted_after(3_000.0, told, &sizes), "{told}");
        }
        assert!(!is_doubted_after(3_000.0, 2.0, &sizes));
    }

    #[test]
    fn a_refusal_that_says_what_it_is_for_says_nothing_of_anything_else() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let requests = Dimension::Requests.index();
        for tells_limit in [false, true] {
            let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
            let mut charge = Charge::default();
            (charge.prompt[D], charge.prompt[requests]) = (1_000.0, 1.0);
            let mut snapshot = Snapshot {
                short_of: Some(Dimension::InputTokens),
                ..Snapshot::default()
            };
            snapshot.readings[D] = tells_limit.then(|| Reading {
                limit: Some(LIMIT as u64),
                window: Duration::from_secs(60),
                ..Reading::default()
            });
            for secs in 0..5 {
                let marks = budget.take(at(f64::from(secs)), &charge, None);
                budget.admitted(at(f64::from(secs)), &marks, &charge);
                budget.release();
            }
            let marks = budget.take(at(5.0), &charge, None);
            budget.reconcile(at(5.1), &marks, (&snapshot, false));
            let explained = budget.refused(at(5.1), &marks, &charge, &snapshot);
            assert!(explained.perhaps);
            budget.refused_unexplained(at(5.1), (&marks, &charge), &snapshot);
            assert!(budget.buckets[D].is_known());
            assert!(budget.buckets[D].level(at(5.1)) < 1_000.0);
            assert!(!budget.buckets[requests].is_known());
        }
    }

    /// A budget of which nothing is known, a request that needs a thousand tokens of input, and what an
    /// answer shows: `left` of input, of which the limit is told, and of output, of which it is not.
    fn shown(left: (u64, u64)) -> (Budget, Charge, Snapshot) {
        let now = Time::ZERO.after_secs(1_000.0);
        let budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(now)));
        let mut charge = Charge::default();
        (charge.prompt[D], charge.prompt[Dimension::Requests.index()]) = (1_000.0, 1.0);
        charge.prompt[Dimension::Tokens.index()] = 1_000.0;
        charge.pending[Dimension::OutputTokens.index()] = 100.0;
        let reading = |limit, remaining| {
            Some(Reading {
                limit,
                remaining: Some(remaining),
                window: Duration::from_secs(60),
                ..Reading::default()
            })
        };
        let mut snapshot = Snapshot::default();
        snapshot.readings[D] = reading(Some(LIMIT as u64), left.0);
        // In thousands, perhaps.
        let output = reading(None, left.1).map(|it| Reading {
            remaining_grain: 500,
            ..it
        });
        snapshot.readings[Dimension::OutputTokens.index()] = output;
        (budget, charge, snapshot)
    }

    /// Which limits are believed to be known after answers that showed enough and refusals that show `left`.
    fn known_after_refusals(left: (u64, u64)) -> Vec<Dimension> {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let (mut budget, charge, enough) = shown((5_000, 5_000));
        for secs in 0..5 {
            let now = at(f64::from(secs));
            let marks = budget.take(now, &charge, None);
            budget.admitted(now, &marks, &charge);
            budget.reconcile(now, &marks, (&enough, true));
            let output = Dimension::OutputTokens.index();
            budget.produce(now, output, (100.0, 100.0), None);
            budget.release();
        }
        let (.., refusal) = shown(left);
        for secs in 5..10 {
            let (sent, now) = (at(f64::from(secs)), at(f64::from(secs) + 0.1));
            let marks = budget.take(sent, &charge, None);
            budget.reconcile(now, &marks, (&refusal, false));
            if !budget.refused(now, &marks, &charge, &refusal).surely {
                budget.refused_unexplained(now, (&marks, &charge), &refusal);
            }
            budget.release();
        }
        let is_known = |d: &Dimension| budget.bucket(*d).is_known();
        Dimension::ALL.into_iter().filter(is_known).collect()
    }

    #[test]
    fn who_lacks_a_hair_of_what_is_told_says_nothing_of_what_is_not() {
        // What a request needs is an estimate.
        for left in [990, 1_000, 1_001, 1_100] {
            let known = known_after_refusals((left, 5_000));
            assert_eq!(known, [Dimension::InputTokens], "{left}");
        }
        let known = known_after_refusals((5_000, 5_000));
        assert!(known.len() > 1, "{known:?}");
    }

    #[test]
    fn where_one_is_shown_to_be_short_it_is_not_another() {
        let known = known_after_refusals((5_000, 0));
        assert!(!known.contains(&Dimension::Requests), "{known:?}");
        assert!(!known.contains(&Dimension::Tokens), "{known:?}");
    }

    #[test]
    fn what_is_always_rounded_down_to_nothing_explains_nothing() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        // Of what has no limit nothing is believed to be told.
        let of_known_output = |mut snapshot: Snapshot| {
            let output = &mut snapshot.readings[Dimension::OutputTokens.index()];
            output.as_mut().expect("it is shown").limit = Some(LIMIT as u64);
            snapshot
        };
        for (usual, explains) in [(5_000, true), (0, false)] {
            let (mut budget, charge, answer) = shown((5_000, usual));
            let marks = budget.take(at(0.0), &charge, None);
            budget.admitted(at(0.1), &marks, &charge);
            budget.reconcile(at(0.1), &marks, (&of_known_output(answer), true));
            let (.., refusal) = shown((5_000, 0));
            let refusal = of_known_output(refusal);
            let marks = budget.take(at(1.0), &charge, None);
            budget.reconcile(at(1.1), &marks, (&refusal, false));
            let explained = budget.refused(at(1.1), &marks, &charge, &refusal);
            assert_eq!(explained.perhaps, explains, "usually {usual}");
        }
    }

    /// By how much of input less there is believed to be after a refusal that shows somewhat more of it than
    /// was needed, and `left` requests.
    fn input_lowered_by_a_refusal(left: u64) -> f64 {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let requests = Dimension::Requests.index();
        let shown = |left: u64| {
            let (budget, charge, mut snapshot) = shown((1_100, 0));
            snapshot.readings[requests] = snapshot.readings[D].map(|it| Reading {
                limit: Some(60),
                remaining: Some(left),
                ..it
            });
            (budget, charge, snapshot)
        };
        let (mut budget, charge, answer) = shown(1);
        let marks = budget.take(at(0.0), &charge, None);
        budget.admitted(at(0.1), &marks, &charge);
        budget.reconcile(at(0.1), &marks, (&answer, true));
        // All is full again, of requests to the last.
        let before = budget.buckets[D].level(at(10.0));
        let mut marks = budget.take(at(10.0), &charge, None);
        for (d, taken) in [(requests, 1.0), (D, 1_000.0)] {
            budget.correct(at(10.0), d, (-taken, &mut marks), None);
        }
        let (.., refusal) = shown(left);
        budget.refused_unexplained(at(10.0), (&marks, &charge), &refusal);
        before - budget.buckets[D].level(at(10.0))
    }

    #[test]
    fn who_is_left_one_request_is_not_refused_for_want_of_it() {
        assert!(input_lowered_by_a_refusal(1) > 0.0, "it is input");
        assert_eq!(input_lowered_by_a_refusal(0), 0.0, "requests are nearer");
    }

    #[test]
    fn refusals_that_are_attributed_in_vain_are_for_what_nobody_tells() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut charge = Charge::default();
        (charge.prompt[D], charge.prompt[Dimension::Requests.index()]) = (1_000.0, 1.0);
        // Nothing is told but how many requests there may be in a minute, of which none is too many.
        let mut snapshot = Snapshot::default();
        snapshot.readings[Dimension::Requests.index()] = Some(Reading {
            limit: Some(6_000),
            window: Duration::from_secs(60),
            ..Reading::default()
        });
        let mut refused = 0;
        while !budget.buckets[D].is_known() {
            refused += 1;
            assert!(refused < 10, "input is never meant");
            let secs = f64::from(refused);
            for (later, is_admitted) in [(0.0, true), (0.2, true), (0.4, false)] {
                let sent = at(secs + later);
                let marks = budget.take(sent, &charge, None);
                let told = at(secs + later + 0.1);
                budget.reconcile(told, &marks, (&snapshot, is_admitted));
                match is_admitted {
                    true => budget.admitted(told, &marks, &charge),
                    false => budget.refused_unexplained(told, (&marks, &charge), &snapshot),
                }
                budget.release();
            }
        }
        assert!(refused > 1, "what is told is likelier at first");
    }

    #[test]
    fn what_is_generated_late_is_no_reason_to_doubt_headers() {
        const O: usize = Dimension::OutputTokens.index();
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut snapshot = Snapshot::default();
        snapshot.readings[O] = Some(Reading {
            limit: Some(6_000),
            remaining: Some(80),
            window: Duration::from_secs(60),
            ..Reading::default()
        });
        let mut charge = Charge::default();
        charge.pending[O] = 100.0;
        // All of them are admitted while there is something, and what they generate is more than that.
        let marks: Vec<_> = (0..50)
            .map(|_| budget.take(at(0.0), &charge, None))
            .collect();
        let admit = |budget: &mut Budget, secs, marks: &Marks| {
            budget.admitted(at(secs), marks, &charge);
            budget.reconcile(at(secs), marks, (&snapshot, true));
            budget.produce(at(secs), O, (100.0, 100.0), None);
        };
        for (n, marks) in marks.iter().enumerate() {
            admit(&mut budget, 1.0 + 0.01 * n as f64, marks);
        }
        assert!(!budget.admitted[O].is_doubted(at(1.5)));
        // But that more of them are admitted then shows that there was enough.
        for n in 0..50 {
            let sent = 2.0 + 0.01 * f64::from(n);
            let marks = budget.take(at(sent), &charge, None);
            admit(&mut budget, sent + 1.0, &marks);
        }
        assert!(budget.admitted[O].is_doubted(at(3.5)));
    }

    #[test]
    fn a_limit_that_was_lowered_is_believed() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut charge = Charge::default();
        charge.prompt[D] = 1_000.0;
        for (limit, secs) in [
            (60_000, 0.0),
            (60_000, 0.1),
            (60_000, 0.2),
            (600, 0.3),
            (600, 0.4),
        ] {
            let marks = budget.take(at(secs), &charge, None);
            budget.admitted(at(secs), &marks, &charge);
            let mut snapshot = Snapshot::default();
            snapshot.readings[D] = Some(Reading {
                limit: Some(limit),
                remaining: Some(limit / 2),
                window: Duration::from_secs(60),
                ..Reading::default()
            });
            budget.reconcile(at(secs), &marks, (&snapshot, true));
            assert!(
                !budget.admitted[D].is_doubted(at(secs)),
                "{limit} at {secs}"
            );
        }
    }

    #[test]
    fn an_account_that_seems_to_hold_next_to_nothing_is_tried_less_and_less_often() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut charge = Charge::default();
        charge.prompt[D] = 1_000.0;
        let mut snapshot = Snapshot::default();
        snapshot.readings[D] = Some(Reading {
            limit: Some(1),
            remaining: Some(0),
            window: Duration::from_secs(60),
            ..Reading::default()
        });
        let marks = budget.take(at(0.0), &charge, None);
        budget.admitted(at(0.0), &marks, &charge);
        budget.reconcile(at(0.0), &marks, (&snapshot, true));
        let free = |budget: &Budget, secs| budget.lines(at(secs))[D].free;
        assert!(free(&budget, 0.5) < 1.0 && free(&budget, 1.0) >= 1.0);
        let marks = budget.take(at(1.0), &charge, None);
        budget.refused(at(1.0), &marks, &charge, &snapshot);
        assert!(free(&budget, 2.0) < 1.0 && free(&budget, 3.0) >= 1.0);
    }
}
