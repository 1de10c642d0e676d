//! Circles among files: the shortest first, each told with the names that make it.

use std::collections::{BTreeMap, VecDeque};

use super::imports::Imports;

/// A circle: each file, and the names that it uses of the next; the last uses them of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circle(pub(crate) Vec<(String, Vec<String>)>);

/// Circles enough that there is none without the last import of each.
pub(crate) fn circles(imports: &Imports) -> Vec<Circle> {
    let mut left = imports.clone();
    let mut circles = Vec::new();
    while let Some(circle) = shortest(&left) {
        let from = &circle[circle.len() - 1];
        let named = |(at, file): (usize, &String)| {
            let next = &circle[(at + 1) % circle.len()];
            let names = imports[file][next].iter().cloned().collect();
            (file.clone(), names)
        };
        circles.push(Circle(circle.iter().enumerate().map(named).collect()));
        if let Some(of_file) = left.get_mut(from) {
            of_file.remove(&circle[0]);
        }
    }
    circles
}

fn shortest(imports: &Imports) -> Option<Vec<String>> {
    imports
        .keys()
        .filter_map(|file| shortest_through(imports, file))
        .min_by_key(Vec::len)
}

/// The shortest circle through `start`, breadth first.
fn shortest_through(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut circle = vec![file.to_owned()];
                let mut at = file;
                while at != start {
                    at = came_from[at];
                    circle.push(at.to_owned());
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}

impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files = self.0.iter().cycle().skip(1).map(|(file, _)| file);
        f.write_str(&self.0[0].0)?;
        for (next, (_, names)) in files.zip(&self.0) {
            write!(f, " → {next} ({})", names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::imports;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
            .collect();
        circles(&imports(&files, "lib.rs"))
            .iter()
            .map(Circle::to_string)
            .collect()
    }

    #[test]
    fn a_circle_is_told_with_its_names() {
        assert_eq!(
            told(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::Foo;"),
                ("b.rs", "use crate::a::{Bar, Baz};"),
            ]),
            ["a.rs → b.rs (Foo) → a.rs (Bar, Baz)"]
        );
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
        assert_eq!(
            told(&[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod b; pub use b::B; pub struct A;"),
                ("a/b.rs", "use super::A; pub struct B(A);"),
            ]),
            ["a/b.rs → a/mod.rs (A) → a/b.rs (B)"]
        );
    }

    #[test]
    fn every_circle_is_told_the_shortest_first() {
        assert_eq!(
            told(&[
                ("lib.rs", "mod a; mod b; mod c; mod d;"),
                ("a.rs", "use crate::b::B; use crate::d::D;"),
                ("b.rs", "use crate::c::C;"),
                ("c.rs", "use crate::a::A;"),
                ("d.rs", "use crate::a::A;"),
            ]),
            [
                "a.rs → d.rs (D) → a.rs (A)",
                "a.rs → b.rs (B) → c.rs (C) → a.rs (A)",
            ]
        );
    }

    #[test]
    fn a_tree_without_circles_passes() {
        assert!(
            told(&[
                ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
                ("a.rs", "use crate::{b::B, c::C};"),
                ("b.rs", "use crate::c::C;"),
                ("c.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
            ])
            .is_empty()
        );
    }
}
