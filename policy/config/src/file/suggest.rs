//! "Did you mean …?"

use crate::file::shown;

/// Names longer than this are nobody's typing error, and comparing them would cost time.
const LEN_MAX: usize = 64;

/// Names compared at most, so that a file full of wrong names stays quick to check.
const CANDIDATES_MAX: usize = 1_000;

#[cfg(test)]
thread_local! {
    /// How often it was asked for what is near.
    pub(super) static ASKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// `did you mean "…"?` with the candidate nearest to `name`, if one is near.
pub fn did_you_mean<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    #[cfg(test)]
    ASKED.set(ASKED.get() + 1);
    let nearest = nearest(name, candidates)?;
    shown::is_showable(nearest).then(|| format!("did you mean \"{nearest}\"?"))
}

fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted: Vec<char> = name.to_lowercase().replace('-', "_").chars().collect();
    if wanted.is_empty() || wanted.len() > LEN_MAX {
        return None;
    }
    // A third of the name may be wrong; a letter or two could be anything.
    let distance_max = wanted.len() / 3;
    let near = candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .filter_map(|candidate| {
            let folded: Vec<char> = candidate.to_lowercase().replace('-', "_").chars().collect();
            let plausible = folded.len().abs_diff(wanted.len()) <= distance_max;
            let distance = plausible.then(|| distance(&wanted, &folded))?;
            (distance <= distance_max).then_some((distance, candidate))
        });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Damerau–Levenshtein (optimal string alignment): insert, delete, replace, or swap neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["provider", "models", "limit", "key", "id", "base_url"];
        for (wrong, right) in [
            ("privider", Some("provider")),
            ("limits", Some("limit")),
            ("base-url", Some("base_url")),
            ("BaseURL", Some("base_url")),
            ("yek", None),
            ("kye", Some("key")),
            ("ID", Some("id")),
            ("ix", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), right, "{wrong}");
        }
    }

    #[test]
    fn distance_counts_a_swap_once() {
        let distance = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "acb"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
