//! Why a tenant's request is refused: which limit, whose, and when it ends.

use std::fmt;
use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::replicas::Replicas;

use crate::allowance::Amount;
use crate::left::AllLeft;
use crate::money::Money;

/// What SDKs wait for at most before they try again by themselves (`anthropic-sdk`, `openai`: a
/// `retry-after` of more than a minute is not kept).
const RETRIED_WITHIN: Duration = Duration::from_secs(60);
/// How soon is asked again for what ends with other requests: in a moment or in minutes, nobody knows.
const WITH_OTHERS: Duration = Duration::from_secs(1);

/// Whose a limit is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Of a group of tenants, not of one.
    pub is_group: bool,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_group { "group" } else { "tenant" };
        write!(f, "{what} {}", self.name)
    }
}

/// What is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// A limit per minute.
    PerMinute(Dimension, u64),
    /// A number of requests at a time.
    AtATime(u32),
    /// A budget, for a period with this word.
    Budget(Amount, &'static str),
    /// A price for the model.
    Price,
}

impl Lacking {
    /// One of a bounded set, for metrics and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerMinute(Dimension::Requests, _) => "tenant_requests",
            Self::PerMinute(Dimension::InputTokens, _) => "tenant_input_tokens",
            Self::PerMinute(Dimension::OutputTokens, _) => "tenant_output_tokens",
            Self::PerMinute(Dimension::Tokens, _) => "tenant_tokens",
            Self::AtATime(_) => "tenant_concurrency",
            Self::Budget(Amount::Tokens(_), _) => "tenant_token_budget",
            Self::Budget(Amount::Money(_), _) => "tenant_money_budget",
            Self::Price => "tenant_unpriced",
        }
    }
}

/// When it is there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// In so long.
    In(Duration),
    /// When other requests of the same end: in a moment, or in minutes.
    WithOthers,
    /// Not for a request like this one.
    Never,
}

/// Whether the same request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// In so long, by an SDK too.
    In(Duration),
    /// In so long, which no SDK waits for: by itself it must not try.
    Later(Duration),
    /// It will not help.
    Never,
}

impl Ends {
    /// When a request that lacks it may be sent again.
    pub fn again(self) -> Again {
        match self {
            Self::Never => Again::Never,
            Self::WithOthers => Again::In(WITH_OTHERS),
            Self::In(wait) if wait > RETRIED_WITHIN => Again::Later(wait),
            Self::In(wait) => Again::In(wait),
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What.
    pub lacking: Lacking,
    /// Whose.
    pub owner: Owner,
    /// For which models, if not for all; where a price is lacking, for which one.
    pub models: Option<String>,
    /// How long.
    pub ends: Ends,
    /// What is left of it, and what the request would take; where that is known.
    pub short: Option<Short>,
    /// What is left of the limits per minute.
    pub left: AllLeft,
    /// The gateways that give of it, where they do not hear of one another.
    pub replicas: Replicas,
    /// What it is worth to wait for, and to ask again then.
    pub awaits: Option<Awaits>,
}

/// What is left of a limit or a budget, and what a request may take of it: tokens, requests, or picodollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// What is left, whatever runs.
    pub left: u128,
    /// What the request is expected to take.
    pub expected: u128,
    /// What it may take at most.
    pub most: u128,
}

/// What may bring in a moment what a request lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// Other gateways: only this one's share lacks it.
    Gateways,
    /// Requests that run: a budget is taken by them, and not spent.
    Requests,
    /// The ledger: what is left is not written down yet as spent.
    Ledger,
}

/// Which limit or budget it is, and whose, as it stands at the beginning of what is told of it.
pub struct Name<'a>(&'a Lack);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lack { lacking, owner, .. } = self.0;
        match *lacking {
            Lacking::PerMinute(dimension, limit) => {
                let what = dimension.as_str().replace('_', " ");
                write!(f, "the limit of {limit} {what} per minute of {owner}")?;
            }
            Lacking::AtATime(max) => write!(f, "the limit of {max} requests at a time of {owner}")?,
            Lacking::Budget(Amount::Tokens(tokens), period) => {
                write!(f, "the budget of {tokens} tokens per {period} of {owner}")?;
            }
            Lacking::Budget(Amount::Money(money), period) => {
                write!(f, "the budget of {money} USD per {period} of {owner}")?;
            }
            Lacking::Price => return write!(f, "a price, for the budget in money of {owner}"),
        }
        match &self.0.models {
            Some(models) => write!(f, " for {models}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lacking == Lacking::Price {
            let model = self.models.as_deref().unwrap_or("the model");
            return write!(
                f,
                "{} has a budget in money, and {model} has no price in this gateway's policy; whoever runs \
                 the gateway can give it one ([[price]])",
                self.owner
            );
        }
        self.name().fmt(f)?;
        self.say_when(f)?;
        match self.replicas.count() {
            1 => f.write_str(" (this is the gateway's limit, not the provider's)"),
            count => write!(
                f,
                " (this is the gateway's limit, not the provider's; each of {count} gateways gives \
                 its share of it)"
            ),
        }
    }
}

impl Lack {
    /// Which limit or budget it is, and whose.
    pub const fn name(&self) -> Name<'_> {
        Name(self)
    }

    /// What is left, what the request would take, and when there is more.
    fn say_when(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |amount, up| Quantity(self.lacking, amount, up);
        let is_budget = matches!(self.lacking, Lacking::Budget(..));
        match (self.ends, self.short) {
            (Ends::Never, short) => {
                f.write_str(" is smaller than this request")?;
                short.map_or(Ok(()), |Short { expected, .. }| {
                    write!(f, ", which is expected to take {}", of(expected, true))
                })
            }
            (Ends::WithOthers, _) if matches!(self.lacking, Lacking::AtATime(..)) => {
                f.write_str(" is reached; try again when one of them ends")
            }
            (Ends::WithOthers, short) => {
                f.write_str(" is taken by requests that run; try again when they end")?;
                match short.filter(|_| is_budget) {
                    Some(Short { left, most, .. }) => write!(
                        f,
                        ", or with a lower max_tokens: what is left for them and for this one is {}, and this one may \
                         take {}",
                        of(left, false),
                        of(most, true)
                    ),
                    None => Ok(()),
                }
            }
            (Ends::In(wait), short) => {
                match short.filter(|it| 0 < it.left && it.left < it.expected) {
                    Some(Short { left, expected, .. }) => write!(
                        f,
                        " has {} left, and this request is expected to take {}",
                        of(left, false),
                        of(expected, true)
                    ),
                    None if is_budget => f.write_str(" is spent"),
                    None => f.write_str(" is used up"),
                }?;
                write!(f, "; try again in {}", Span(wait))
            }
        }
    }
}

/// So much of what is lacking, rounded up or down to what is worth reading.
struct Quantity(Lacking, u128, bool);

/// Picodollars that are told apart.
const STEP: u128 = 1_000_000;

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lacking, amount, up) = *self;
        match lacking {
            Lacking::Budget(Amount::Money(_), _) => {
                let steps = if up {
                    amount.div_ceil(STEP)
                } else {
                    amount / STEP
                };
                write!(f, "{} USD", Money::from_pico(steps.saturating_mul(STEP)))
            }
            Lacking::PerMinute(dimension, _) => {
                write!(f, "{amount} {}", dimension.as_str().replace('_', " "))
            }
            _ => write!(f, "{amount} tokens"),
        }
    }
}

/// In whole seconds, as programs read it; where that is long, for people, too.
struct Span(Duration);

/// From how many seconds on.
const LONG_SECS: u128 = 600;

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_micros().div_ceil(1_000_000).max(1);
        write!(f, "{secs} s")?;
        let minutes = secs.div_ceil(60);
        let (days, hours) = (minutes / 1_440, minutes / 60 % 24);
        match secs {
            ..LONG_SECS => Ok(()),
            _ if days > 0 => write!(f, ", which is {days} d {hours} h"),
            _ => write!(f, ", which is {hours} h {} min", minutes % 60),
        }
    }
}

/// A budget that warns: so much of it is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overspent {
    /// Whose.
    pub owner: Owner,
    /// Of how much.
    pub amount: Amount,
    /// In a period with this word.
    pub period: &'static str,
    /// Hundredths of it that are spent.
    pub percent: u128,
}

impl fmt::Display for Overspent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            amount,
            period,
            percent,
        } = self;
        match amount {
            Amount::Tokens(tokens) => write!(f, "{tokens} tokens")?,
            Amount::Money(money) => write!(f, "{money} USD")?,
        }
        write!(f, " per {period} of {owner}; {percent}% spent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sdk_is_let_to_ask_again_as_long_as_it_would_wait() {
        let minute = Duration::from_secs(60);
        let more = minute + Duration::from_millis(1);
        assert_eq!(Ends::In(minute).again(), Again::In(minute));
        assert_eq!(Ends::In(more).again(), Again::Later(more));
        assert_eq!(Ends::WithOthers.again(), Again::In(WITH_OTHERS));
        assert_eq!(Ends::Never.again(), Again::Never);
    }
}
