//! What the ledger kept of a process before this one, taken over before the first request.
//!
//! Rows of what the policy has no more are dropped, and those that make no sense; the gateway serves in any
//! case.

use keyweir_policy::tenancy::period::Wall;

use crate::runtime::gateway::{ANYBODY, Gateway};
use crate::runtime::learned::{Ids, Names, Unread, place};
use crate::runtime::ledger::{ROWS_VERSION, Row, Store, Thing, Unwritten};
use crate::runtime::tenancy::wall;

/// Rows that are taken while requests wait for the pool: some tenths of a millisecond.
const ROWS_AT_ONCE: usize = 128;
/// Things that are kept in memory while the ledger cannot be written: as many as it would hold.
const THINGS_UNWRITTEN_MAX: usize = 100_000;

/// Takes over what `store` kept; returns what is to be taken out of it.
pub(crate) fn recall(store: &Store, salt: u64, gateway: &Gateway) -> Unwritten {
    let live = gateway.live();
    let ids = Ids::of(&live, salt);
    let mut drop = Unwritten::default();
    let mut damaged = 0;
    let kept = store.kept().unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            ledger = %store.path().display(),
            "what was learned cannot be read; it is learned anew"
        );
        Default::default()
    });
    let now = wall();
    let mut learned = 0;
    for (name, row) in kept.learned {
        let read = match row.version {
            ROWS_VERSION => ids.read(&name, &row.text),
            _ => Err(Unread::Damaged),
        };
        match read {
            Ok((provider, row_of)) => {
                let pool = &live.provider(provider).pool;
                let age_secs = age_secs(&row, now);
                pool.with(|pool, now| pool.recall(now, age_secs, &row_of));
                learned += 1;
            }
            Err(Unread::Gone) => {
                drop.learned.insert(name, None);
            }
            Err(Unread::Damaged) => {
                damaged += 1;
                drop.learned.insert(name, None);
            }
        }
    }
    let found = kept.things.len();
    live.keep_held(|holders| {
        for thing in kept.things {
            let owner = match thing.owner.as_deref() {
                None => Some(None),
                Some("") => Some(Some(ANYBODY)),
                Some(name) => ids.tenant(name).map(Some),
            };
            let holder = ids.account(&thing.provider, &thing.account);
            match (holder, owner) {
                (Some(holder), Some(owner)) => holders.learn(&thing.id, holder, owner),
                _ => drop.things_gone.push(thing.id),
            }
        }
    });
    if damaged > 0 {
        tracing::warn!(
            rows = damaged,
            ledger = %store.path().display(),
            "some of what was learned is damaged or of another version; it is learned anew"
        );
    }
    let things = found - drop.things_gone.len();
    if learned + things > 0 {
        tracing::info!(learned, things, "restored learned limits from the ledger");
    }
    drop
}

/// How old a row is; a clock that was set back counts as none.
fn age_secs(row: &Row, now: Wall) -> f64 {
    now.0.saturating_sub(row.at.0).max(0) as f64 / 1e6
}

/// What `gateway` has learned since this was asked last. With `most` rows of each pool; the rest comes the
/// next time.
pub(crate) fn take_learned(gateway: &Gateway, salt: u64, most: usize, into: &mut Unwritten) {
    let live = gateway.live();
    let names = Names { live: &live, salt };
    let at = wall();
    for (id, provider) in live.providers.iter() {
        let Some(place) = place(&live, id) else {
            continue;
        };
        let mut taken = 0;
        while taken < most {
            let rows = provider
                .pool
                .with(|pool, now| pool.take_learned(now, ROWS_AT_ONCE));
            if rows.is_empty() {
                break;
            }
            taken += rows.len();
            let named = |learned| names.row((id, &place), learned);
            for (name, text) in rows.iter().filter_map(named) {
                let row = |text| Row {
                    version: ROWS_VERSION,
                    at,
                    text,
                };
                into.learned.insert(name, text.map(row));
            }
        }
    }
}

/// What `gateway` has seen made, and who holds it, since this was asked last.
pub(crate) fn take_things(gateway: &Gateway, into: &mut Unwritten) {
    let live = gateway.live();
    let room = THINGS_UNWRITTEN_MAX.saturating_sub(into.things_gone.len());
    into.things_gone.extend(
        live.take_forgotten()
            .into_iter()
            .take(room)
            .map(String::from),
    );
    for (thing, held) in live.take_held() {
        let (provider, account) = held.holder;
        let policy = live.policy.providers.get(provider);
        let named = policy.and_then(|it| {
            let account = it.accounts.get(account)?;
            Some((place(&live, provider)?, account.id.clone()))
        });
        let owner = match held.owner {
            None => Some(None),
            Some(ANYBODY) => Some(Some(String::new())),
            Some(tenant) => live.tenant(tenant).map(|it| Some(it.id.clone())),
        };
        if let (Some((provider, account)), Some(owner)) = (named, owner)
            && into.things.len() < THINGS_UNWRITTEN_MAX
        {
            into.things.push(Thing {
                id: thing.into(),
                provider,
                account,
                owner,
            });
        }
    }
}
