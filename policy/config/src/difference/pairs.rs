//! Things of two policies, put beside each other by name.

use std::collections::{HashMap, HashSet};

/// What became of the things of one kind.
pub(super) struct Pairs<'a, T> {
    /// In the first policy only.
    pub(super) removed: Vec<(&'a str, T)>,
    /// In both.
    pub(super) kept: Vec<(&'a str, T, T)>,
    /// In the second policy only.
    pub(super) added: Vec<(&'a str, T)>,
}

/// Pairs things by their names. Of several with one name, the first counts.
pub(super) fn pair<'a, T: Copy>(
    before: impl IntoIterator<Item = (&'a str, T)>,
    after: impl IntoIterator<Item = (&'a str, T)>,
) -> Pairs<'a, T> {
    let before: Vec<(&'a str, T)> = before.into_iter().collect();
    let after: Vec<(&'a str, T)> = after.into_iter().collect();
    // Most reloads leave most things in their places, and names are many.
    let names = before.iter().map(|(name, _)| *name);
    if names.eq(after.iter().map(|(name, _)| *name)) {
        return in_place(before, after);
    }
    let before = firsts(before);
    let after = firsts(after);
    let of_after: HashMap<&str, T> = after.iter().copied().collect();
    let mut pairs = Pairs {
        removed: Vec::new(),
        kept: Vec::new(),
        added: Vec::new(),
    };
    for (name, thing) in &before {
        match of_after.get(name) {
            Some(other) => pairs.kept.push((name, *thing, *other)),
            None => pairs.removed.push((name, *thing)),
        }
    }
    let of_before: HashMap<&str, T> = before.into_iter().collect();
    let is_new = |(name, _): &(&str, T)| !of_before.contains_key(name);
    pairs.added.extend(after.into_iter().filter(is_new));
    pairs
}

/// Things whose names are the same, in the same order.
fn in_place<'a, T: Copy>(before: Vec<(&'a str, T)>, after: Vec<(&'a str, T)>) -> Pairs<'a, T> {
    let both = before.into_iter().zip(after);
    let both = both.map(|((name, thing), (_, other))| (name, (thing, other)));
    let kept = firsts(both).into_iter();
    Pairs {
        removed: Vec::new(),
        kept: kept
            .map(|(name, (thing, other))| (name, thing, other))
            .collect(),
        added: Vec::new(),
    }
}

fn firsts<'a, T: Copy>(things: impl IntoIterator<Item = (&'a str, T)>) -> Vec<(&'a str, T)> {
    let mut seen = HashSet::new();
    let things = things.into_iter();
    things.filter(|(name, _)| seen.insert(*name)).collect()
}
