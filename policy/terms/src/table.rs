//! Tables whose rows are found by an id of their own kind.
//!
//! An id is a row's number, so a look-up is an array access; but ids and not positions are what goes
//! from module to module, and an id keeps its row however rows come and go. A row that is removed
//! leaves a gap, which nobody takes for another row.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// An id of one kind of thing.
pub trait Id: Copy + Eq + fmt::Debug {
    /// The id of row `index`.
    ///
    /// # Panics
    /// Beyond 2³² rows; every table is bounded far below.
    fn from_index(index: usize) -> Self;

    /// Its row.
    fn index(self) -> usize;
}

/// Things by their ids.
#[derive(Clone, PartialEq, Eq)]
pub struct Table<I, T> {
    rows: Vec<Option<T>>,
    len: usize,
    ids: PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            len: 0,
            ids: PhantomData,
        }
    }
}

impl<I: Id, T> Table<I, T> {
    /// How many rows there are, gaps left out.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more than the highest row there ever was: what an array that runs beside this table
    /// needs.
    pub const fn width(&self) -> usize {
        self.rows.len()
    }

    /// An empty table with room for so many rows.
    pub fn with_room_for(rows: usize) -> Self {
        Self {
            rows: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

    /// Adds a row behind all others.
    pub fn push(&mut self, row: T) -> I {
        let id = I::from_index(self.rows.len());
        self.rows.push(Some(row));
        self.len += 1;
        id
    }

    /// Takes the row behind all others out, and its id with it: the next row that is pushed gets it.
    pub fn pop(&mut self) -> Option<T> {
        let row = self.rows.pop()?;
        self.len -= usize::from(row.is_some());
        row
    }

    /// Puts a row where `id` says; returns the one that was there.
    pub fn insert(&mut self, id: I, row: T) -> Option<T> {
        let index = id.index();
        if index >= self.rows.len() {
            self.rows.resize_with(index + 1, || None);
        }
        let before = self.rows[index].replace(row);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes a row out; its id stays free for the same thing to come back to.
    pub fn remove(&mut self, id: I) -> Option<T> {
        let row = self.rows.get_mut(id.index())?.take();
        self.len -= usize::from(row.is_some());
        row
    }

    /// A row, if it is there.
    pub fn get(&self, id: I) -> Option<&T> {
        self.rows.get(id.index())?.as_ref()
    }

    /// A row to change, if it is there.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.rows.get_mut(id.index())?.as_mut()
    }

    /// All rows with their ids, in the order of the ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(index, row)| Some((I::from_index(index), row.as_ref()?)))
    }

    /// All rows to change, in the order of their ids.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        let rows = self.rows.iter_mut().enumerate();
        rows.filter_map(|(index, row)| Some((I::from_index(index), row.as_mut()?)))
    }

    /// A table of what `make` makes of each row, under the same ids.
    pub fn map<'t, U>(&'t self, mut make: impl FnMut(I, &'t T) -> U) -> Table<I, U> {
        let mut made = Table::default();
        for (id, row) in self.iter() {
            made.insert(id, make(id, row));
        }
        made
    }

    /// All ids that have a row.
    pub fn ids(&self) -> impl Iterator<Item = I> {
        self.iter().map(|(id, _)| id)
    }

    /// All rows.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter().flatten()
    }
}

impl<I: Id, T> IntoIterator for Table<I, T> {
    type Item = (I, T);
    type IntoIter = std::vec::IntoIter<(I, T)>;

    /// All rows with their ids, in the order of the ids.
    fn into_iter(self) -> Self::IntoIter {
        let rows = self.rows.into_iter().enumerate();
        let rows = rows.filter_map(|(index, row)| Some((I::from_index(index), row?)));
        rows.collect::<Vec<_>>().into_iter()
    }
}

impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;

    /// # Panics
    /// If there is no such row: ids are only made by the table that is asked, or checked with
    /// [`Table::get`].
    fn index(&self, id: I) -> &T {
        self.get(id).expect("an id of this table")
    }
}

impl<I: Id, T> IndexMut<I> for Table<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        self.get_mut(id).expect("an id of this table")
    }
}

impl<I: Id, T> FromIterator<T> for Table<I, T> {
    fn from_iter<It: IntoIterator<Item = T>>(rows: It) -> Self {
        let rows: Vec<_> = rows.into_iter().map(Some).collect();
        Self {
            len: rows.len(),
            rows,
            ids: PhantomData,
        }
    }
}

impl<I: Id, T: fmt::Debug> fmt::Debug for Table<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;

    #[test]
    fn an_id_keeps_its_row_while_others_come_and_go() {
        let mut table: Table<AccountId, &str> = ["a", "b", "c"].into_iter().collect();
        assert_eq!(table.remove(AccountId(1)), Some("b"));
        assert_eq!(table.remove(AccountId(1)), None);
        let added = table.push("d");
        assert_eq!((added, table.len(), table.width()), (AccountId(3), 3, 4));
        assert_eq!(table.get(AccountId(1)), None);
        assert_eq!(table[AccountId(2)], "c");
        assert_eq!(table.insert(AccountId(1), "b"), None);
        table.remove(AccountId(0));
        let lengths = table.map(|_, row| row.len());
        assert_eq!(lengths.get(AccountId(0)), None);
        assert_eq!(lengths[AccountId(3)], 1);
        table.insert(AccountId(0), "a");
        let rows: Vec<_> = table.iter().map(|(id, row)| (id.0, *row)).collect();
        assert_eq!(rows, [(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    }
}
