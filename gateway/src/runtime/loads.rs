//! What accounts carry, from the pools to the ledger: by the hour, and by names, since ids last only as
//! long as the process.

use keyweir_policy::quota::load::Load;
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::terms::amount::Dimension;

use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Carrier, Loads};

/// Accounts that are looked at while requests wait for the pool: a tenth of a millisecond.
const LOOKED_AT_ONCE: usize = 128;
/// Hours of accounts that are kept in memory while the ledger cannot be written.
const UNWRITTEN_MAX: usize = 100_000;

/// The hour of this moment, since 1970-01-01 UTC.
pub(crate) fn hour_of(now: Wall) -> u32 {
    u32::try_from(now.0.div_euclid(3_600_000_000)).unwrap_or(0)
}

/// Adds to `into` what the accounts of `gateway` have carried since they were looked at last. Looks at no
/// more than some `most` of each pool; at the rest the next time.
pub(crate) fn take(gateway: &Gateway, now: Wall, most: usize, into: &mut Loads) {
    let live = gateway.live();
    let hour = hour_of(now);
    for (_, provider) in live.providers.iter() {
        let since = provider.pool.with(|_, now| now);
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        while looked_at < most {
            let some = provider
                .pool
                .with(|pool, now| pool.take_loads(now, since, LOOKED_AT_ONCE, &mut rows));
            if some == 0 {
                break;
            }
            looked_at += some;
        }
        let parts = provider.pool.parts.load();
        for row in rows {
            let carrier = Carrier {
                provider: provider.id.clone(),
                account: parts.account(row.account).to_owned(),
                endpoint: row.group.endpoint.as_str().to_owned(),
                group: row.group.name,
            };
            add(into, (hour, carrier), &row.loads);
        }
    }
}

/// Puts what `from` has into `into`.
pub(crate) fn merge(from: Loads, into: &mut Loads) {
    for (key, loads) in from {
        add(into, key, &loads);
    }
}

fn add(into: &mut Loads, key: (u32, Carrier), loads: &[Load; Dimension::COUNT]) {
    if into.len() >= UNWRITTEN_MAX && !into.contains_key(&key) {
        return;
    }
    let known = into.entry(key).or_default();
    for (sum, more) in known.iter_mut().zip(loads) {
        sum.add(more);
    }
}
