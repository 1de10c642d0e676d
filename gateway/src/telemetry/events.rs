//! What operators should know of: the last of it, for `/status`, the live page and `keyweir top`. The
//! log has all of it, but for what repeats itself within seconds: that is counted.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many are kept: what a screen or two can show.
const KEPT: usize = 100;
/// What happens again within this span of the first time is kept as one event: nobody floods the log
/// or pushes everything else off the page.
const REPEATED_WITHIN: Duration = Duration::from_secs(10);
/// So many of them have a line in the log.
const LOGGED_MAX: u32 = 3;

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
    /// How often it has happened by then.
    pub(crate) times: u32,
    /// When it happened first.
    pub(crate) first: Instant,
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
            times: 1,
            first: Instant::now(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let whose = |it: &Self| (it.provider.clone(), it.account.clone(), it.key.clone());
        self.text == other.text && whose(self) == whose(other)
    }
}

/// The last events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: Mutex<VecDeque<Event>>,
    told: Notify,
}

impl Events {
    /// Keeps `event`. `Some`: it is to be logged, and so many like it were not.
    pub(crate) fn add(&self, mut event: Event) -> Option<u32> {
        let mut kept = self.kept.lock();
        let before = kept.iter().rposition(|it| it.is_like(&event));
        let before = before.and_then(|place| Some((place, kept.get(place)?)));
        let mut to_log = Some(0);
        match before.map(|(place, it)| (place, it.first, it.times)) {
            Some((place, first, times)) if first.elapsed() < REPEATED_WITHIN => {
                kept.remove(place);
                (event.first, event.times) = (first, times.saturating_add(1));
                if event.times > LOGGED_MAX {
                    to_log = None;
                }
            }
            Some((_, _, times)) => to_log = Some(times.saturating_sub(LOGGED_MAX)),
            None => {}
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event);
        drop(kept);
        self.told.notify_waiters();
        to_log
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

    #[test]
    fn what_repeats_itself_is_counted_and_leaves_the_rest_where_it_is() {
        let events = Events::default();
        assert_eq!(
            events.add(Event::new(Severity::Error, "a key is out")),
            Some(0)
        );
        let mut logged = 0;
        for _ in 0..KEPT {
            for text in ["held", "resumed"] {
                logged += usize::from(events.add(Event::new(Severity::Warning, text)).is_some());
            }
        }
        assert_eq!(logged, 2 * LOGGED_MAX as usize);
        let latest = events.latest();
        let told: Vec<_> = latest.iter().map(|it| (&*it.text, it.times)).collect();
        let times = KEPT as u32;
        assert_eq!(
            told,
            [("resumed", times), ("held", times), ("a key is out", 1)]
        );
        // The same of another key is another thing.
        let mut other = Event::new(Severity::Warning, "held");
        other.key = Some("k".to_owned());
        assert_eq!(events.add(other), Some(0));
        // Later on it is told again, with how often it was not.
        events.kept.lock()[1].first = Instant::now()
            .checked_sub(REPEATED_WITHIN)
            .expect("the machine runs for longer");
        let again = events.add(Event::new(Severity::Warning, "held"));
        assert_eq!(again, Some(times - LOGGED_MAX));
    }
}
