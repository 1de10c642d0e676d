//! What the upstream is told to answer, in a request header of ours.
//!
//! In a header and not in the body, so that the body can be one a real client would send, and so
//! that the upstream needs no JSON parser. Both the pass-through and the gateway forward headers
//! that they do not know.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The header that carries a [`Directive`].
pub(crate) const HEADER: &str = "x-load-answer";

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    /// A JSON message of 1 KB.
    Json,
    /// A stream of events, one chunk each.
    Stream(StreamShape),
    /// These statuses first, one after another, then a JSON message.
    FailFirst {
        /// Tells one client request's attempts from another's.
        id: u64,
        /// The statuses, in order.
        statuses: Vec<u16>,
    },
}

/// How a stream runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamShape {
    /// How many content deltas.
    pub(crate) deltas: u32,
    /// The pause between two of them.
    pub(crate) gap: Duration,
    /// Whether each says when it was sent.
    pub(crate) stamped: bool,
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json => write!(f, "json"),
            Self::Stream(StreamShape {
                deltas,
                gap,
                stamped,
            }) => {
                let kind = if *stamped { "stamped" } else { "stream" };
                write!(f, "{kind} {deltas} {}", gap.as_micros())
            }
            Self::FailFirst { id, statuses } => {
                write!(f, "fail {id}")?;
                statuses
                    .iter()
                    .try_for_each(|status| write!(f, " {status}"))
            }
        }
    }
}

/// The header says nothing we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownDirective;

impl FromStr for Directive {
    type Err = UnknownDirective;

    fn from_str(text: &str) -> Result<Self, UnknownDirective> {
        let mut words = text.split_ascii_whitespace();
        let directive = match words.next() {
            Some("json") => Self::Json,
            Some(kind @ ("stream" | "stamped")) => Self::Stream(StreamShape {
                deltas: number(words.next())?,
                gap: Duration::from_micros(number(words.next())?),
                stamped: kind == "stamped",
            }),
            Some("fail") => Self::FailFirst {
                id: number(words.next())?,
                statuses: words
                    .by_ref()
                    .map(|word| number(Some(word)))
                    .collect::<Result<_, _>>()?,
            },
            _ => return Err(UnknownDirective),
        };
        match words.next() {
            None => Ok(directive),
            Some(_) => Err(UnknownDirective),
        }
    }
}

fn number<N: FromStr>(word: Option<&str>) -> Result<N, UnknownDirective> {
    word.ok_or(UnknownDirective)?
        .parse()
        .map_err(|_| UnknownDirective)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_reads_as_it_was_written() {
        let gap = Duration::from_micros(20_000);
        for directive in [
            Directive::Json,
            Directive::Stream(StreamShape {
                deltas: 16,
                gap,
                stamped: false,
            }),
            Directive::Stream(StreamShape {
                deltas: 1,
                gap: Duration::ZERO,
                stamped: true,
            }),
            Directive::FailFirst {
                id: 7,
                statuses: vec![529, 429],
            },
        ] {
            assert_eq!(directive.to_string().parse(), Ok(directive));
        }
    }

    #[test]
    fn anything_else_is_unknown() {
        for text in [
            "", "jsno", "json 1", "stream", "stream 1", "fail", "fail 1 x",
        ] {
            assert_eq!(text.parse::<Directive>(), Err(UnknownDirective), "{text:?}");
        }
    }
}
