//! Takes a credential's traces out of a stream of events.
//!
//! Only errors quote parts of keys, so only they are searched for those, once it is known that there is
//! one. Of an event that is too long to be held back it is not known what it is until its end; all of it is
//! searched. In all others only the whole key is looked for.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use keyweir_policy::wire::trace::Traces;

use super::redaction::Redaction;

/// What is being searched.
#[derive(Default)]
pub(super) struct EventRedaction {
    /// The long event of which a part has passed.
    long: Option<Redaction>,
}

impl EventRedaction {
    /// What may be passed on of `events`. `is_amid`: they end within a long one. `is_error`: the
    /// stream has told of one.
    pub(super) fn pass(
        &mut self,
        traces: &Arc<Traces>,
        events: Bytes,
        is_amid: bool,
        is_error: bool,
    ) -> Bytes {
        if self.long.is_none() && !is_amid {
            let redacted = if is_error {
                traces.redacted(&events)
            } else {
                traces.redacted_whole(&events)
            };
            return redacted.map_or(events, Bytes::from);
        }
        let long = self.long.get_or_insert_with(|| Redaction::of(traces));
        let passed = long.pass(events);
        if is_amid {
            return passed;
        }
        let mut all = BytesMut::from(passed);
        all.extend_from_slice(&long.rest());
        self.long = None;
        all.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::whole_events::WholeEvents;

    #[test]
    fn a_key_in_a_long_event_is_not_seen_wherever_it_is_cut() {
        let key = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn";
        let traces = Arc::new(Traces::of(key));
        let long = "x".repeat(70_000);
        let stream = format!("data: 1\n\ndata: {long}{key}{long}\n\ndata: {key}\n\n");
        let at = stream.find(key).expect("it is there");
        for cut in at - 2..at + key.len() + 2 {
            let (mut events, mut redaction) = (WholeEvents::default(), EventRedaction::default());
            let mut all = Vec::new();
            for piece in [
                &stream[..9],
                &stream[9..cut],
                &stream[cut..at + 200],
                &stream[at + 200..],
            ] {
                let passed = events.pass(Bytes::copy_from_slice(piece.as_bytes()));
                let passed = redaction.pass(&traces, passed, events.is_amid(), false);
                all.extend_from_slice(&passed);
            }
            assert_eq!(all.len(), stream.len(), "{cut}");
            let text = String::from_utf8(all).expect("text");
            // What is no error and not long is searched for the whole key.
            assert!(text.starts_with("data: 1\n\n"), "{cut}");
            assert!(!text.contains("WcR9tYb4Ls"), "{cut}");
        }
    }
}
