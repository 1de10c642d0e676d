//! What comes: flows of requests of one kind.

use std::time::Duration;

use keyweir_terms::ids::{ProviderId, TenantId};

/// What a traffic file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// For how long requests come.
    pub minutes: Option<u64>,
    /// Where everything random comes from.
    pub seed: Option<u64>,
    /// How long requests wait, whatever the policy says.
    pub patience: Option<Duration>,
    /// From the sending of a request to the head of its answer, on average.
    pub first_token: Option<Duration>,
    /// How fast an answer's output is produced.
    pub tokens_per_second: Option<f64>,
    /// What comes.
    pub flows: Vec<Flow>,
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Whose they are; `None`: everybody's in equal parts.
    pub tenant: Option<TenantId>,
    /// Whom they go to.
    pub provider: ProviderId,
    /// The model they ask for; empty where that makes no difference.
    pub model: String,
    /// How many come, on average.
    pub per_second: f64,
    /// How they spread over time.
    pub shape: FlowShape,
    /// How big they are.
    pub tokens: FlowTokens,
}

/// How big the requests of a flow are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTokens {
    /// Mean input; each request has between half and one and a half of it.
    pub input: u64,
    /// Mean output, likewise.
    pub output: u64,
    /// The clients' cap on output.
    pub output_max: Option<u64>,
}

impl Default for FlowTokens {
    /// A question with a page of context, and an answer of some paragraphs.
    fn default() -> Self {
        Self {
            input: 1_000,
            output: 300,
            output_max: None,
        }
    }
}

/// How a flow spreads over time, around its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum FlowShape {
    /// The same rate all the time.
    #[default]
    Steady,
    /// A higher rate again and again.
    Bursts {
        /// How many times the rate in between.
        times: f64,
        /// From one beginning to the next.
        every: Duration,
        /// How long each lasts.
        lasting: Duration,
    },
    /// The rate swings between nothing and twice its mean.
    Day {
        /// How long that takes; `None`: as long as requests come.
        period: Option<Duration>,
    },
}

impl FlowShape {
    /// The bursts of whoever does not say what theirs are like.
    pub const BURSTS: Self = Self::Bursts {
        times: 5.0,
        every: Duration::from_secs(60),
        lasting: Duration::from_secs(10),
    };
}
