//! The ledger's file: an embedded store (redb). Its tables: budgets ([`super::budgets`]), what was spent per
//! day ([`super::spent`]), what was learned ([`super::kept`]), and what accounts carried ([`super::loads`]).
//!
//! Every write is one transaction that is on the disk when it returns, so that a process that is
//! killed leaves the file as of its last write. A file has one process: the store locks it.

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

mod opening;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keyweir_policy::quota::load::Load;
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::tenancy::sums::Sums;
use keyweir_policy::tenancy::tally::Totals;
use keyweir_policy::terms::amount::Dimension;
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use redb::{Database, ReadableTable, TableDefinition};

use super::budgets;
use super::guarded::guarded;
use super::kept::{self, Kept};
use super::loads::{self, Carrier};
use super::place::FileId;
use super::spent::{self, Spender};
use super::unwritten::Unwritten;

/// The form of the tables. A file of a later one is left alone.
const VERSION: u64 = 1;

/// Days that are kept: a year, and a month to look back from its end.
const DAYS_KEPT: u32 = 400;

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// An open ledger.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// `None`: it failed, and could not be opened again yet.
    opened: RwLock<Option<Opened>>,
}

#[derive(Debug)]
struct Opened {
    database: Database,
    file: FileId,
}

impl Store {
    /// Makes what is missing; says of which version it is.
    fn begin(&self) -> Result<u64, redb::Error> {
        let database = self.database()?;
        let transaction = database.begin_write()?;
        let version = {
            let mut about = transaction.open_table(ABOUT)?;
            let known = about.get("version")?.map(|version| version.value());
            match known {
                Some(version) => version,
                None => {
                    about.insert("version", VERSION)?;
                    VERSION
                }
            }
        };
        if version == VERSION {
            let mut about = transaction.open_table(ABOUT)?;
            if about.get("salt")?.is_none() {
                about.insert("salt", fastrand::u64(..))?;
            }
            drop(about);
            spent::begin(&transaction)?;
            budgets::begin(&transaction)?;
            kept::begin(&transaction)?;
            loads::begin(&transaction)?;
        }
        transaction.commit()?;
        Ok(version)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A number that this ledger alone has.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn salt(&self) -> Result<u64, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            let about = transaction.open_table(ABOUT)?;
            Ok(about.get("salt")?.map_or(0, |salt| salt.value()))
        })
    }

    /// What budgets have spent, by their keys.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn budgets(&self) -> Result<Vec<(String, Sums)>, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            budgets::read(&transaction)
        })
    }

    /// What was spent on the days from `since` on, in their order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn usage(&self, since: u32) -> Result<Vec<(Spender, Totals)>, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            spent::read(&transaction, since)
        })
    }

    /// What was learned, by names, and what accounts hold, the oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn kept(&self) -> Result<Kept, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            kept::read(&transaction)
        })
    }

    /// What accounts called `account` carried from the hour `since` on, in the order of the hours.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn loads(
        &self,
        account: &str,
        since: u32,
    ) -> Result<Vec<(u32, Carrier, [Load; Dimension::COUNT])>, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            loads::read(&transaction, account, since)
        })
    }

    /// The accounts of which it is kept what they carried.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn loaded_accounts(&self) -> Result<BTreeSet<String>, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            loads::accounts(&transaction)
        })
    }

    /// The database.
    fn database(&self) -> Result<MappedRwLockReadGuard<'_, Database>, redb::Error> {
        let opened = RwLockReadGuard::try_map(self.opened.read(), |it| {
            it.as_ref().map(|opened| &opened.database)
        });
        opened.map_err(|_| redb::Error::PreviousIo)
    }

    /// Opens the file anew: a database that the disk has failed once takes nothing any more, however
    /// well the disk is.
    fn reopen(&self) {
        let mut opened = self.opened.write();
        // The file's lock goes with it. One that has met damage may say so once more.
        let last = opened.take();
        let _ = guarded(|| {
            drop(last);
            Ok(())
        });
        if let Ok(fresh) = Self::open_as_it_is(&self.path) {
            *opened = fresh.opened.write().take();
        }
    }

    /// Sees to it that the file stands in its place, between two writes.
    fn keep_in_place(&self) -> Result<(), redb::Error> {
        let file = self.opened.read().as_ref().map(|opened| opened.file);
        if let Some(file) = file
            && file.keep_at(&self.path)?
        {
            self.reopen();
            tracing::warn!(
                ledger = %self.path.display(),
                "the ledger was gone from its place; it is put back as it was"
            );
        }
        Ok(())
    }

    /// Adds what was spent, and notes what budgets have spent and what was learned; all of it or nothing.
    /// What could not be written may be another time: the file is opened anew for that.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&self, unwritten: &Unwritten) -> Result<(), redb::Error> {
        self.keep_in_place()?;
        if unwritten.is_empty() && self.opened.read().is_some() {
            return Ok(());
        }
        let written = guarded(|| self.commit(unwritten));
        if written.is_err() {
            self.reopen();
        }
        written
    }

    fn commit(&self, unwritten: &Unwritten) -> Result<(), redb::Error> {
        let transaction = self.database()?.begin_write()?;
        let Unwritten {
            spent,
            budgets,
            learned,
            things,
            things_gone,
            loads,
        } = unwritten;
        // A table that is opened is written, at some cost, though nothing is put into it.
        if !budgets.is_empty() {
            budgets::write(&transaction, budgets)?;
        }
        if !spent.is_empty() {
            spent::write(&transaction, spent)?;
        }
        if !learned.is_empty() {
            kept::write_learned(&transaction, learned.iter())?;
        }
        if !things.is_empty() || !things_gone.is_empty() {
            kept::write_things(&transaction, things, things_gone)?;
        }
        if !loads.is_empty() {
            loads::write(&transaction, loads)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// What of budgets' sums the process before this one had reserved or written ahead, and no time to settle.
    ///
    /// # Errors
    /// If it cannot be read, or cannot be written that it was.
    pub(crate) fn take_unsettled(&self) -> Result<Vec<(String, u128)>, redb::Error> {
        guarded(|| {
            let transaction = self.database()?.begin_write()?;
            let unsettled = budgets::take_unsettled(&transaction)?;
            transaction.commit()?;
            Ok(unsettled)
        })
    }

    /// Takes out what is older than anybody asks for on `today`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn evict(&self, today: u32) -> Result<(), redb::Error> {
        guarded(|| self.take_out(today))
    }

    fn take_out(&self, today: u32) -> Result<(), redb::Error> {
        let first = today.saturating_sub(DAYS_KEPT);
        let oldest = i64::from(first) * 86_400_000_000;
        let transaction = self.database()?.begin_write()?;
        spent::evict(&transaction, first)?;
        budgets::evict(&transaction, Wall(oldest))?;
        kept::evict(&transaction, Wall(i64::from(today) * 86_400_000_000))?;
        loads::evict(&transaction, today)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Drop for Store {
    /// One that has met damage may say so once more when it is closed.
    fn drop(&mut self) {
        let last = self.opened.get_mut().take();
        let _ = guarded(|| {
            drop(last);
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests;
