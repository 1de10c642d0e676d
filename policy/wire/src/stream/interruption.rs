//! What it means that no more of an answer comes, which the client has begun to get.
//!
//! A stream ends well only if it said so itself: SDKs take a clean end of the connection for a whole
//! answer, whatever is missing. Once it has said so, nothing that happens to the connection takes that
//! back. Between the two the provider may still send usage and the dialect's last event, for a while.

use std::time::Duration;

use keyweir_terms::fault::Fault;

use crate::stream::reader::StreamReader;

/// How long more may come after a stream has said that its answer is complete (usage, the dialect's
/// last event). Several answers in one stream may be made one after the other, so this is long
/// beside the pause before a first word; some connections are never closed.
const AFTER_FINISH: Duration = Duration::from_secs(15);

/// Why no more comes, but for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The connection broke.
    Died,
    /// Nothing came in time.
    Stalled,
    /// The driver itself has to end.
    LastCall,
}

impl Interruption {
    /// Whose fault that is, where the answer needed more.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Died | Self::Stalled => Fault::StreamBroken,
            Self::LastCall => Fault::Aborted,
        }
    }
}

impl StreamReader {
    /// How long the next piece may take, where silence within an answer may last for `idle`.
    pub fn idle_max(&self, idle: Duration) -> Duration {
        if self.has_said_all() {
            idle.min(AFTER_FINISH)
        } else {
            idle
        }
    }

    /// What cuts the stream short, now that no more comes because of `by`; `None`: it lacks nothing.
    pub const fn interrupted(&self, by: Interruption) -> Option<Interruption> {
        if self.has_said_all() { None } else { Some(by) }
    }

    /// What cuts the stream short, now that its connection has come to a clean end; `None`: it lacks
    /// nothing, or has told its error.
    pub fn ended(&mut self) -> Option<Interruption> {
        let lacks = self.fault().is_none() && self.ending() != Fault::None;
        lacks.then_some(Interruption::Died)
    }

    /// It is complete, or has told its error.
    const fn has_said_all(&self) -> bool {
        self.finished() || self.fault().is_some()
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::dialect::Dialect;
    use keyweir_terms::endpoint::Endpoint;

    use super::*;

    const CONTENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const ERROR: &str = "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n";
    const IDLE: Duration = Duration::from_secs(300);

    fn reader(events: &[&str]) -> StreamReader {
        let mut reader = StreamReader::new(Dialect::OpenAi, Endpoint::Inference, [].into());
        for event in events {
            reader.feed(event.as_bytes());
        }
        reader
    }

    #[test]
    fn a_stream_that_has_not_said_that_it_is_complete_is_cut_by_whatever_ends_it() {
        let mut cut = reader(&[CONTENT]);
        for by in [
            Interruption::Died,
            Interruption::Stalled,
            Interruption::LastCall,
        ] {
            assert_eq!(cut.interrupted(by), Some(by));
        }
        assert_eq!(cut.idle_max(IDLE), IDLE);
        assert_eq!(cut.ended(), Some(Interruption::Died));
        assert_eq!(Interruption::LastCall.fault(), Fault::Aborted);
    }

    #[test]
    fn one_that_has_said_all_lacks_nothing_and_is_not_waited_for_long() {
        for last in [STOP, ERROR] {
            let mut whole = reader(&[CONTENT, last]);
            assert_eq!(whole.interrupted(Interruption::Died), None);
            assert_eq!(whole.ended(), None);
            assert_eq!(whole.idle_max(IDLE), AFTER_FINISH);
            assert_eq!(whole.idle_max(AFTER_FINISH / 2), AFTER_FINISH / 2);
        }
    }
}
