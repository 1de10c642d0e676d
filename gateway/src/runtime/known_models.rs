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

/// How long a list that could not be fetched is not asked for again.
const FAILED: Duration = Duration::from_secs(10);

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
        let counts = if list.is_some() { refresh } else { FAILED };
        let mut last = self.last.lock();
        last.until = Some(Instant::now() + counts);
        last.list = list.or_else(|| last.list.take());
    }
}
