//! What operators should know of: the last of it, for `/status`, the live page and `keyweir top`. The
//! log has all of it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many are kept: what a screen or two can show.
const KEPT: usize = 100;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: SystemTime,
    pub(crate) severity: Severity,
    pub(crate) provider: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) text: Cow<'static, str>,
}

impl Event {
    /// Something about the gateway as a whole.
    pub(crate) fn new(severity: Severity, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at: SystemTime::now(),
            severity,
            provider: None,
            account: None,
            key: None,
            text: text.into(),
        }
    }
}

/// The last events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: Mutex<VecDeque<Event>>,
    told: Notify,
}

impl Events {
    pub(crate) fn add(&self, event: Event) {
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event);
        drop(kept);
        self.told.notify_waiters();
    }

    /// Resolves with the next event from now on.
    pub(crate) async fn next(&self) {
        self.told.notified().await;
    }

    /// The latest first.
    pub(crate) fn latest(&self) -> Vec<Event> {
        self.kept.lock().iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_come_first() {
        let events = Events::default();
        for number in 0..KEPT + 5 {
            events.add(Event::new(Severity::Info, number.to_string()));
        }
        let latest = events.latest();
        assert_eq!(latest.len(), KEPT);
        assert_eq!(latest[0].text, (KEPT + 4).to_string());
    }
}
