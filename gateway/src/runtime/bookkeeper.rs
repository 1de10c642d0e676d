//! Who keeps the ledger: a thread of its own.
//!
//! What a request cost is added up in memory, and twice a second that goes to the disk, with what was
//! learned, as one transaction; and at once, where what is written ahead of a budget that refuses is used up
//! by half. So a process that is killed loses half a second (of what accounts carried, some seconds), and
//! nothing of such a budget: more of that is written down than is taken. One that is told to end loses
//! nothing, or says how much. A disk that takes nothing holds nobody up: what is to be written stays in memory until
//! it does, and the log and a metric say so.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use keyweir_policy::tenancy::money::Money;
use keyweir_policy::tenancy::tally::{SpenderIds, Totals};
use keyweir_policy::terms::ids::TenantId;

use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Ledger, LedgerError, Loads, Spender, Store, Told, Unwritten};
use crate::runtime::live::Live;
use crate::runtime::loads;
use crate::runtime::recall;
use crate::runtime::tenancy::{Spent, wall};

/// How long what was spent is in memory only.
const WRITTEN_EVERY: Duration = Duration::from_millis(500);
/// How far writes are apart at least: a fast disk would else be written thousands of times a second, where
/// many tenants have small budgets.
const WRITES_APART: Duration = Duration::from_millis(5);
/// What accounts carried goes with every fifth of these writes: an account has one row for each hour, and
/// every write of it writes that anew.
const LOADS_WRITTEN_EVERY: u32 = 5;
/// Rows of what a pool has learned that are written at a time: a few hundredths of a second's work. Where
/// more accounts than that are busy at once, a process that is killed loses more than half a second of
/// what was learned of them.
const ROWS_MAX: usize = 1_000;

/// Budgets that are told one by one.
const UNSETTLED_TOLD_MAX: usize = 20;

/// `store`, kept up to date with what `gateway` spends. What its budgets have spent is restored.
///
/// # Errors
/// If there is no thread to be had, or the ledger cannot be read.
pub(crate) fn keep(store: Arc<Store>, gateway: &Arc<Gateway>) -> Result<Ledger, LedgerError> {
    let unusable = |why: String| LedgerError::Unusable(store.path().to_owned(), why);
    let spent = store
        .budgets()
        .map_err(|error| unusable(error.to_string()))?;
    tell_unsettled(&store);
    let tenancy = &gateway.tenancy;
    tenancy.with(|meters, wall| meters.remember(wall, spent));
    let salt = store.salt().map_err(|error| unusable(error.to_string()))?;
    let unwritten = recall::recall(&store, salt, gateway);
    let (sender, told) = mpsc::channel();
    let sender = Arc::new(sender);
    // Who keeps the ledger ends it: the meters only tell while it is kept.
    let due = Arc::downgrade(&sender);
    let write = move || {
        if let Some(sender) = due.upgrade() {
            let _ = sender.send(Told::Due);
        }
    };
    gateway.tenancy.write_with(Box::new(write));
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
        let mut next = Instant::now() + WRITTEN_EVERY;
        let mut turn = Turn::Usual;
        let mut last = Instant::now();
        while turn != Turn::Last {
            let left = next.saturating_duration_since(Instant::now());
            turn = match told.recv_timeout(left) {
                Ok(Told::Due) if !left.is_zero() => Turn::Due,
                Ok(Told::Due) | Err(RecvTimeoutError::Timeout) => Turn::Usual,
                Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => Turn::Last,
            };
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            if turn == Turn::Due {
                std::thread::sleep(WRITES_APART.saturating_sub(last.elapsed()));
            }
            last = Instant::now();
            writer.write(&gateway, turn);
            if turn == Turn::Usual {
                next = Instant::now() + WRITTEN_EVERY;
            }
        }
    });
    let thread = thread.map_err(|error| unusable(error.to_string()))?;
    Ok(Ledger::new(store, sender, thread))
}

/// The process before this one was killed, or ended before all that ran: what it had reserved counts as spent.
fn tell_unsettled(store: &Store) {
    // Where it cannot be written either, the first write says so.
    let unsettled = store.take_unsettled().unwrap_or_default();
    for (budget, sum) in unsettled.iter().take(UNSETTLED_TOLD_MAX) {
        let (tokens, usd) = match budget.contains("|money per ") {
            true => (None, Some(Money::from_pico(*sum))),
            false => (Some(*sum), None),
        };
        tracing::warn!(
            %budget,
            tokens,
            usd = usd.map(tracing::field::display),
            "the gateway was killed while requests ran: what was reserved for them, or written ahead, counts \
             as spent of this budget, since the provider may charge for it"
        );
    }
    let more = unsettled.len().saturating_sub(UNSETTLED_TOLD_MAX);
    if more > 0 {
        tracing::warn!(budgets = more, "the same of more budgets");
    }
}

/// Why it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// What was spent, since that is much of a budget.
    Due,
    Usual,
    Last,
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
    fn write(&mut self, gateway: &Gateway, turn: Turn) {
        if turn == Turn::Last {
            gateway.tenancy.ends();
        }
        let Spent { spenders, budgets } = gateway.tenancy.take_spent();
        let live = gateway.live();
        for (spender, more) in spenders {
            let spender = self.named(&live, spender);
            let spent = &mut self.unwritten.spent;
            spent.entry(spender).or_default().add(&more);
        }
        self.unwritten.budgets.extend(budgets);
        if turn != Turn::Due {
            self.take_learned(gateway, turn == Turn::Last);
        }
        let written = self.store.write(&self.unwritten);
        gateway.tenancy.written(written.is_ok());
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
                let is_known = std::mem::replace(&mut self.fails, true);
                if turn == Turn::Last {
                    self.tell_lost(&error);
                } else if !is_known {
                    tracing::error!(
                        %error,
                        ledger = %self.store.path().display(),
                        "the ledger cannot be written; what is spent and learned stays in memory until it can"
                    );
                }
            }
        }
    }

    /// The process ends, and with it what is in memory only.
    fn tell_lost(&self, error: &impl Display) {
        let Unwritten { spent, budgets, .. } = &self.unwritten;
        let mut lost = Totals::default();
        for spent in spent.values() {
            lost.add(spent);
        }
        tracing::error!(
            %error,
            ledger = %self.store.path().display(),
            requests = lost.requests,
            tokens = lost.input.saturating_add(lost.output),
            usd = %lost.money,
            budgets = budgets.len(),
            "the ledger cannot be written, and the gateway ends: what was spent since the last write is \
             lost, and these budgets begin with less than was spent of them"
        );
    }

    fn take_learned(&mut self, gateway: &Gateway, is_last: bool) {
        let rows_max = if is_last { usize::MAX } else { ROWS_MAX };
        recall::take_learned(gateway, self.salt, rows_max, &mut self.unwritten);
        recall::take_things(gateway, &mut self.unwritten);
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
    }

    fn named(&mut self, live: &Live, ids: SpenderIds) -> Spender {
        let provider = live.providers.get(ids.provider);
        let parts = provider.map(|provider| provider.pool.parts.load());
        if let Some(tenant) = live.tenant(ids.tenant)
            && self.names.get(&ids.tenant) != Some(&tenant.id)
        {
            self.names.insert(ids.tenant, tenant.id.clone());
        }
        let of = |name: Option<&str>| name.unwrap_or("?").to_owned();
        let parts = parts.as_deref();
        Spender {
            day: ids.day,
            // Without tenants there is nobody to name.
            tenant: self.names.get(&ids.tenant).cloned().unwrap_or_default(),
            provider: of(provider.map(|provider| provider.id.as_str())),
            account: of(parts.map(|parts| parts.account(ids.account))),
            key: of(parts.map(|parts| parts.key(ids.key))),
            model: ids.model,
        }
    }
}
