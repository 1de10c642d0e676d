//! Arrivals: when, who, how big.

/// How arrivals spread over time. All are random (Poisson) around their rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The same rate all the time.
    Steady,
    /// A multiple of the rate for a time.
    Burst {
        /// The multiple.
        factor: f64,
        /// From when, in seconds.
        from: f64,
        /// Until when.
        until: f64,
    },
    /// A multiple of the rate in between, again and again.
    Bursts {
        /// The multiple.
        times: f64,
        /// Seconds from one beginning to the next.
        every: f64,
        /// Seconds that each lasts.
        lasting: f64,
    },
    /// A day: the rate swings between nothing and twice its mean over this many seconds.
    Day {
        /// Length of the day.
        secs: f64,
    },
}

impl Shape {
    /// The rate at a moment, as a multiple of its mean.
    pub fn factor(self, secs: f64) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::Burst {
                factor,
                from,
                until,
            } => {
                if (from..until).contains(&secs) {
                    factor
                } else {
                    1.0
                }
            }
            Self::Bursts {
                times,
                every,
                lasting,
            } => {
                let in_burst = secs % every < lasting;
                self.between_bursts() * if in_burst { times } else { 1.0 }
            }
            Self::Day { secs: day } => 1.0 - (secs / day * std::f64::consts::TAU).cos(),
        }
    }

    /// The rate between bursts that leaves the mean as it is.
    fn between_bursts(self) -> f64 {
        match self {
            Self::Bursts {
                times,
                every,
                lasting,
            } => every / (every + (times - 1.0) * lasting),
            _ => 1.0,
        }
    }

    /// The highest of the factors.
    pub(crate) fn factor_max(self) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::Burst { factor, .. } => factor.max(1.0),
            Self::Bursts { times, .. } => self.between_bursts() * times.max(1.0),
            Self::Day { .. } => 2.0,
        }
    }
}

/// A request of a simulated client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When, in seconds.
    pub at: f64,
    /// Position of its tenant.
    pub tenant: usize,
    /// Input tokens it will take.
    pub input: f64,
    /// Output tokens it will take.
    pub output: f64,
    /// The client's cap on output.
    pub output_max: Option<u64>,
    /// Position of its model among the scenario's.
    pub model: usize,
}
