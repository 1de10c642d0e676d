//! A table by names that clients choose: bounded, and what nobody uses any more gives way.
//!
//! A table that only fills is a weapon: who invents enough names keeps all others out for ever. So there
//! are two generations. What is used is in the younger; when that is full it becomes the older, and what
//! was in the older and has not been used since is gone. The names that were used last are there, as many
//! as fit, and at most twice as many are held. Rejected: a list in the order of use, which every use moves
//! something in.

use crate::name_map::NameMap;

/// What is known by name.
#[derive(Debug)]
pub struct RecentNames<T> {
    /// Names in a generation, at most.
    max: usize,
    younger: NameMap<Box<str>, T>,
    older: NameMap<Box<str>, T>,
}

impl<T> RecentNames<T> {
    /// Nothing, with room for the `max` names that are used last.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            younger: NameMap::default(),
            older: NameMap::default(),
        }
    }

    /// What is known by `name`, which is not used by that.
    pub fn peek(&self, name: &str) -> Option<&T> {
        self.younger.get(name).or_else(|| self.older.get(name))
    }

    /// What is known by `name`, to be used.
    pub fn get(&mut self, name: &str) -> Option<&mut T> {
        if !self.older.is_empty() && !self.younger.contains_key(name) {
            let (name, known) = self.older.remove_entry(name)?;
            self.insert(name, known);
        }
        self.younger.get_mut(name)
    }

    /// Knows `known` by `name` from now on.
    pub fn insert(&mut self, name: impl Into<Box<str>>, known: T) {
        let name = name.into();
        self.older.remove(&name);
        if self.younger.len() >= self.max && !self.younger.contains_key(&name) {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(name, known);
    }

    /// Knows nothing by `name` any more.
    pub fn remove(&mut self, name: &str) {
        self.younger.remove(name);
        self.older.remove(name);
    }

    /// How many names are held.
    pub fn len(&self) -> usize {
        self.younger.len() + self.older.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_keeps_neither_later_ones_out_nor_those_in_use() {
        let mut names = RecentNames::new(10);
        names.insert("used", 7);
        for invented in 0..1_000 {
            names.insert(invented.to_string(), invented);
            assert_eq!(names.get("used"), Some(&mut 7));
            assert_eq!(names.peek(&invented.to_string()), Some(&invented));
            assert!(names.len() <= 20);
        }
        assert_eq!(names.peek("0"), None);
        names.insert("later", 8);
        assert_eq!(names.peek("later"), Some(&8));
    }

    #[test]
    fn a_name_is_known_once_and_gone_when_it_is_removed() {
        let mut names = RecentNames::new(1);
        names.insert("a", 1);
        names.insert("b", 2);
        assert_eq!((names.peek("a"), names.len()), (Some(&1), 2));
        names.insert("a", 3);
        assert_eq!((names.peek("a"), names.peek("b")), (Some(&3), Some(&2)));
        names.remove("a");
        names.remove("b");
        assert!(names.is_empty() && names.get("a").is_none());
    }
}
