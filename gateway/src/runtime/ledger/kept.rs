//! The ledger's tables of what was learned: a row for each account, group and so on (by the names that the
//! policy gives them), and who holds what.

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

use keyweir_policy::tenancy::period::Wall;
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata as _, TableDefinition, WriteTransaction,
};

/// The form of the rows. Those of another one are not read.
pub(crate) const ROWS_VERSION: u32 = 1;

/// Things that are remembered, at most: as many as memory holds. The oldest give way.
const THINGS_MAX: u64 = 100_000;
/// Days that a row is kept for which nothing is learned any more: a model that was not asked for in a week
/// is told of by its first answer.
const DAYS_KEPT: i64 = 7;

/// By names: the form, when it was written, and what was learned.
const LEARNED: TableDefinition<'_, &str, (u32, i64, &str)> = TableDefinition::new("learned");
/// By the thing's id: its number in [`ORDER`], its holder's provider and account, and who made it.
const THINGS: TableDefinition<'_, &str, (u64, &str, &str, Option<&str>)> =
    TableDefinition::new("things");
/// Things in the order in which they were told of.
const ORDER: TableDefinition<'_, u64, &str> = TableDefinition::new("things_by_age");

/// What was learned, in the form in which it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: u32,
    pub(crate) at: Wall,
    pub(crate) text: String,
}

/// A thing that an account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) account: String,
    /// The tenant that made it; empty: somebody who needed no client key. `None`: that was not seen.
    pub(crate) owner: Option<String>,
}

/// All that was kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What was learned, by names.
    pub(crate) learned: Vec<(String, Row)>,
    /// What accounts hold, the oldest first.
    pub(crate) things: Vec<Thing>,
}

/// Reads all of it.
pub(super) fn read(transaction: &ReadTransaction) -> Result<Kept, redb::Error> {
    Ok(Kept {
        learned: learned(transaction)?,
        things: things(transaction)?,
    })
}

/// What was learned, by names.
fn learned(transaction: &ReadTransaction) -> Result<Vec<(String, Row)>, redb::Error> {
    let table = transaction.open_table(LEARNED)?;
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let (version, at, text) = value.value();
        let row = Row {
            version,
            at: Wall(at),
            text: text.to_owned(),
        };
        rows.push((key.value().to_owned(), row));
    }
    Ok(rows)
}

/// What accounts hold, the oldest first.
fn things(transaction: &ReadTransaction) -> Result<Vec<Thing>, redb::Error> {
    let table = transaction.open_table(THINGS)?;
    let mut things = Vec::new();
    for row in transaction.open_table(ORDER)?.iter()? {
        let (_, id) = row?;
        let Some(row) = table.get(id.value())? else {
            continue;
        };
        let (_, provider, account, owner) = row.value();
        things.push(Thing {
            id: id.value().to_owned(),
            provider: provider.to_owned(),
            account: account.to_owned(),
            owner: owner.map(str::to_owned),
        });
    }
    Ok(things)
}

/// Makes the tables.
pub(super) fn begin(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(LEARNED)?;
    transaction.open_table(THINGS)?;
    transaction.open_table(ORDER)?;
    Ok(())
}

/// Notes what was learned; `None`: nothing any more.
pub(super) fn write_learned<'a>(
    transaction: &WriteTransaction,
    rows: impl Iterator<Item = (&'a String, &'a Option<Row>)>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LEARNED)?;
    for (key, row) in rows {
        match row {
            Some(row) => {
                table.insert(key.as_str(), (row.version, row.at.0, row.text.as_str()))?;
            }
            None => {
                table.remove(key.as_str())?;
            }
        }
    }
    Ok(())
}

/// Notes who holds what; the second value says what nobody holds any more.
pub(super) fn write_things(
    transaction: &WriteTransaction,
    things: &[Thing],
    gone: &[String],
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(THINGS)?;
    let mut order = transaction.open_table(ORDER)?;
    for id in gone {
        if let Some(row) = table.remove(id.as_str())? {
            order.remove(row.value().0)?;
        }
    }
    let mut next = order
        .last()?
        .map_or(0, |(last, _)| last.value().saturating_add(1));
    for thing in things {
        let known = table.get(thing.id.as_str())?.map(|row| row.value().0);
        let number = match known {
            Some(number) => number,
            None => {
                order.insert(next, thing.id.as_str())?;
                next += 1;
                next - 1
            }
        };
        let (provider, account) = (thing.provider.as_str(), thing.account.as_str());
        let row = (number, provider, account, thing.owner.as_deref());
        table.insert(thing.id.as_str(), row)?;
    }
    while order.len()? > THINGS_MAX
        && let Some((_, id)) = order.pop_first()?
    {
        table.remove(id.value())?;
    }
    Ok(())
}

/// Takes out what is older than anybody asks for at `now`.
pub(super) fn evict(transaction: &WriteTransaction, now: Wall) -> Result<(), redb::Error> {
    let oldest = now.0.saturating_sub(DAYS_KEPT * 86_400_000_000);
    let mut table = transaction.open_table(LEARNED)?;
    table.retain(|_, (_, at, _)| at >= oldest)?;
    Ok(())
}
