//! Lets tenants' meters and providers' pools hear what other gateways say.

use std::time::Duration;

use keyweir_policy::pool::report as of_pool;
use keyweir_policy::tenancy::report as of_tenants;
use keyweir_policy::terms::table::Table;

use super::names::Names;
use super::words::Word;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;

/// Tells the meters. `me`: this process, and whose budgets it has; `words`: of processes, with their age.
pub(super) fn tenants(
    gateway: &Gateway,
    me: (u64, u64),
    words: &[(u64, Duration, Word)],
    stored: &[of_tenants::Stored],
) {
    let others: Vec<of_tenants::Other<'_>> = (words.iter())
        .map(|(process, age, word)| of_tenants::Other {
            process: *process,
            book: word.book,
            age: *age,
            is_settled: word.is_settled,
            rows: &word.rows,
        })
        .collect();
    gateway.tenancy.hear(&of_tenants::Heard {
        me,
        others: &others,
        stored,
    });
}

/// Tells the pools. `place`, `turn`: see [`of_pool::Heard`].
pub(super) fn pools(
    live: &Live,
    names: &Names,
    words: &[(u64, Duration, Word)],
    (place, turn): (u32, u64),
) {
    let (nothing, nobody) = (of_pool::PoolReport::default(), Table::default());
    for (id, provider) in live.providers.iter() {
        let others: Vec<of_pool::Other<'_>> = (words.iter())
            .map(|(process, age, word)| of_pool::Other {
                process: *process,
                age: *age,
                report: word.pools.get(&id).unwrap_or(&nothing),
            })
            .collect();
        let names = names.of_provider(id);
        let heard = of_pool::Heard {
            others: &others,
            accounts: names.map_or(&nobody, |names| &names.accounts.hashes),
            place,
            turn,
        };
        provider.pool.with(|pool, now| pool.hear(now, &heard));
    }
}
