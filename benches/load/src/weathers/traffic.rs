//! Arrivals: when, who, how big. Random around their rate (Poisson), drawn beforehand from a seed,
//! so that the same requests come at the same moments in every run.

use super::world::Sizes;

/// The cap that requests give.
pub(crate) const OUTPUT_MAX: u64 = 4_096;

/// One tenant's requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Requests per second.
    pub(crate) per_sec: f64,
    /// A span during which it asks more: how many times more, from when, until when.
    pub(crate) burst: Option<(f64, f64, f64)>,
}

/// One request of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When, in seconds from the beginning.
    pub(crate) at: f64,
    /// Position of its tenant.
    pub(crate) tenant: usize,
    /// Tokens of its prompt.
    pub(crate) input: f64,
    /// Tokens of its answer.
    pub(crate) output: f64,
    /// The most that it may have.
    pub(crate) output_max: u64,
    /// Whether it wants its answer streamed.
    pub(crate) streamed: bool,
}

/// All arrivals of `secs`, in order.
pub(crate) fn arrivals(streams: &[Stream], sizes: Sizes, secs: f64, seed: u64) -> Vec<Arrival> {
    let mut draws = fastrand::Rng::with_seed(seed);
    let mut arrivals = Vec::new();
    for (tenant, stream) in streams.iter().enumerate() {
        // Thinning: draw at the highest rate, keep in proportion to the rate at that moment.
        let most = stream.burst.map_or(1.0, |(factor, ..)| factor.max(1.0));
        let mut at = 0.0;
        loop {
            at += -(1.0 - draws.f64()).ln() / (stream.per_sec * most);
            if at >= secs {
                break;
            }
            let kept = draws.f64() * most < stream.factor(at);
            let mut around = |mean: f64| (mean * (0.5 + draws.f64())).round();
            let (input, output) = (around(sizes.input), around(sizes.output));
            let streamed = draws.bool();
            if kept {
                arrivals.push(Arrival {
                    at,
                    tenant,
                    input,
                    output,
                    output_max: OUTPUT_MAX,
                    streamed,
                });
            }
        }
    }
    arrivals.sort_by(|a, b| a.at.total_cmp(&b.at));
    arrivals
}

impl Stream {
    fn factor(&self, at: f64) -> f64 {
        match self.burst {
            Some((factor, from, until)) if (from..until).contains(&at) => factor,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes {
        input: 100.0,
        output: 10.0,
    };

    #[test]
    fn same_seed_brings_the_same_requests_at_the_rate_asked_for() {
        let stream = Stream {
            per_sec: 50.0,
            burst: Some((10.0, 20.0, 23.0)),
        };
        let all = arrivals(&[stream], SIZES, 40.0, 7);
        let again = arrivals(&[stream], SIZES, 40.0, 7);
        assert!(all.iter().zip(&again).all(|(a, b)| a.at == b.at));
        let within = |from: f64, until: f64| {
            let inside = |it: &&Arrival| (from..until).contains(&it.at);
            all.iter().filter(inside).count()
        };
        assert!((850..1_150).contains(&within(0.0, 20.0)));
        assert!((1_350..1_650).contains(&within(20.0, 23.0)));
        assert!(all.iter().all(|it| (50.0..=150.0).contains(&it.input)));
    }
}
