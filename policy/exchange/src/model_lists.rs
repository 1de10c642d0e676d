//! Lists of models: when a provider's list is fetched anew, how long that may take, and how much of it
//! is read.
//!
//! It is fetched when somebody asks for it and the last one is too old. One that cannot be fetched goes
//! on counting: a model does not vanish because its provider is down. All of it has to be done while a
//! coding agent waits, which is three seconds; so a provider that takes too long is left out of the
//! list, and backed off from.

use std::time::Duration;

use keyweir_terms::dialect::Dialect;
use keyweir_terms::time::Time;
use keyweir_wire::list::models::{Model, ModelsForm, ModelsPage, first_query};

/// How long all providers together may take.
const ALL_WITHIN: Duration = Duration::from_secs(2);
/// How long one of them may take, so that it leaves time to those behind it.
const ONE_WITHIN: Duration = Duration::from_secs(1);
/// Pages of one list: thousands of models.
const PAGES_MAX: u32 = 10;
/// Bytes of one list, as far as it is kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a list that could not be fetched is not asked for again: twice as long each time, and no longer
/// than one that could. So however many providers are slow, those behind them are asked too.
const BACKOFF: Duration = Duration::from_secs(10);
/// Doublings that are counted: a week, far beyond any refresh.
const DOUBLINGS_MAX: u32 = 16;

/// Whether what is known of a provider's models is new enough.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    /// Until when nobody asks.
    until: Option<Time>,
    /// How often it could not be fetched since it last was.
    failures: u32,
}

impl Freshness {
    /// Whether the provider need not be asked.
    pub fn is_fresh(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// A list came, which counts for `refresh`.
    pub fn fetched(&mut self, now: Time, refresh: Duration) {
        self.failures = 0;
        self.until = Some(now + refresh);
    }

    /// None came.
    pub fn failed(&mut self, now: Time, refresh: Duration) {
        let backoff = BACKOFF.saturating_mul(1 << self.failures);
        self.failures = (self.failures + 1).min(DOUBLINGS_MAX);
        self.until = Some(now + backoff.min(refresh.max(BACKOFF)));
    }
}

/// Until when the lists of all providers have to be there.
#[derive(Clone, Copy, Debug)]
pub struct TimeToFetch {
    until: Time,
}

/// How long one provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allotted {
    /// So long.
    pub span: Duration,
    /// It is the provider's own failure to take longer: the others left it all the time it should need.
    pub is_enough: bool,
}

impl TimeToFetch {
    /// The client begins to wait.
    pub fn begins(now: Time) -> Self {
        let until = now + ALL_WITHIN;
        Self { until }
    }

    /// What is left of it.
    pub fn left(&self, now: Time) -> Duration {
        self.until.since(now)
    }

    /// What the provider has that is asked next.
    pub fn of_next(&self, now: Time) -> Allotted {
        let left = self.left(now);
        Allotted {
            span: left.min(ONE_WITHIN),
            is_enough: left >= ONE_WITHIN,
        }
    }
}

/// A provider's list in the making.
#[derive(Debug)]
pub struct Fetch {
    /// What to ask for next.
    next: Option<String>,
    form: Option<ModelsForm>,
    models: Vec<Model>,
    pages: u32,
    bytes: usize,
}

impl Fetch {
    /// Of a provider of `dialect`.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            next: Some(first_query(dialect)),
            form: None,
            models: Vec::new(),
            pages: 0,
            bytes: 0,
        }
    }

    /// The query of the page to ask for; `None`: that was all.
    pub fn next_page(&mut self) -> Option<String> {
        let is_full = self.pages >= PAGES_MAX || self.bytes >= BYTES_MAX;
        self.next.take().filter(|_| !is_full)
    }

    /// A page came, or none that could be read.
    pub fn came(&mut self, page: Option<ModelsPage>) {
        self.pages += 1;
        let Some(page) = page else { return };
        self.form = Some(page.form);
        self.bytes += page
            .models
            .iter()
            .map(|model| model.json.len())
            .sum::<usize>();
        self.models.extend(page.models);
        self.next = page.next;
    }

    /// The list; `None`: there was no page that could be read.
    pub fn list(self) -> Option<(ModelsForm, Vec<Model>)> {
        Some((self.form?, self.models))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(300);

    #[test]
    fn a_provider_that_fails_again_and_again_is_asked_less_and_less_often() {
        let (mut freshness, now) = (Freshness::default(), Time::from_micros(7));
        assert!(!freshness.is_fresh(now));
        let mut waits = Vec::new();
        for _ in 0..40 {
            freshness.failed(now, REFRESH);
            let until = freshness.until.expect("it failed");
            assert!(freshness.is_fresh(until - Duration::from_micros(1)));
            assert!(!freshness.is_fresh(until));
            waits.push(until.since(now).as_secs());
        }
        assert_eq!(waits[..6], [10, 20, 40, 80, 160, 300]);
        assert_eq!(waits[39], 300);
        freshness.fetched(now, REFRESH);
        assert_eq!(freshness.until, Some(now + REFRESH));
        freshness.failed(now, REFRESH);
        assert_eq!(freshness.until, Some(now + BACKOFF));
    }

    #[test]
    fn a_provider_that_the_others_left_too_little_time_has_not_failed() {
        let now = Time::from_micros(5);
        let time = TimeToFetch::begins(now);
        let at = |millis| time.of_next(now + Duration::from_millis(millis));
        let (second, half) = (ONE_WITHIN, ONE_WITHIN / 2);
        let allotted = |span, is_enough| Allotted { span, is_enough };
        assert_eq!(at(0), allotted(second, true));
        assert_eq!(at(1_000), allotted(second, true));
        assert_eq!(at(1_500), allotted(half, false));
        assert_eq!(at(9_000), allotted(Duration::ZERO, false));
    }

    #[test]
    fn a_list_is_read_page_by_page_and_not_for_ever() {
        let page = |next: Option<&str>| ModelsPage {
            form: ModelsForm::OpenAi,
            models: vec![Model::named(ModelsForm::OpenAi, "m", "o")],
            next: next.map(str::to_owned),
        };
        let mut fetch = Fetch::new(Dialect::OpenAi);
        assert!(fetch.next_page().is_some());
        fetch.came(Some(page(Some("after=m"))));
        assert_eq!(fetch.next_page().as_deref(), Some("after=m"));
        fetch.came(None);
        assert_eq!(
            fetch.next_page(),
            None,
            "what could not be read has no next"
        );
        assert_eq!(fetch.list().expect("one page").1.len(), 1);

        let mut endless = Fetch::new(Dialect::OpenAi);
        let mut pages = 0;
        while endless.next_page().is_some() {
            endless.came(Some(page(Some("again"))));
            pages += 1;
        }
        assert_eq!(pages, PAGES_MAX);
        assert!(Fetch::new(Dialect::OpenAi).list().is_none());
    }
}
