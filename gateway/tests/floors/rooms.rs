//! Imports between the rooms of a crate, the folders of its `src`: each floor may use those below
//! it, never one above it or beside it.

use std::collections::BTreeSet;

use super::imports::Imports;

/// Everything that is not as `floors` say, from the top down: imports that do not lead down, rooms
/// that are on no floor, and rooms on a floor that are not there.
pub(crate) fn breaches(imports: &Imports, floors: &[&[&str]]) -> BTreeSet<String> {
    let floor = |room: &str| floors.iter().position(|floor| floor.contains(&room));
    let mut breaches = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (from, of_file) in imports {
        for (to, names) in of_file {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let import = format!("{from} → {to} ({})", names.join(", "));
            let (upper, lower) = (room(from), room(to));
            seen.extend([upper, lower]);
            match (floor(upper), floor(lower)) {
                _ if upper == lower => {}
                (Some(upper), Some(lower)) if upper < lower => {}
                (Some(_), Some(_)) => {
                    breaches.insert(format!("{import}: {upper} is not above {lower}"));
                }
                (None, _) => {
                    breaches.insert(format!("{import}: {upper} is on no floor"));
                }
                (_, None) => {
                    breaches.insert(format!("{import}: {lower} is on no floor"));
                }
            }
        }
    }
    let absent = floors.iter().copied().flatten();
    let absent = absent.filter(|room| !seen.contains(*room));
    breaches.extend(absent.map(|room| format!("{room} is on a floor, but nothing is in it")));
    breaches
}

/// The folder that a file is in, or the file itself where it is in none.
fn room(file: &str) -> &str {
    file.split_once('/').map_or(file, |(room, _)| room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::imports;

    fn told(files: &[(&str, &str)], floors: &[&[&str]]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
            .collect();
        breaches(&imports(&files, "lib.rs"), floors)
            .into_iter()
            .collect()
    }

    const FILES: [(&str, &str); 4] = [
        ("lib.rs", "mod high; mod low; mod beside;"),
        ("high/mod.rs", "use crate::low::Low;"),
        ("low/mod.rs", ""),
        ("beside/mod.rs", "use crate::low::Low;"),
    ];

    #[test]
    fn imports_that_lead_down_pass() {
        assert!(told(&FILES, &[&["high", "beside"], &["low"]]).is_empty());
    }

    #[test]
    fn imports_that_lead_up_or_aside_are_told() {
        assert_eq!(
            told(&FILES, &[&["low"], &["high", "beside"]]),
            [
                "beside/mod.rs → low/mod.rs (Low): beside is not above low",
                "high/mod.rs → low/mod.rs (Low): high is not above low",
            ]
        );
        assert_eq!(
            told(&FILES, &[&["high"], &["low", "beside"]]),
            ["beside/mod.rs → low/mod.rs (Low): beside is not above low"]
        );
    }

    #[test]
    fn rooms_that_the_floors_do_not_know_are_told() {
        assert_eq!(
            told(&FILES, &[&["high"], &["low"], &["gone"]]),
            [
                "beside/mod.rs → low/mod.rs (Low): beside is on no floor",
                "gone is on a floor, but nothing is in it",
            ]
        );
    }
}
