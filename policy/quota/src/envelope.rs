//! The token buckets that explain what an account has admitted and refused, where nobody tells its limit.
//!
//! A bucket is two figures, what flows in and what it saves up, and outcomes bound both together. For a
//! given rate the reasoning is exact: what we have taken and what has not flowed in again since is a *debt*
//! that never goes below nothing (a leaky bucket that runs backwards). A bucket of that rate that admitted
//! a request saved up at least the debt and the request; one that refused it saved up less. A rate for
//! which both cannot be true is not the account's: too low a rate makes debts grow beyond what was
//! refused before, too high a rate forgets them and calls a refused bucket full. So debts are kept for a
//! range of rates, and what is left of it is what may be believed.
//!
//! What has once been refused is believed a little less with each request that leaves next to nothing, so
//! that a limit that was raised is found; what was admitted gives way where no rate is left.
//!
//! A request that is larger than the bucket passes where it is full, so that nothing follows from its size.

use keyweir_terms::time::Time;

use crate::bucket::Lesson;
use crate::history::History;

// What these figures come to together is measured in random worlds (docs/DECISIONS.md, "Limits that nobody
// tells are learned as buckets"); what each does alone is not.

/// Rates that are kept, and by how much each is above the one before at first: a range of some eighty
/// times.
const RATES: usize = 32;
const RATIO_MAX: f64 = 1.15;
/// They are moved nearer together, up to this, once so few of them may be it; further apart, where so many
/// may, or it comes so near to the end of their range.
const RATIO_MIN: f64 = 1.015;
const FEW: f64 = 4.0;
const MANY: f64 = 24.0;
const EDGE: f64 = 2.0;
/// At first the range reaches from a sixteenth of what was taken in the mean.
const BELOW_MEAN: f64 = 16.0;
/// A mean over less than this tells of a crowd.
const SPAN_SECS_MIN: f64 = 1.0;
/// A refusal is told within this, or what was sent is admitted.
const TOLD_WITHIN_SECS: f64 = 1.0;
/// Requests are quicker or slower on their way by this.
const JITTER_SECS: f64 = 0.02;
/// A bucket whose debt is less than this share of a request is as good as full.
const FULL_SHARE: f64 = 0.25;
/// How much of each refusal is taken in: the mean of some ten.
const UNEXPLAINED_WEIGHT: f64 = 0.1;
/// A bucket that refused saves up less than would have passed: by such a share of a request.
const SHORT: f64 = 0.5;
/// A bucket that saves up less than one of anything would never admit any.
const BURST_MIN: f64 = 1.0;
/// What a refusal by a hair counts, of one that cannot be.
const HAIR: f64 = 0.1;
/// After so many requests that left next to nothing one more is believed to have been refused than was.
const TESTS: f64 = 38.0;
/// That counts so much for each rate farther above the one that is believed in. With 1 "97055" makes 1.51
/// attempts per request instead of 1.48, with 0.85 a limit that was raised threefold is used to three quarters.
const FARTHER: f64 = 0.9;
/// How much of it is taken in where a refusal says less than those before it: it may have been for another
/// limit, or by a hair.
const TAKEN_IN: f64 = 0.5;
/// The rate that is tried next is no more than so many times one that was admitted.
const STRIDE: f64 = 2.0;
/// No rate is believed in beyond so many times the quickest at which anything was admitted. Without it, where
/// limits that contradict one another leave no rate, ever higher ones look as good as any: in "97055" of the
/// random worlds an account that takes 21,000 tokens a second was believed to take three millions, and
/// refused thousands of requests.
const BEYOND_FASTEST: f64 = 2.0;
/// The quickest over at least so long: what was saved up is taken at once.
const FASTEST_SECS_MIN: f64 = 1.0;
/// What was admitted and refused before each refusal is believed so much of a request less.
const AGED: f64 = 0.02;
/// However little is believed to flow in, a request is tried so often: what is wrong is found out.
const TRIED_EVERY_SECS: f64 = 60.0;
/// No more than so many requests, or than it saves up, is a bucket believed to be overdrawn by.
const OVERDRAWN_MAX: f64 = 4.0;
/// Where no rate explains both, so much of what the best of them leaves unexplained is forgotten.
const FORGOTTEN: f64 = 0.3;

type Row = [f64; RATES];

/// What may be believed of a bucket, for each of some rates.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// The lowest rate, per second, and by how much each is above the one before.
    least: f64,
    ratio: f64,
    debts: Row,
    /// What it saves up, at least, as was admitted, and less than which, as was refused.
    admitted: Row,
    refused: Row,
    /// The most that was sent in this span and in the one before, of which refusals may still come.
    sent: [Row; 2],
    since: Time,
    at: Time,
    /// Which rate is believed in.
    believed_at: f64,
    /// Requests that left next to nothing, since the last refusal.
    tests: f64,
    /// What a request takes in the mean.
    unit: f64,
    /// What no rate explains, in requests, of the last refusals.
    unexplained: f64,
    /// The quickest it was taken, per second; and what was taken since when.
    fastest: f64,
    lately: (Time, f64),
}

/// A request, as far as one dimension goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// When it was sent.
    pub(crate) sent: Time,
    /// What has to be left for it; above zero.
    pub(crate) need: f64,
    /// What a request takes in the mean, above zero; and what differs by less than this is alike.
    pub(crate) unit: f64,
    pub(crate) slack: f64,
    /// Seconds since something was taken before it.
    pub(crate) gap_secs: f64,
    /// What was taken since before it was sent, its own charge included unless that was given back.
    pub(crate) since: f64,
}

impl Envelope {
    /// Of a bucket of which `taken` was taken since `began`, until `now`, the last of it as `history` has it.
    pub(crate) fn new(now: Time, (began, taken): (Time, f64), history: &History) -> Self {
        let secs = now.secs_since(began).max(SPAN_SECS_MIN);
        let mut new = Self {
            least: (taken / secs / BELOW_MEAN).max(1e-9),
            ratio: RATIO_MAX,
            debts: [0.0; RATES],
            admitted: [0.0; RATES],
            refused: [f64::INFINITY; RATES],
            sent: [[0.0; RATES]; 2],
            since: now,
            at: now,
            believed_at: 0.0,
            tests: 0.0,
            unit: 0.0,
            unexplained: 0.0,
            fastest: taken / secs,
            lately: (now, 0.0),
        };
        for k in 0..RATES {
            new.debts[k] = history.debt(now, (began, taken), new.rate(k as f64));
        }
        new
    }

    fn rate(&self, at: f64) -> f64 {
        self.least * self.ratio.powf(at)
    }

    fn advance(&mut self, now: Time) {
        let elapsed = now.secs_since(self.at);
        self.at = self.at.max(now);
        if elapsed > 0.0 {
            let mut flown = self.least * elapsed;
            for debt in &mut self.debts {
                *debt = (*debt - flown).max(0.0);
                flown *= self.ratio;
            }
        }
        if now.secs_since(self.since) >= TOLD_WITHIN_SECS {
            let [newer, older] = self.sent;
            for (most, sent) in self.admitted.iter_mut().zip(older) {
                *most = most.max(sent);
            }
            self.sent = [[0.0; RATES], newer];
            self.since = now;
        }
    }

    /// Takes `amount`; a negative one gives back.
    pub(crate) fn charge(&mut self, now: Time, amount: f64) {
        self.advance(now);
        let (since, taken) = self.lately;
        let secs = now.secs_since(since);
        self.lately.1 = taken + amount;
        if secs >= FASTEST_SECS_MIN {
            self.fastest = self.fastest.max(self.lately.1 / secs);
            self.lately = (now, 0.0);
        }
        for debt in &mut self.debts {
            *debt = (*debt + amount).max(0.0);
        }
    }

    /// A request is sent that takes `own` at once and for which `need` has to be left; it is charged.
    pub(crate) fn sent(&mut self, own: f64, need: f64) {
        for (sent, debt) in self.sent[0].iter_mut().zip(self.debts) {
            let before = debt - own;
            // What passes through a bucket that is full may be larger than it.
            if before > FULL_SHARE * need {
                *sent = sent.max(before + need);
            }
        }
    }

    /// `asked` was refused for want of this; `is_news`: it is the first of those that were on their way
    /// together.
    pub(crate) fn refuse(&mut self, now: Time, asked: &Asked, is_news: bool) {
        self.advance(now);
        self.sent = [[0.0; RATES]; 2];
        // Who needs nothing of it was refused for something else.
        if !is_news || asked.need <= 0.0 {
            return;
        }
        self.tests = 0.0;
        self.unit = asked.unit;
        let elapsed = now.secs_since(asked.sent);
        let need = asked.need;
        let aged = AGED * asked.unit;
        let mut rate = self.least;
        for k in 0..RATES {
            let before = self.debts[k] - asked.since + rate * elapsed;
            let most = before.max(0.0) + need;
            self.refused[k] = lowered(self.refused[k] + aged, most);
            self.admitted[k] -= aged;
            // A bucket that is full refuses nothing, however little it holds. If it was full for long, it
            // was not; if it had just become full, it may have been by a hair, which is seldom.
            if before <= rate * JITTER_SECS || self.debts[k] == 0.0 {
                let unit = asked.unit;
                let full_for = rate * (asked.gap_secs - JITTER_SECS) - unit;
                let wrong = unit * (full_for / (FULL_SHARE * unit)).clamp(HAIR, 1.0);
                let refused = self.refused[k];
                let more = (self.admitted[k].max(refused) + wrong).min(refused + unit);
                self.admitted[k] = self.admitted[k].max(more);
            }
            rate *= self.ratio;
        }
        let excess = |k: usize| self.admitted[k] - self.refused[k];
        let least = (0..RATES).map(excess).fold(f64::INFINITY, f64::min);
        let unexplained = (least - asked.slack).max(0.0) / asked.unit;
        self.unexplained += UNEXPLAINED_WEIGHT * (unexplained - self.unexplained);
        if least > 0.0 {
            for admitted in &mut self.admitted {
                *admitted -= FORGOTTEN * least;
            }
        }
    }

    /// How many mean requests no bucket of any rate explains, of a refusal.
    pub(crate) const fn unexplained(&self) -> f64 {
        self.unexplained
    }

    /// A request for `need` was admitted and left next to nothing; a refusal costs `patience` requests.
    pub(crate) fn test(&mut self, need: f64, patience: f64) {
        let cube = |tests: f64| (tests / (TESTS * patience)).powi(3);
        let before = self.tests;
        self.tests += 1.0;
        let more = need * (cube(self.tests) - cube(before));
        // A rate lower than what is believed in is no likelier for it: what is sent shows that it is not.
        let first = self.believed_at as usize;
        let above = |k: usize| (k as f64 - self.believed_at - 1.0).max(0.0);
        for k in first..RATES {
            self.refused[k] += more * FARTHER.powf(above(k));
        }
    }

    /// The bucket to believe in at `now`. Rates are alike for which outcomes differ by no more than `slack`; where
    /// any of many may be it, the mean that was taken until now, `mean_per_sec`, is the best guess.
    pub(crate) fn believed(&mut self, now: Time, slack: f64, mean_per_sec: f64) -> Option<Lesson> {
        self.advance(now);
        if self.refused[0].is_infinite() {
            return None;
        }
        let excess = |k: usize| self.admitted[k] - self.refused[k];
        let best = (0..RATES).min_by(|a, b| excess(*a).total_cmp(&excess(*b)))?;
        let is_in = |k: usize| excess(k) <= slack + excess(best).max(0.0);
        let first = (0..=best).rev().take_while(|k| is_in(*k)).last()?;
        let last = (best..RATES).take_while(|k| is_in(*k)).last()?;
        // Between a rate that may be it and one that may not, where the excess passes the slack.
        let beyond = |inner: usize, outer: Option<usize>| {
            let Some(outer) = outer.filter(|outer| *outer < RATES) else {
                return 0.0;
            };
            let (inside, outside) = (excess(inner), excess(outer));
            ((slack + excess(best).max(0.0) - inside) / (outside - inside).max(1e-9))
                .clamp(0.0, 1.0)
        };
        let low = first as f64 - beyond(first, first.checked_sub(1));
        let high = last as f64 + beyond(last, Some(last + 1));
        let mean = (mean_per_sec / self.least).max(1e-9).ln() / self.ratio.ln();
        let at = match low > 0.0 {
            true => f64::midpoint(low, high).min(low + STRIDE.ln() / self.ratio.ln()),
            // Nothing was admitted yet that bounds it.
            false => mean.clamp(low, high),
        };
        let fastest = (BEYOND_FASTEST * self.fastest / self.least).max(1.0);
        let at = at.min(fastest.ln() / self.ratio.ln());
        let at = at.clamp(0.0, (RATES - 1) as f64);
        let believed = self.bucket_at(at);
        self.believed_at = at;
        self.adjust(at, high - low);
        Some(believed)
    }

    fn bucket_at(&self, at: f64) -> Lesson {
        let burst = (between(&self.refused, at) - SHORT * self.unit).max(BURST_MIN);
        let least = -burst.max(OVERDRAWN_MAX * self.unit);
        Lesson {
            per_sec: self.rate(at).max(self.unit / TRIED_EVERY_SECS),
            burst,
            level: (burst - between(&self.debts, at)).max(least),
        }
    }

    /// Keeps the rate that is believed in, of `width` that may be it, in the middle of the range, and the
    /// range as wide as it has to be.
    fn adjust(&mut self, at: f64, width: f64) {
        let most = (RATES - 1) as f64;
        let is_at_edge = at < EDGE || at > most - EDGE || width > MANY;
        let ratio = match is_at_edge {
            true => self.ratio.powi(2).min(RATIO_MAX),
            false if width < FEW => self.ratio.sqrt().max(RATIO_MIN),
            false => return,
        };
        if ratio == self.ratio && (!is_at_edge || width > MANY) {
            return;
        }
        let before = self.clone();
        self.ratio = ratio;
        self.least = before.rate(at) / ratio.powf((RATES / 2) as f64);
        for k in 0..RATES {
            let was_at = (self.rate(k as f64) / before.least).ln() / before.ratio.ln();
            let was_at = was_at.clamp(0.0, (RATES - 1) as f64);
            self.debts[k] = between(&before.debts, was_at);
            self.admitted[k] = between(&before.admitted, was_at);
            self.refused[k] = between(&before.refused, was_at);
            for (now, before) in self.sent.iter_mut().zip(&before.sent) {
                now[k] = between(before, was_at);
            }
        }
        self.believed_at = (RATES / 2) as f64;
    }
}

/// What is known of what was refused, `known`, once `most` was: the first is believed, and of each that
/// says less so much as [`TAKEN_IN`].
fn lowered(known: f64, most: f64) -> f64 {
    if known.is_finite() {
        known - TAKEN_IN * (known - most).max(0.0)
    } else {
        most
    }
}

fn between(row: &Row, at: f64) -> f64 {
    let (k, share) = (at.floor() as usize, at.fract());
    let next = row[(k + 1).min(RATES - 1)];
    row[k] + share * (next - row[k])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider's bucket, and what a client that believes an envelope makes of it.
    struct World {
        per_sec: f64,
        burst: f64,
        level: f64,
        now: f64,
        envelope: Option<Envelope>,
        history: History,
        lesson: Option<Lesson>,
        taken: f64,
        previous: f64,
        sent: usize,
        refused: usize,
    }

    impl World {
        fn new(per_sec: f64, burst: f64) -> Self {
            Self {
                per_sec,
                burst,
                level: burst,
                now: 0.0,
                envelope: None,
                history: History::default(),
                lesson: None,
                taken: 0.0,
                previous: 0.0,
                sent: 0,
                refused: 0,
            }
        }

        fn at(secs: f64) -> Time {
            Time::ZERO.after_secs(secs)
        }

        fn wait(&mut self, secs: f64) {
            self.now += secs;
            self.level = (self.level + self.per_sec * secs).min(self.burst);
            if let Some(lesson) = &mut self.lesson {
                lesson.level = (lesson.level + lesson.per_sec * secs).min(lesson.burst);
            }
        }

        /// Sends a request for `need` as soon as that is believed to pass.
        fn ask(&mut self, need: f64) {
            if let Some(lesson) = self.lesson {
                let lacking = need.min(lesson.burst) - lesson.level;
                self.wait((lacking / lesson.per_sec).max(0.0));
            }
            let now = Self::at(self.now);
            self.sent += 1;
            let passes = self.level >= need.min(self.burst) - 1e-9;
            let asked = Asked {
                sent: now,
                need,
                unit: need,
                slack: 0.1 * need,
                gap_secs: self.now - self.previous,
                since: 0.0,
            };
            if passes {
                self.level -= need;
                self.taken += need;
                self.previous = self.now;
                match &mut self.envelope {
                    Some(envelope) => {
                        envelope.charge(now, need);
                        envelope.sent(need, need);
                    }
                    None => self.history.note(now, need),
                }
                if let Some(lesson) = &mut self.lesson {
                    lesson.level -= need;
                    if lesson.level < need {
                        self.believe(need);
                    }
                }
                return;
            }
            self.refused += 1;
            let taken = self.taken;
            self.envelope
                .get_or_insert_with(|| Envelope::new(now, (Time::ZERO, taken), &self.history))
                .refuse(now, &asked, true);
            self.believe(0.0);
            self.wait(need / self.per_sec);
        }

        /// What is believed after a refusal, or after a request for `tested` that left next to nothing.
        fn believe(&mut self, tested: f64) {
            let mean = self.taken / self.now.max(1e-3);
            let envelope = self.envelope.as_mut().expect("something was refused");
            if tested > 0.0 {
                envelope.test(tested, 1.0);
            }
            self.lesson = envelope.believed(Self::at(self.now), 0.1, mean);
        }
    }

    #[test]
    fn what_a_bucket_gains_is_found_from_what_it_admits_and_refuses() {
        let buckets = [(2.0, 5.0), (0.5, 30.0), (20.0, 10.0), (4_000.0, 9_000.0)];
        for (seed, (per_sec, burst)) in (0..8).flat_map(|seed| buckets.map(|it| (seed, it))) {
            let mut draws = fastrand::Rng::with_seed(seed);
            let mut world = World::new(per_sec, burst);
            let unit: f64 = if per_sec > 100.0 { 1_000.0 } else { 1.0 };
            for _ in 0..600 {
                world.wait(draws.f64() * unit / per_sec);
                world.ask(unit);
            }
            let (from, refused) = (world.taken, world.refused);
            let began = world.now;
            for _ in 0..600 {
                world.ask(unit);
            }
            let rate = (world.taken - from) / (world.now - began);
            let share = rate / per_sec;
            assert!(
                (0.9..=1.01).contains(&share),
                "{per_sec}: {share}, seed {seed}"
            );
            let more = world.refused - refused;
            assert!(more < 60, "{per_sec}: refused {more} times, seed {seed}");
        }
    }

    #[test]
    fn a_limit_that_is_raised_or_lowered_is_found_again() {
        for factor in [3.0, 0.3] {
            let mut world = World::new(10.0, 10.0);
            for _ in 0..400 {
                world.ask(1.0);
            }
            world.per_sec *= factor;
            for _ in 0..6_000 {
                world.ask(1.0);
            }
            let (from, began) = (world.taken, world.now);
            for _ in 0..400 {
                world.ask(1.0);
            }
            let share = (world.taken - from) / (world.now - began) / world.per_sec;
            assert!((0.8..=1.01).contains(&share), "{factor}: {share}");
        }
    }

    #[test]
    fn whatever_comes_nothing_but_a_bucket_is_believed() {
        for seed in 0..200 {
            let mut draws = fastrand::Rng::with_seed(seed);
            let amount = |draws: &mut fastrand::Rng| {
                let sign = if draws.u8(..) < 64 { -1.0 } else { 1.0 };
                sign * 10f64.powf(draws.f64() * 40.0 - 20.0)
            };
            let mut now = 1e6;
            let (taken, secs) = (amount(&mut draws), amount(&mut draws));
            let mut history = History::default();
            for _ in 0..draws.usize(..100) {
                history.note(World::at(now - amount(&mut draws)), amount(&mut draws));
            }
            let began = World::at(now - secs);
            let mut envelope = Envelope::new(World::at(now), (began, taken), &history);
            for _ in 0..300 {
                now += amount(&mut draws).clamp(-10.0, 1e4);
                let need = amount(&mut draws);
                match draws.u8(0..5) {
                    0 => envelope.charge(World::at(now), need),
                    1 => envelope.sent(amount(&mut draws), need),
                    2 => envelope.test(need.abs(), 1.0 + need.abs()),
                    _ => {
                        let asked = Asked {
                            sent: World::at(now - amount(&mut draws).abs().min(100.0)),
                            need,
                            unit: need.abs(),
                            slack: amount(&mut draws).abs(),
                            gap_secs: amount(&mut draws).abs(),
                            since: amount(&mut draws),
                        };
                        envelope.refuse(World::at(now), &asked, draws.bool());
                    }
                }
                let believed = envelope.believed(World::at(now), need.abs(), amount(&mut draws));
                if let Some(Lesson {
                    per_sec,
                    burst,
                    level,
                }) = believed
                {
                    let is_bucket = per_sec > 0.0 && burst >= 0.0 && level <= burst;
                    assert!(is_bucket && level.is_finite(), "seed {seed}: {believed:?}");
                }
            }
        }
    }

    #[test]
    fn a_crowd_after_a_quiet_time_does_not_hide_what_flows_in() {
        let (per_sec, burst) = (10.0, 10.0);
        let mut world = World::new(per_sec, burst);
        for _ in 0..100 {
            world.wait(1.0);
            world.ask(1.0);
        }
        for _ in 0..150 {
            world.ask(1.0);
        }
        let (from, began) = (world.taken, world.now);
        for _ in 0..100 {
            world.ask(1.0);
        }
        let share = (world.taken - from) / (world.now - began) / per_sec;
        assert!((0.9..=1.01).contains(&share), "{share}");
    }

    #[test]
    fn what_has_flowed_in_since_the_last_charge_is_there() {
        let (per_sec, burst) = (10.0, 20.0);
        let mut world = World::new(per_sec, burst);
        for _ in 0..400 {
            world.ask(1.0);
        }
        let charged = world.now;
        // Answers come later than their requests are sent, and each makes for a new belief.
        for late in [0.0, 0.05, 0.5] {
            world.now = charged + late;
            world.believe(1.0);
            let lesson = world.lesson.expect("it was refused");
            let there = (world.level + per_sec * late).min(burst);
            assert!(
                (lesson.level - there).abs() < 2.0,
                "{late} s: {} of {there}",
                lesson.level
            );
        }
    }

    #[test]
    fn nothing_is_believed_before_anything_was_refused() {
        let history = History::default();
        let mut envelope = Envelope::new(World::at(10.0), (Time::ZERO, 100.0), &history);
        assert_eq!(envelope.believed(World::at(10.0), 0.1, 10.0), None);
    }
}
