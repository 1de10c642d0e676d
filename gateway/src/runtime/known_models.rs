//! What a provider lists as its models, as long as it counts.
//!
//! When it is fetched anew, [`keyweir_policy::exchange::model_lists`] says. One request at a time does.

use std::sync::Arc;
use std::time::Duration;

use keyweir_policy::exchange::model_lists::Freshness;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::list::models::{Model, ModelsForm};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

/// The models of one provider.
#[derive(Debug, Default)]
pub(crate) struct KnownModels {
    last: Mutex<Last>,
    fetching: AsyncMutex<()>,
}

#[derive(Debug, Default)]
struct Last {
    list: Option<List>,
    freshness: Freshness,
}

/// A list that was fetched.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) form: ModelsForm,
    pub(crate) models: Arc<[Model]>,
}

impl KnownModels {
    /// The last list, if there is one.
    pub(crate) fn last(&self) -> Option<List> {
        self.last.lock().list.clone()
    }

    /// What is known, where that is new enough.
    pub(crate) fn fresh(&self, now: Time) -> Option<Option<List>> {
        let last = self.last.lock();
        let is_fresh = last.freshness.is_fresh(now);
        is_fresh.then(|| last.list.clone())
    }

    /// The right to fetch it, once nobody else does.
    pub(crate) async fn fetching(&self) -> AsyncGuard<'_, ()> {
        self.fetching.lock().await
    }

    /// A list came, which counts for `refresh`; or none.
    pub(crate) fn came(&self, list: Option<List>, now: Time, refresh: Duration) {
        let mut last = self.last.lock();
        match list {
            Some(list) => {
                last.freshness.fetched(now, refresh);
                last.list = Some(list);
            }
            None => last.freshness.failed(now, refresh),
        }
    }
}
