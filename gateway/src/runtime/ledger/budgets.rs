//! What budgets have spent, in the ledger, by their keys.

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

use std::collections::HashMap;

use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::tenancy::sums::Sums;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

/// By key: the beginning of the period, and what was spent in it.
pub(super) const BUDGETS: TableDefinition<'_, &str, (i64, u128)> = TableDefinition::new("budgets");
/// By key: the same of periods that the clock has shown before.
pub(super) const BEFORE: TableDefinition<'_, &str, Vec<(i64, u128)>> =
    TableDefinition::new("budgets before");

/// By key: what of its sum was reserved for what ran, or written ahead, when it was written last.
const UNSETTLED: TableDefinition<'_, &str, u128> = TableDefinition::new("budgets unsettled");

/// Makes the tables, if they are missing.
pub(super) fn begin(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(BUDGETS)?;
    transaction.open_table(BEFORE)?;
    transaction.open_table(UNSETTLED)?;
    Ok(())
}

/// What all have spent.
pub(super) fn read(transaction: &ReadTransaction) -> Result<Vec<(String, Sums)>, redb::Error> {
    let table = transaction.open_table(BUDGETS)?;
    let all_before = transaction.open_table(BEFORE)?;
    let mut budgets = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let (begin, spent) = value.value();
        let before = all_before.get(key.value())?.map(|it| it.value());
        let before = before.into_iter().flatten();
        let sums = Sums {
            begin: Wall(begin),
            spent,
            unsettled: 0,
            before: before.map(|(begin, spent)| (Wall(begin), spent)).collect(),
        };
        budgets.push((key.value().to_owned(), sums));
    }
    Ok(budgets)
}

/// Notes what some have spent by now.
pub(super) fn write(
    transaction: &WriteTransaction,
    budgets: &HashMap<String, Sums>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(BUDGETS)?;
    let mut all_before = transaction.open_table(BEFORE)?;
    let mut unsettled = transaction.open_table(UNSETTLED)?;
    for (key, sums) in budgets {
        match sums.unsettled {
            0 => unsettled.remove(key.as_str())?,
            sum => unsettled.insert(key.as_str(), sum)?,
        };
        table.insert(key.as_str(), (sums.begin.0, sums.spent))?;
        let before = sums.before.iter().map(|it| (it.0.0, it.1));
        match before.len() {
            0 => all_before.remove(key.as_str())?,
            _ => all_before.insert(key.as_str(), before.collect::<Vec<_>>())?,
        };
    }
    Ok(())
}

/// What was reserved or written ahead when a process ended that had no time to settle it; told once.
pub(super) fn take_unsettled(
    transaction: &WriteTransaction,
) -> Result<Vec<(String, u128)>, redb::Error> {
    let mut table = transaction.open_table(UNSETTLED)?;
    let rows = table.extract_if(|_, _| true)?;
    rows.map(|row| {
        let (key, sum) = row?;
        Ok((key.value().to_owned(), sum.value()))
    })
    .collect()
}

/// Takes out those whose periods began before `oldest`.
pub(super) fn evict(transaction: &WriteTransaction, oldest: Wall) -> Result<(), redb::Error> {
    transaction
        .open_table(BUDGETS)?
        .retain(|_, (begin, _)| begin >= oldest.0)?;
    transaction
        .open_table(BEFORE)?
        .retain(|_, before| before.iter().any(|it| it.0 >= oldest.0))?;
    Ok(())
}
