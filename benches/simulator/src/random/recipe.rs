//! What a random world is made of: small enough to be written down as a test.

use crate::told::Told;

/// A world in a few figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Arrivals and everything else random follow from it.
    pub seed: u64,
    /// Seconds of arrivals.
    pub secs: f64,
    /// What is asked for, as a share of capacity.
    pub load: f64,
    /// The accounts.
    pub accounts: Vec<AccountRecipe>,
    /// Who asks for what.
    pub mixes: Vec<Mix>,
    /// What headers say.
    pub told: Told,
    /// They are made when the answer's head is sent, not at admission.
    pub late: bool,
    /// A key that is always refused without a reason.
    pub sick_key: Option<usize>,
    /// Seconds from admission to the head of an answer, at least and at most.
    pub first_token: (f64, f64),
    /// Seconds per output token.
    pub per_token: f64,
}

/// An account: what it can take of requests of mean size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccountRecipe {
    /// Keys it has.
    pub keys: usize,
    /// Requests of mean size per second, in the scarcest dimension.
    pub per_sec: f64,
    /// Seconds of refill that its buckets save up.
    pub burst_secs: f64,
    /// By dimension (requests, input, output): how much more its limit is than the scarcest; zero: no
    /// limit.
    pub slack: [f64; 3],
}

/// One tenant's requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Its share of arrivals.
    pub share: f64,
    /// Its input, in tokens.
    pub input: Tail,
    /// Its output, in tokens; at most the cap.
    pub output: Tail,
    /// The cap that it gives.
    pub output_max: u64,
}

/// How sizes are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tail {
    /// Evenly between the two.
    Even(f64, f64),
    /// Log-normal: median, and the deviation of the logarithm.
    LogNormal(f64, f64),
    /// Pareto: the least, the exponent, and the most.
    Pareto(f64, f64, f64),
    /// Half, 35 % and 15 % around these, each between a fifth and four fifths.
    Three([f64; 3]),
}

impl Tail {
    /// One size.
    pub fn draw(self, draws: &mut fastrand::Rng) -> f64 {
        let size = match self {
            Self::Even(least, most) => least + (most - least) * draws.f64(),
            Self::LogNormal(median, deviation) => {
                // Twelve even draws make a normal one, nearly.
                let normal: f64 = (0..12).map(|_| draws.f64()).sum::<f64>() - 6.0;
                median * (deviation * normal).exp()
            }
            Self::Pareto(least, exponent, most) => {
                (least * (1.0 - draws.f64()).powf(-1.0 / exponent)).min(most)
            }
            Self::Three(caps) => {
                let pick = draws.f64();
                let which = usize::from(pick >= 0.5) + usize::from(pick >= 0.85);
                caps[which] * (0.2 + 0.6 * draws.f64())
            }
        };
        size.round().max(1.0)
    }
}
