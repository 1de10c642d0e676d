//! Who keeps the ledger: a thread of its own.
//!
//! What a request cost is added up in memory, and twice a second that goes to the disk, with what was
//! learned, as one transaction. So a process that is killed loses half a second (of what accounts carried,
//! some seconds), and one that is told to end nothing. A disk that takes nothing holds nobody up: what is to
//! be written stays in memory until it does, and the log and a metric say so.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use keyweir_policy::tenancy::tally::Place;
use keyweir_policy::terms::ids::TenantId;

use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Ledger, LedgerError, Loads, Spender, Store, Unwritten};
use crate::runtime::live::Live;
use crate::runtime::loads;
use crate::runtime::recall;
use crate::runtime::tenancy::{Spent, wall};

/// How long what was spent is in memory only.
const WRITTEN_EVERY: Duration = Duration::from_millis(500);
/// What accounts carried goes with every fifth of these writes: an account has one row for each hour, and
/// every write of it writes that anew.
const LOADS_WRITTEN_EVERY: u32 = 5;
/// Rows of what a pool has learned that are written at a time: a few hundredths of a second's work. Where
/// more accounts than that are busy at once, a process that is killed loses more than half a second of
/// what was learned of them.
const ROWS_MAX: usize = 1_000;

/// `store`, kept up to date with what `gateway` spends. What its budgets have spent is restored.
///
/// # Errors
/// If there is no thread to be had, or the ledger cannot be read.
pub(crate) fn keep(store: Arc<Store>, gateway: &Arc<Gateway>) -> Result<Ledger, LedgerError> {
    let unusable = |why: String| LedgerError::Unusable(store.path().to_owned(), why);
    let spent = store
        .budgets()
        .map_err(|error| unusable(error.to_string()))?;
    gateway.tenancy.with(|meters, _| meters.remember(spent));
    let salt = store.salt().map_err(|error| unusable(error.to_string()))?;
    let unwritten = recall::recall(&store, salt, gateway);
    let (sender, ended) = mpsc::channel();
    let mut writer = Writer {
        store: Arc::clone(&store),
        salt,
        names: HashMap::new(),
        unwritten,
        loads: Loads::default(),
        turns: 0,
        day: 0,
        fails: false,
    };
    let gateway = Arc::downgrade(gateway);
    let thread = std::thread::Builder::new().name("ledger".to_owned());
    let thread = thread.spawn(move || {
        let mut is_last = false;
        while !is_last {
            let waited = ended.recv_timeout(WRITTEN_EVERY);
            is_last = !matches!(waited, Err(RecvTimeoutError::Timeout));
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            writer.write(&gateway, is_last);
        }
    });
    let thread = thread.map_err(|error| unusable(error.to_string()))?;
    Ok(Ledger::new(store, sender, thread))
}

/// What is to be written.
struct Writer {
    store: Arc<Store>,
    /// Of the ledger.
    salt: u64,
    /// What tenants were called that may be gone by now.
    names: HashMap<TenantId, String>,
    unwritten: Unwritten,
    /// What accounts carried since that was last to be written.
    loads: Loads,
    turns: u32,
    /// The day on which it was last looked for what is too old.
    day: u32,
    fails: bool,
}

impl Writer {
    fn write(&mut self, gateway: &Gateway, is_last: bool) {
        let rows_max = if is_last { usize::MAX } else { ROWS_MAX };
        let Spent { places, budgets } = gateway.tenancy.take_spent();
        let live = gateway.live();
        for (place, more) in places {
            let spender = self.named(&live, place);
            let spent = &mut self.unwritten.spent;
            spent.entry(spender).or_default().add(&more);
        }
        for (key, begin, spent) in budgets {
            self.unwritten.budgets.insert(key, (begin, spent));
        }
        recall::take(gateway, self.salt, rows_max, &mut self.unwritten);
        let now = wall();
        loads::take(gateway, now, rows_max, &mut self.loads);
        self.turns = self.turns.wrapping_add(1);
        if is_last || self.turns.is_multiple_of(LOADS_WRITTEN_EVERY) {
            loads::merge(std::mem::take(&mut self.loads), &mut self.unwritten.loads);
        }
        let today = now.day();
        if self.day != today && self.store.evict(today).is_ok() {
            self.day = today;
        }
        let written = self.store.write(&self.unwritten);
        let metrics = &gateway.metrics.ledger;
        match written {
            Ok(()) => {
                self.unwritten = Unwritten::default();
                metrics.writable.set(1);
                if std::mem::take(&mut self.fails) {
                    tracing::info!("the ledger is writable again");
                }
            }
            Err(error) => {
                metrics.writable.set(0);
                metrics.failed.inc();
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::error!(
                        %error,
                        ledger = %self.store.path().display(),
                        "the ledger cannot be written; what is spent and learned stays in memory until it can"
                    );
                }
            }
        }
    }

    fn named(&mut self, live: &Live, place: Place) -> Spender {
        let provider = live.providers.get(place.provider);
        let parts = provider.map(|provider| provider.pool.parts.load());
        if let Some(tenant) = live.tenant(place.tenant)
            && self.names.get(&place.tenant) != Some(&tenant.id)
        {
            self.names.insert(place.tenant, tenant.id.clone());
        }
        let of = |name: Option<&str>| name.unwrap_or("?").to_owned();
        let parts = parts.as_deref();
        Spender {
            day: place.day,
            // Without tenants there is nobody to name.
            tenant: self.names.get(&place.tenant).cloned().unwrap_or_default(),
            provider: of(provider.map(|provider| provider.id.as_str())),
            account: of(parts.map(|parts| parts.account(place.account))),
            key: of(parts.map(|parts| parts.key(place.key))),
            model: place.model,
        }
    }
}
