//! Circles that are known, and on their way out.

use std::path::Path;

use super::circles::Circle;

/// What is wrong: circles outside of the folders in `pending`, and folders in it that have none any
/// more. Each circle comes with the folder that its files' paths start at.
pub(crate) fn complaints(circles: &[(String, Circle)], pending: &[&str]) -> Vec<String> {
    let is_in = |folder: &str, (source, circle): &(String, Circle)| {
        let mut files = circle.0.iter().map(|(file, _)| format!("{source}/{file}"));
        files.all(|file| Path::new(&file).starts_with(folder))
    };
    let known = |circle: &_| pending.iter().any(|folder| is_in(folder, circle));
    let new = circles.iter().filter(|circle| !known(circle));
    let done = pending
        .iter()
        .filter(|folder| !circles.iter().any(|circle| is_in(folder, circle)));
    let new = new.map(|(source, circle)| format!("{source}: {circle}"));
    let done =
        done.map(|folder| format!("{folder} has no circle any more: it is PENDING no longer"));
    new.chain(done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(source: &str, files: [&str; 2]) -> (String, Circle) {
        let named = files.map(|file| (file.to_owned(), vec!["Foo".to_owned()]));
        (source.to_owned(), Circle(named.to_vec()))
    }

    #[test]
    fn circles_in_pending_folders_pass() {
        let circles = [
            circle("policy/src", ["a.rs", "b/c.rs"]),
            circle("gateway/src", ["request/a.rs", "request/b.rs"]),
        ];
        assert!(complaints(&circles, &["policy", "gateway/src/request"]).is_empty());
    }

    #[test]
    fn circles_that_reach_out_of_a_pending_folder_are_told() {
        let circles = [
            circle("gateway/src", ["request/a.rs", "request/b.rs"]),
            circle("gateway/src", ["request/a.rs", "admin/b.rs"]),
        ];
        assert_eq!(
            complaints(&circles, &["gateway/src/request"]),
            ["gateway/src: request/a.rs → admin/b.rs (Foo) → request/a.rs (Foo)"]
        );
    }

    #[test]
    fn pending_folders_without_a_circle_are_told() {
        assert_eq!(
            complaints(&[], &["policy"]),
            ["policy has no circle any more: it is PENDING no longer"]
        );
    }
}
