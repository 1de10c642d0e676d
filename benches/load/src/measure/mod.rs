//! The measurements, one per file.

pub(crate) mod choice;
pub(crate) mod chunk_delay;
pub(crate) mod failover_memory;
pub(crate) mod full_room;
pub(crate) mod instructions;
pub(crate) mod latency;
pub(crate) mod stream_memory;
pub(crate) mod throughput;

use crate::stats::Spread;
use crate::subject::Kind;

/// One figure of each subject, round by round.
#[derive(Clone, Debug, Default)]
struct Rounds {
    of: Vec<(Kind, Vec<f64>)>,
}

impl Rounds {
    fn add(&mut self, kind: Kind, value: f64) {
        match self.of.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, values)) => values.push(value),
            None => self.of.push((kind, vec![value])),
        }
    }

    fn values(&self, kind: Kind) -> &[f64] {
        let found = self.of.iter().find(|(known, _)| *known == kind);
        found.map_or(&[], |(_, values)| values)
    }

    fn spread(&self, kind: Kind) -> Option<Spread> {
        Spread::over(self.values(kind))
    }

    /// The gateway's figure and `yardstick`'s of the same round, brought together.
    fn compared(&self, yardstick: Kind, by: impl Fn(f64, f64) -> f64) -> Option<Spread> {
        let pairs = self
            .values(Kind::Gateway)
            .iter()
            .zip(self.values(yardstick));
        let compared: Vec<f64> = pairs.map(|(ours, theirs)| by(*ours, *theirs)).collect();
        Spread::over(&compared)
    }

    fn ratio(&self, yardstick: Kind) -> Option<Spread> {
        self.compared(yardstick, |ours, theirs| ours / theirs)
    }

    fn added(&self, yardstick: Kind) -> Option<Spread> {
        self.compared(yardstick, |ours, theirs| ours - theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut rounds = Rounds::default();
        // The machine is ten times slower in the second round, for both.
        for (pass_through, gateway) in [(100.0, 90.0), (10.0, 9.0)] {
            rounds.add(Kind::PassThrough, pass_through);
            rounds.add(Kind::Gateway, gateway);
        }
        let ratio = rounds.ratio(Kind::PassThrough).expect("two rounds");
        assert_eq!((ratio.least, ratio.most), (0.9, 0.9));
        assert_eq!(rounds.ratio(Kind::Direct), None);
    }
}
