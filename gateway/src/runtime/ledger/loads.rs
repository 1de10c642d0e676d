//! The ledger's table of what accounts carried, by the hour ([`keyweir_policy::quota::load`]).

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

use std::collections::BTreeSet;
use std::collections::HashMap;

use keyweir_policy::quota::load::Load;
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::time::HOURS_PER_DAY;
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata as _, TableDefinition, WriteTransaction,
};

use super::names::BETWEEN;

/// The form of the rows. Those of another one are not read.
const FORM: u32 = 1;
/// Days that are kept: two months, so that one can be compared with the one before it.
pub(super) const DAYS_KEPT: u32 = 62;
/// Rows that are kept, at most: two months of 130 accounts that are busy around the clock, each with one
/// quota group. A full table takes some 140 MB and a second to look through. The oldest give way.
const ROWS_MAX: u64 = 200_000;

const AMOUNTS: usize = 6 * Dimension::COUNT;
const COUNTS: usize = 3 * Dimension::COUNT;
/// The form; by dimension: limit and peak per minute, the peak's share, seconds above and in use, what
/// was used; and
/// requests that waited, that were refused, and that the provider refused.
type Row = (u32, [f64; AMOUNTS], [u64; COUNTS]);

/// By hour (since 1970-01-01 UTC) and names.
const LOADS: TableDefinition<'_, (u32, &str), Row> = TableDefinition::new("loads");

/// Where something was carried, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Carrier {
    pub(crate) provider: String,
    pub(crate) account: String,
    /// The kind of endpoint.
    pub(crate) endpoint: String,
    /// The quota group; empty for requests that name no model.
    pub(crate) group: String,
}

/// By hour and place, what was carried of each dimension.
pub(crate) type Loads = HashMap<(u32, Carrier), [Load; Dimension::COUNT]>;

/// Makes the table.
pub(super) fn begin(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(LOADS)?;
    Ok(())
}

/// Adds what was carried.
pub(super) fn write(transaction: &WriteTransaction, loads: &Loads) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LOADS)?;
    for ((hour, carrier), more) in loads {
        let names = names(carrier);
        let key = (*hour, names.as_str());
        let known = table.get(key)?.and_then(|known| read_row(known.value()));
        let mut sum = known.unwrap_or_default();
        for (sum, more) in sum.iter_mut().zip(more) {
            sum.add(more);
        }
        table.insert(key, row(&sum))?;
    }
    while table.len()? > ROWS_MAX {
        table.pop_first()?;
    }
    Ok(())
}

/// What was carried from the hour `since` on by accounts called `account`, in the order of the hours.
pub(super) fn read(
    transaction: &ReadTransaction,
    account: &str,
    since: u32,
) -> Result<Vec<(u32, Carrier, [Load; Dimension::COUNT])>, redb::Error> {
    let table = transaction.open_table(LOADS)?;
    let mut rows = Vec::new();
    for row in table.range((since, "")..)? {
        let (key, value) = row?;
        let (hour, names) = key.value();
        let carrier = carrier(names).filter(|it| it.account == account);
        if let Some((carrier, loads)) = carrier.zip(read_row(value.value())) {
            rows.push((hour, carrier, loads));
        }
    }
    Ok(rows)
}

/// The names of the accounts of which anything is kept.
pub(super) fn accounts(transaction: &ReadTransaction) -> Result<BTreeSet<String>, redb::Error> {
    let table = transaction.open_table(LOADS)?;
    let mut accounts = BTreeSet::new();
    for row in table.iter()? {
        let (key, _) = row?;
        let account = carrier(key.value().1).map(|it| it.account);
        accounts.extend(account);
    }
    Ok(accounts)
}

/// Takes out what is older than is kept on `today`.
pub(super) fn evict(transaction: &WriteTransaction, today: u32) -> Result<(), redb::Error> {
    let first = today.saturating_sub(DAYS_KEPT) * HOURS_PER_DAY;
    transaction
        .open_table(LOADS)?
        .retain_in(..(first, ""), |_, _| false)?;
    Ok(())
}

fn names(carrier: &Carrier) -> String {
    let Carrier {
        provider,
        account,
        endpoint,
        group,
    } = carrier;
    let names = [provider, account, endpoint, group];
    names.map(String::as_str).join(&BETWEEN.to_string())
}

fn carrier(names: &str) -> Option<Carrier> {
    let mut names = names.splitn(4, BETWEEN).map(str::to_owned);
    Some(Carrier {
        provider: names.next()?,
        account: names.next()?,
        endpoint: names.next()?,
        group: names.next()?,
    })
}

fn row(loads: &[Load; Dimension::COUNT]) -> Row {
    let amounts = |load: &Load| {
        [
            load.limit_per_minute,
            load.peak_per_minute,
            load.peak_share,
            load.above_secs,
            load.in_use_secs,
            load.used,
        ]
    };
    let counts = |load: &Load| [load.waited, load.refused, load.rate_limited];
    let (mut row_amounts, mut row_counts) = ([0.0; AMOUNTS], [0; COUNTS]);
    for (place, amount) in row_amounts.iter_mut().zip(loads.iter().flat_map(amounts)) {
        *place = amount;
    }
    for (place, count) in row_counts.iter_mut().zip(loads.iter().flat_map(counts)) {
        *place = count;
    }
    (FORM, row_amounts, row_counts)
}

/// `None`: it is of another form, or damaged.
fn read_row((form, amounts, counts): Row) -> Option<[Load; Dimension::COUNT]> {
    let mut loads = [Load::default(); Dimension::COUNT];
    let (amounts, _) = amounts.as_chunks::<6>();
    let (counts, _) = counts.as_chunks::<3>();
    for (load, (amounts, counts)) in loads.iter_mut().zip(amounts.iter().zip(counts)) {
        let [
            limit_per_minute,
            peak_per_minute,
            peak_share,
            above_secs,
            in_use_secs,
            used,
        ] = *amounts;
        let [waited, refused, rate_limited] = *counts;
        *load = Load {
            limit_per_minute,
            peak_per_minute,
            peak_share,
            above_secs,
            in_use_secs,
            used,
            waited,
            refused,
            rate_limited,
        };
    }
    (form == FORM && loads.iter().all(Load::is_possible)).then_some(loads)
}

#[cfg(test)]
mod tests {
    use super::super::store::Store;
    use super::super::unwritten::Unwritten;
    use super::*;

    fn carrier(account: &str) -> Carrier {
        Carrier {
            provider: "p".to_owned(),
            account: account.to_owned(),
            endpoint: "inference".to_owned(),
            group: "claude".to_owned(),
        }
    }

    fn loads(used: f64, waited: u64) -> [Load; Dimension::COUNT] {
        let mut loads = [Load::default(); Dimension::COUNT];
        for (load, at) in loads.iter_mut().zip(1..) {
            *load = Load {
                limit_per_minute: 100.0,
                peak_per_minute: used,
                peak_share: used / 100.0,
                above_secs: 0.5,
                in_use_secs: 1.5,
                used: used * f64::from(at),
                waited,
                refused: 2,
                rate_limited: 3,
            };
        }
        loads
    }

    fn write(store: &Store, loads: impl IntoIterator<Item = ((u32, Carrier), f64)>) {
        let loads = loads
            .into_iter()
            .map(|(key, used)| (key, self::loads(used, 1)));
        let unwritten = Unwritten {
            loads: loads.collect(),
            ..Unwritten::default()
        };
        assert!(!unwritten.is_empty());
        store.write(&unwritten).expect("written");
    }

    #[test]
    fn hours_add_up_over_writes_and_restarts_and_go_when_they_are_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let (store, _) = Store::open(&path).expect("made");
        let hour = 100 * HOURS_PER_DAY;
        write(
            &store,
            [((hour, carrier("a")), 10.0), ((hour, carrier("b")), 1.0)],
        );
        write(
            &store,
            [
                ((hour, carrier("a")), 20.0),
                ((hour + 1, carrier("a")), 30.0),
            ],
        );
        drop(store);
        let (store, _) = Store::open(&path).expect("there");
        let mut sum = loads(10.0, 1);
        sum.iter_mut()
            .zip(&loads(20.0, 1))
            .for_each(|(sum, more)| sum.add(more));
        let later = (hour + 1, carrier("a"), loads(30.0, 1));
        let read = store.loads("a", 0).expect("read");
        assert_eq!(read, [(hour, carrier("a"), sum), later.clone()]);
        assert_eq!(store.loads("a", hour + 1).expect("read"), [later]);
        assert!(store.loads("c", 0).expect("read").is_empty());
        let known = store.loaded_accounts().expect("read");
        assert_eq!(known.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        store.evict(100 + DAYS_KEPT).expect("written");
        assert_eq!(store.loads("a", 0).expect("read").len(), 2);
        store.evict(101 + DAYS_KEPT).expect("written");
        assert!(store.loads("a", 0).expect("read").is_empty());
    }

    #[test]
    fn a_ledger_from_before_there_were_loads_gets_them_and_rows_of_another_form_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        drop(Store::open(&path).expect("made"));
        let database = redb::Database::open(&path).expect("open");
        let transaction = database.begin_write().expect("begun");
        transaction.delete_table(LOADS).expect("deleted");
        transaction.commit().expect("written");
        drop(database);

        let (store, aside) = Store::open(&path).expect("there");
        assert_eq!(aside, None);
        write(&store, [((7, carrier("a")), 10.0)]);
        drop(store);
        let database = redb::Database::open(&path).expect("open");
        let transaction = database.begin_write().expect("begun");
        {
            let mut table = transaction.open_table(LOADS).expect("there");
            let (_, amounts, counts) = row(&loads(1.0, 1));
            let names = names(&carrier("a"));
            table
                .insert((8, names.as_str()), (FORM + 1, amounts, counts))
                .expect("written");
            let nonsense = [f64::NAN; AMOUNTS];
            table
                .insert((9, names.as_str()), (FORM, nonsense, counts))
                .expect("written");
            table
                .insert((10, "no names"), (FORM, amounts, counts))
                .expect("written");
        }
        transaction.commit().expect("written");
        drop(database);
        let store = Store::open_to_read(&path).expect("there");
        let hours = store.loads("a", 0).expect("read");
        assert_eq!(hours.iter().map(|it| it.0).collect::<Vec<_>>(), [7]);
    }
}
