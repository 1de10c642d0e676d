//! Many random worlds, and what they add up to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::draw::draw;
use super::judge::{Verdict, judge};
use super::kind::Kind;
use super::recipe::Recipe;
use super::shrink::shrink;

/// Share of worlds in which waits are held to the all-knowing scheduler's.
const IN_TIME_MIN: f64 = 0.95;
/// Threads that run worlds: each is on its own, and two halve the time on the smallest machines.
const THREADS: usize = 2;

/// Worlds drawn from seeds that follow each other.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Each one's seed and what became of it, by seed.
    pub verdicts: Vec<(u64, Verdict)>,
}

/// Runs the worlds of `seed` and of those after it, each with `judge`.
pub fn survey(seed: u64, worlds: usize, judge: fn(&Recipe) -> Verdict) -> Survey {
    let next = AtomicU64::new(seed);
    let end = seed.saturating_add(worlds as u64);
    let verdicts = Mutex::new(Vec::with_capacity(worlds));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let verdict = judge(&draw(seed));
                    let mut verdicts = verdicts.lock().expect("no run panics with it");
                    verdicts.push((seed, verdict));
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().expect("no run panics with it");
    verdicts.sort_by_key(|(seed, _)| *seed);
    Survey { verdicts }
}

impl Survey {
    /// Whether all worlds reach what they must.
    pub fn is_held(&self) -> bool {
        let all = |holds: fn(&Verdict) -> bool| self.share(holds) == 1.0;
        self.share(|it| it.late_secs() == 0.0) >= IN_TIME_MIN
            && all(|it| !it.is_very_late())
            && all(Verdict::is_answered)
            && all(Verdict::is_sparing)
            && all(|it| it.hasty == 0 && !it.broke)
    }

    /// What to print: shares, the worst world, and that made small; `every`: each that is not held.
    pub fn told(&self, every: bool) -> String {
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{line}");
        };
        if every {
            for (seed, verdict) in self.verdicts.iter().filter(|(_, it)| !it.is_held()) {
                line(format_args!("seed {seed:6}: {verdict}"));
            }
        }
        let percent = |holds: fn(&Verdict) -> bool| 100.0 * self.share(holds);
        line(format_args!("{} worlds", self.verdicts.len()));
        line(format_args!(
            "{:6.1} % all of it held",
            percent(Verdict::is_held)
        ));
        line(format_args!(
            "{:6.1} % answered",
            percent(Verdict::is_answered)
        ));
        line(format_args!(
            "{:6.1} % in time",
            percent(|it| it.late_secs() == 0.0)
        ));
        line(format_args!(
            "{:6.1} % within a second more",
            percent(|it| !it.is_very_late())
        ));
        line(format_args!(
            "{:6.1} % in few attempts",
            percent(Verdict::is_sparing)
        ));
        line(format_args!(
            "{:6.1} % nothing inside a retry-after",
            percent(|it| it.hasty == 0)
        ));
        line(format_args!("{:8.2} badness in the mean", self.badness()));
        for (kind, of_kind) in self.by_kind() {
            line(format_args!("{kind:32} {}", of_kind.in_brief()));
        }
        let by_badness = |it: &&(u64, Verdict)| (it.1.badness() * 1e6) as u64;
        if let Some((seed, verdict)) = self.verdicts.iter().max_by_key(by_badness)
            && !verdict.is_held()
        {
            line(format_args!("worst, seed {seed}: {verdict}"));
            let small = shrink(&draw(*seed));
            line(format_args!("made small: {}", judge(&small)));
            line(format_args!("{small:#?}"));
        }
        text
    }

    /// The worlds of each kind.
    fn by_kind(&self) -> BTreeMap<Kind, Self> {
        let mut kinds = BTreeMap::new();
        for (seed, verdict) in &self.verdicts {
            let none = || Self {
                verdicts: Vec::new(),
            };
            let of_kind = kinds.entry(Kind::of(&draw(*seed))).or_insert_with(none);
            of_kind.verdicts.push((*seed, *verdict));
        }
        kinds
    }

    /// Its shares in one line.
    fn in_brief(&self) -> String {
        let percent = |holds: fn(&Verdict) -> bool| 100.0 * self.share(holds);
        format!(
            "{:4} worlds: held {:5.1} %, answered {:5.1} %, in time {:5.1} %, in few attempts {:5.1} %",
            self.verdicts.len(),
            percent(Verdict::is_held),
            percent(Verdict::is_answered),
            percent(|it| it.late_secs() == 0.0),
            percent(Verdict::is_sparing),
        )
    }

    fn share(&self, holds: impl Fn(&Verdict) -> bool) -> f64 {
        let held = self.verdicts.iter().filter(|(_, it)| holds(it)).count();
        held as f64 / self.verdicts.len().max(1) as f64
    }

    fn badness(&self) -> f64 {
        let sum: f64 = self.verdicts.iter().map(|(_, it)| it.badness()).sum();
        sum / self.verdicts.len().max(1) as f64
    }
}
