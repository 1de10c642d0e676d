//! What a provider lists as its models, as long as it counts.
//!
//! A list is fetched when somebody asks for it and the last one is too old, by one request at a time.
//! One that cannot be fetched anew goes on counting: a model does not vanish because its provider is
//! down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyweir_policy::wire::list::models::{Model, ModelsForm};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

/// How long a list that could not be fetched is not asked for again: twice as long each time, and no longer
/// than one that could. So however many providers are slow, those behind them get their turn.
const FAILED: Duration = Duration::from_secs(10);
/// Doublings that are counted: a week, far beyond any refresh.
const DOUBLED_MAX: u32 = 16;

/// The models of one provider.
#[derive(Debug, Default)]
pub(crate) struct KnownModels {
    last: Mutex<Last>,
    fetching: AsyncMutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Last {
    list: Option<List>,
    /// Until when nobody asks.
    until: Option<Instant>,
    /// How often it could not be fetched since it last was.
    failures: u32,
}

/// A list that was fetched.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) form: ModelsForm,
    pub(crate) models: Arc<[Model]>,
}

impl KnownModels {
    /// The last list, if there is one, and whether it is new enough.
    pub(crate) fn last(&self) -> (Option<List>, bool) {
        let last = self.last.lock();
        let is_new = last.until.is_some_and(|until| Instant::now() < until);
        (last.list.clone(), is_new)
    }

    /// The right to fetch it, once nobody else does.
    pub(crate) async fn fetching(&self) -> AsyncGuard<'_, ()> {
        self.fetching.lock().await
    }

    /// A list came, which counts for `refresh`; or none.
    pub(crate) fn came(&self, list: Option<List>, refresh: Duration) {
        let mut last = self.last.lock();
        let counts = if list.is_some() {
            last.failures = 0;
            refresh
        } else {
            let doubled = FAILED.saturating_mul(1 << last.failures);
            last.failures = (last.failures + 1).min(DOUBLED_MAX);
            doubled.min(refresh.max(FAILED))
        };
        last.until = Some(Instant::now() + counts);
        last.list = list.or_else(|| last.list.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_asked_for_less_and_less_often() {
        let known = KnownModels::default();
        let refresh = Duration::from_secs(300);
        let mut waits = Vec::new();
        for _ in 0..40 {
            known.came(None, refresh);
            let until = known.last.lock().until.expect("it failed");
            waits.push((until - Instant::now()).as_secs_f64().round());
        }
        assert_eq!(waits[..6], [10.0, 20.0, 40.0, 80.0, 160.0, 300.0]);
        assert_eq!(waits[39], 300.0);
        let list = List {
            form: ModelsForm::OpenAi,
            models: Vec::new().into(),
        };
        known.came(Some(list), refresh);
        known.came(None, refresh);
        assert!(known.last.lock().until.expect("it failed") - Instant::now() <= FAILED);
    }
}
