//! The measurements, one per file.

pub(crate) mod choice;
pub(crate) mod chunk_delay;
pub(crate) mod failover_memory;
pub(crate) mod full_room;
pub(crate) mod instructions;
pub(crate) mod latency;
pub(crate) mod parts;
pub(crate) mod strangers;
pub(crate) mod stream_memory;
pub(crate) mod throughput;

use crate::report::{Bound, Quoted, Row};
use crate::stats::Spread;
use crate::subject::Kind;

/// Everything that [`Rounds::ratio_rows`] compares.
const BY_RATIO: [Kind; 4] = [
    Kind::PassThrough,
    Kind::PassThroughMimalloc,
    Kind::Gateway,
    Kind::GatewayUnlogged,
];
const UNLOGGED: &str = "… Keyweir without its access log";
const SAME_ALLOCATOR: &str = "… and the pass-through on the same allocator";

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

    /// `gateway`'s figure and `yardstick`'s of the same round, brought together.
    fn compared(
        &self,
        gateway: Kind,
        yardstick: Kind,
        by: impl Fn(f64, f64) -> f64,
    ) -> Option<Spread> {
        let pairs = self.values(gateway).iter().zip(self.values(yardstick));
        let compared: Vec<f64> = pairs.map(|(ours, theirs)| by(*ours, *theirs)).collect();
        Spread::over(&compared)
    }

    fn ratio(&self, gateway: Kind, yardstick: Kind) -> Option<Spread> {
        self.compared(gateway, yardstick, |ours, theirs| ours / theirs)
    }

    fn added(&self, gateway: Kind, yardstick: Kind) -> Option<Spread> {
        self.compared(gateway, yardstick, |ours, theirs| ours - theirs)
    }

    /// Rows for a figure that is judged by its ratio to the yardstick's: the gateway as it comes;
    /// without its access log, which the yardstick has not either; and against the yardstick on
    /// the gateway's allocator, to show what of the ratio that is.
    fn ratio_rows(&self, what: &str, bound: Option<Bound>) -> Vec<Row> {
        [
            (what.to_owned(), Kind::Gateway, Kind::PassThrough, bound),
            (
                UNLOGGED.to_owned(),
                Kind::GatewayUnlogged,
                Kind::PassThrough,
                bound,
            ),
            (
                SAME_ALLOCATOR.to_owned(),
                Kind::GatewayUnlogged,
                Kind::PassThroughMimalloc,
                None,
            ),
        ]
        .map(|(what, gateway, yardstick, bound)| Row {
            what,
            yardstick: self.spread(yardstick),
            gateway: self.spread(gateway),
            quoted: Quoted::Compared("×", self.ratio(gateway, yardstick), bound),
        })
        .into()
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
        let ratio = rounds
            .ratio(Kind::Gateway, Kind::PassThrough)
            .expect("two rounds");
        assert_eq!((ratio.least, ratio.most), (0.9, 0.9));
        assert_eq!(rounds.ratio(Kind::Gateway, Kind::Direct), None);
    }
}
