//! What was spent, in the ledger: a row for each day and what it was spent by and at.

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

use std::collections::HashMap;

use keyweir_policy::tenancy::money::Money;
use keyweir_policy::tenancy::tally::Totals;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::names::BETWEEN;

/// By day and names: requests, input, cache reads, cache writes, output, picodollars, unpriced.
const USAGE: TableDefinition<'_, (u32, &str), Counts> = TableDefinition::new("usage");

type Counts = (u64, u64, u64, u64, u64, u128, u64);

/// Where something was spent, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spender {
    /// Days since 1970-01-01.
    pub(crate) day: u32,
    pub(crate) tenant: String,
    pub(crate) provider: String,
    pub(crate) account: String,
    pub(crate) key: String,
    pub(crate) model: String,
}

/// Makes the table, if it is missing.
pub(super) fn begin(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(USAGE)?;
    Ok(())
}

/// What was spent on the days from `since` on, in their order.
pub(super) fn read(
    transaction: &ReadTransaction,
    since: u32,
) -> Result<Vec<(Spender, Totals)>, redb::Error> {
    let table = transaction.open_table(USAGE)?;
    let mut usage = Vec::new();
    for row in table.range((since, "")..)? {
        let (key, value) = row?;
        let (day, names) = key.value();
        usage.push((spender(day, names), totals(value.value())));
    }
    Ok(usage)
}

/// Adds what was spent.
pub(super) fn write(
    transaction: &WriteTransaction,
    spent: &HashMap<Spender, Totals>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(USAGE)?;
    for (spender, more) in spent {
        let names = names(spender);
        let key = (spender.day, names.as_str());
        let known = table.get(key)?.map(|known| totals(known.value()));
        let mut sum = known.unwrap_or_default();
        sum.add(more);
        table.insert(key, counts(&sum))?;
    }
    Ok(())
}

/// Takes out what was spent before the day `first`.
pub(super) fn evict(transaction: &WriteTransaction, first: u32) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(USAGE)?;
    table.retain_in(..(first, ""), |_, _| false)?;
    Ok(())
}

fn names(spender: &Spender) -> String {
    let Spender {
        day: _,
        tenant,
        provider,
        account,
        key,
        model,
    } = spender;
    let names = [tenant, provider, account, key, model];
    names.map(String::as_str).join(&BETWEEN.to_string())
}

fn spender(day: u32, names: &str) -> Spender {
    let mut names = names.splitn(5, BETWEEN).map(str::to_owned);
    let mut next = || names.next().unwrap_or_default();
    Spender {
        day,
        tenant: next(),
        provider: next(),
        account: next(),
        key: next(),
        model: next(),
    }
}

const fn counts(totals: &Totals) -> Counts {
    (
        totals.requests,
        totals.input,
        totals.cache_read,
        totals.cache_write,
        totals.output,
        totals.money.pico(),
        totals.unpriced,
    )
}

const fn totals(counts: Counts) -> Totals {
    let (requests, input, cache_read, cache_write, output, money, unpriced) = counts;
    Totals {
        requests,
        input,
        cache_read,
        cache_write,
        output,
        money: Money::from_pico(money),
        unpriced,
    }
}
