//! Several streams of requests, each with a rate, a shape and sizes of its own, as one sequence of
//! arrivals.
//!
//! A multiple of the traffic contains the traffic: what comes at 1.2 times the rate is what comes
//! at the plain rate and a fifth as much beside it, and what comes at half of it is a half of just
//! these requests. Two runs then differ by what was changed, not by how the dice fell.

use crate::scenario::Sizes;
use crate::traffic::{Arrival, Shape};

/// Requests of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Position of its tenant.
    pub tenant: usize,
    /// Position of its model.
    pub model: usize,
    /// How many come per second, on average.
    pub per_sec: f64,
    /// How they spread over time.
    pub shape: Shape,
    /// How big they are.
    pub sizes: Sizes,
    /// The client's cap on output.
    pub output_max: Option<u64>,
}

/// What the draws of the part beyond the plain rate begin with.
const BEYOND: u64 = 0xbe40;

/// What `streams` bring within `secs`, in order, at `scale` times their rates.
pub fn arrivals(streams: &[Stream], secs: f64, scale: f64, seed: u64) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for (stream, number) in streams.iter().zip(1..) {
        let seed = seed ^ fastrand::Rng::with_seed(number).u64(..);
        let (plain, beyond) = (scale.min(1.0), (scale - 1.0).max(0.0));
        arrivals.extend(stream.draw(secs, 1.0, plain, seed));
        if beyond > 0.0 {
            arrivals.extend(stream.draw(secs, beyond, 1.0, seed ^ BEYOND));
        }
    }
    arrivals.sort_by(|a, b| a.at.total_cmp(&b.at));
    arrivals
}

/// How far from each other the copies of a request may be.
const APART_SECS: f64 = 30.0;

/// Arrivals that are given, `scale` times: some of them where that is less than one, and where it
/// is more, further requests like them, each within half a minute of one of them.
pub fn multiplied(arrivals: &[Arrival], secs: f64, scale: f64, seed: u64) -> Vec<Arrival> {
    let mut draws = fastrand::Rng::with_seed(seed ^ BEYOND);
    let mut multiplied = Vec::new();
    for arrival in arrivals {
        let (kept, further) = (draws.f64() < scale, draws.f64());
        multiplied.extend(kept.then_some(*arrival));
        let further = ((scale - 1.0).max(0.0) + further) as usize;
        multiplied.extend((0..further).map(|_| {
            let apart = APART_SECS * (2.0 * draws.f64() - 1.0);
            let at = (arrival.at + apart).clamp(0.0, secs * (1.0 - f64::EPSILON));
            Arrival { at, ..*arrival }
        }));
    }
    multiplied.sort_by(|a, b| a.at.total_cmp(&b.at));
    multiplied
}

impl Stream {
    /// What comes at `scale` times its rate, of which a share of `kept` is kept.
    fn draw(&self, secs: f64, scale: f64, kept: f64, seed: u64) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let mut draws = fastrand::Rng::with_seed(seed);
        let factor_max = self.shape.factor_max();
        let rate_max = self.per_sec * scale * factor_max;
        let mut at = 0.0;
        loop {
            // Thinning, as for a scenario's own arrivals.
            at += -(1.0 - draws.f64()).ln() / rate_max;
            if at.is_nan() || at >= secs {
                return arrivals;
            }
            let is_now = draws.f64() * factor_max < self.shape.factor(at);
            let is_kept = draws.f64() < kept;
            let mut around = |mean: f64| (mean * (0.5 + draws.f64())).round();
            let (input, output) = (around(self.sizes.input), around(self.sizes.output));
            if is_now && is_kept {
                arrivals.push(Arrival {
                    at,
                    tenant: self.tenant,
                    input: input.max(1.0),
                    output: self.output_max.map_or(output, |max| output.min(max as f64)),
                    output_max: self.output_max,
                    model: self.model,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECS: f64 = 600.0;

    fn stream(shape: Shape) -> Stream {
        Stream {
            tenant: 0,
            model: 0,
            per_sec: 10.0,
            shape,
            sizes: Sizes {
                input: 100.0,
                output: 10.0,
            },
            output_max: None,
        }
    }

    #[test]
    fn every_shape_keeps_its_mean() {
        for shape in [
            Shape::Steady,
            Shape::Day { secs: SECS },
            Shape::Bursts {
                times: 5.0,
                every: 60.0,
                lasting: 10.0,
            },
        ] {
            let count = arrivals(&[stream(shape)], SECS, 1.0, 1).len();
            assert!((5_600..6_400).contains(&count), "{shape:?}: {count}");
        }
    }

    #[test]
    fn more_traffic_holds_the_plain_traffic_and_less_is_a_part_of_it() {
        let streams = [stream(Shape::Steady), stream(Shape::Day { secs: SECS })];
        let [less, plain, more] = [0.5, 1.0, 1.2].map(|scale| arrivals(&streams, SECS, scale, 3));
        assert!(plain.iter().all(|arrival| more.contains(arrival)));
        assert!(less.iter().all(|arrival| plain.contains(arrival)));
        let share = |part: &[Arrival]| part.len() as f64 / plain.len() as f64;
        assert!((0.47..0.53).contains(&share(&less)), "{}", share(&less));
        assert!((1.17..1.23).contains(&share(&more)), "{}", share(&more));
    }

    #[test]
    fn given_arrivals_are_multiplied_like_drawn_ones() {
        let given = arrivals(&[stream(Shape::Steady)], SECS, 1.0, 3);
        let [less, same, more] = [0.5, 1.0, 2.3].map(|scale| multiplied(&given, SECS, scale, 1));
        assert_eq!(same, given);
        assert!(less.iter().all(|arrival| given.contains(arrival)));
        assert!(given.iter().all(|arrival| more.contains(arrival)));
        let share = |part: &[Arrival]| part.len() as f64 / given.len() as f64;
        assert!((0.47..0.53).contains(&share(&less)), "{}", share(&less));
        assert!((2.27..2.33).contains(&share(&more)), "{}", share(&more));
        assert!(more.iter().all(|arrival| arrival.at < SECS));
    }

    #[test]
    fn bursts_are_so_many_times_what_comes_in_between() {
        let shape = Shape::Bursts {
            times: 4.0,
            every: 10.0,
            lasting: 2.0,
        };
        assert!((shape.factor(1.0) / shape.factor(5.0) - 4.0).abs() < 1e-9);
        assert_eq!(shape.factor(1.0), shape.factor(11.0));
    }

    #[test]
    fn no_answer_is_longer_than_its_cap() {
        let capped = Stream {
            output_max: Some(12),
            ..stream(Shape::Steady)
        };
        let arrivals = arrivals(&[capped], SECS, 1.0, 1);
        assert!(arrivals.iter().all(|arrival| arrival.output <= 12.0));
    }
}
