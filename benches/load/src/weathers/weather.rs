//! What happens to the provider in a weather.

use std::ops::RangeInclusive;
use std::time::Duration;

use simulated_provider::{Control, Fault, FaultRule, Moment};

use super::world::HOLDERS;

/// When what happens to a run happens, in seconds from its beginning.
pub(crate) const STRIKES_AT: f64 = 20.0;
/// How long the storm rages.
pub(crate) const STORM_SECS: f64 = 10.0;

/// What happens to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing.
    Fair,
    /// One key is revoked and one account out of credit, from [`STRIKES_AT`]; one key is refused
    /// without a reason all the time.
    Sick,
    /// Nine of ten answers are 529 for [`STORM_SECS`].
    Storm,
    /// Streams fail, before and after their first content.
    BrokenStreams,
    /// Somebody else uses half of the largest account.
    Foreign,
}

impl Weather {
    /// What holds from the beginning.
    pub(crate) fn begin(self, control: &Control) {
        match self {
            Self::Sick => {
                let bare = FaultRule::from(Fault::RateLimitedBare);
                control.fault(bare.on_key("sk-dune-1"));
            }
            Self::BrokenStreams => {
                for rule in broken_streams() {
                    control.fault(rule);
                }
            }
            Self::Foreign => {
                control.set_foreign_share(HOLDERS[0].name, 0.5);
            }
            Self::Fair | Self::Storm => {}
        }
    }

    /// What happens at [`STRIKES_AT`].
    pub(crate) fn strike(self, control: &Control) {
        match self {
            Self::Sick => {
                control.fault(FaultRule::from(Fault::Revoked).on_key("sk-amber-2"));
                control.fault(FaultRule::from(Fault::OutOfCredit).on_account("cedar"));
            }
            Self::Storm => {
                let overloaded = Fault::Overloaded {
                    retry_after_secs: None,
                };
                let span = Duration::from_secs_f64(STORM_SECS);
                control.fault(FaultRule::from(overloaded).likely(0.9).lasting(span));
            }
            Self::Fair | Self::BrokenStreams | Self::Foreign => {}
        }
    }
}

/// What happens to streams, each with its probability among those that the ones before it spared.
fn broken_streams() -> Vec<FaultRule> {
    let reset = |at| Fault::Reset {
        at,
        connection: false,
    };
    let stall = |at| Fault::Stall { at, secs: None };
    let error = |after_chunks| Fault::ErrorEvent {
        after_chunks,
        error: None,
    };
    let end = |after_chunks| Fault::CleanEnd { after_chunks };
    let before = [
        (error(0), 0.02),
        (reset(Moment::BeforeHead), 0.01),
        (reset(Moment::AfterHead), 0.01),
        (reset(Moment::AfterChunks(0)), 0.01),
        (stall(Moment::AfterHead), 0.005),
        (end(0), 0.005),
    ];
    let after = [
        (error(AFTER_CHUNKS), 0.02),
        (reset(Moment::AfterChunks(AFTER_CHUNKS)), 0.02),
        (stall(Moment::AfterChunks(AFTER_CHUNKS)), 0.01),
        (end(AFTER_CHUNKS), 0.01),
    ];
    let rule = |(fault, share)| FaultRule {
        streamed: Some(true),
        ..FaultRule::from(fault).likely(share)
    };
    before.into_iter().chain(after).map(rule).collect()
}

/// Chunks of content before a failure in the middle of a stream; every answer has more.
const AFTER_CHUNKS: u64 = 2;
/// That of [`broken_streams`] where the provider itself says, after content, that it failed.
pub(crate) const TOLD_BY_PROVIDER: usize = 6;
/// Those where it just fails after content.
pub(crate) const UNTOLD: RangeInclusive<usize> = 7..=9;
