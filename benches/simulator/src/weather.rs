//! What can go wrong in a simulated world.

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    /// A key is revoked at a time.
    Revoked {
        /// Which.
        key: usize,
        /// From when, in seconds.
        from: f64,
    },
    /// An account runs out of money.
    OutOfMoney {
        /// Which.
        account: usize,
        /// From when, in seconds.
        from: f64,
    },
    /// A key that is always refused with 429, without headers or a wait.
    AlwaysRefused {
        /// Which.
        key: usize,
    },
    /// Answers are 529 with a probability for a time.
    Overloaded {
        /// Probability.
        share: f64,
        /// From when, in seconds.
        from: f64,
        /// Until when.
        until: f64,
    },
    /// No connection can be made for a time.
    Unreachable {
        /// From when, in seconds.
        from: f64,
        /// Until when.
        until: f64,
    },
    /// Answers are 500 with a probability for a time.
    Broken {
        /// Probability.
        share: f64,
        /// From when, in seconds.
        from: f64,
        /// Until when.
        until: f64,
    },
    /// A 200 holds no answer, with a probability.
    Malformed {
        /// Probability.
        share: f64,
    },
    /// This share of requests is wrong in itself: 400, whoever is asked.
    Wrong {
        /// The share.
        share: f64,
    },
    /// This share of requests is answered so whoever is asked, and is alone in that.
    Poison {
        /// The share.
        share: f64,
        /// How.
        poison: Poison,
    },
    /// An account has no access to a model, though the policy does not say so.
    Denied {
        /// Which account.
        account: usize,
        /// Which model, by its position in the scenario.
        model: usize,
    },
    /// Connections die before the head of an answer, at any time, with a probability.
    Reset {
        /// Probability.
        share: f64,
    },
    /// A 200 is followed by an error event instead of content, with a probability.
    ErrorEvent {
        /// Probability.
        share: f64,
    },
    /// A stream breaks after some of its content, with a probability.
    Cut {
        /// Probability.
        share: f64,
    },
    /// A stream falls silent, before its content or within it, with a probability; the gateway
    /// gives it up after [`Scenario::idle_secs`](crate::Scenario::idle_secs).
    Stall {
        /// Probability.
        share: f64,
    },
    /// The headers about budgets lie.
    Lies(Lie),
    /// The gateways' clocks jump at a time.
    ClockJump {
        /// When, in seconds.
        at: f64,
        /// By how many seconds; negative: back.
        by: f64,
    },
    /// The gateways' clocks run fast by this share (slow, if negative).
    ClockDrift {
        /// The share.
        by: f64,
    },
}

/// How every key answers a request that none can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// 500.
    Broken,
    /// 529.
    Overloaded,
    /// 401, as if the key were wrong.
    Rejected,
    /// 402, as if the account had no money.
    Poor,
    /// 429, without headers or a wait.
    Refused,
}

/// How headers about budgets lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// More is left than the limit allows.
    RemainingAboveLimit,
    /// Every bucket was full an hour ago.
    ResetInThePast,
    /// Limits beyond any, less than nothing left, resets in the year 9999.
    Absurd,
    /// Each header is missing half of the time.
    Missing,
    /// They speak of a bucket that holds a whole minute, while a smaller one is enforced.
    MinuteScale,
    /// Nothing is ever left.
    NothingLeft,
    /// All of the limit is always left.
    AllLeft,
    /// The limit is one, and it is left.
    LimitOfOne,
    /// Of the limit, and of what is left, a tenth.
    Tenth,
    /// Ten times the limit, and ten times what is left.
    Tenfold,
    /// Every bucket is full in an hour.
    ResetFarAhead,
    /// What is left has nothing to do with the truth.
    RandomLeft,
}
