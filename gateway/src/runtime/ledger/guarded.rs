//! The embedded store takes some damage of its file for a mistake of its own, and panics: at any question,
//! not only when it is opened. Here that is an error like others, and nobody is told of a mistake.

#![allow(
    clippy::result_large_err,
    reason = "the store's own errors are large, and rare"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `ask` comes to; a panic in it is damage.
///
/// # Errors
/// Those of `ask`, and damage.
pub(super) fn guarded<T>(ask: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    let before = IS_GUARDED.replace(true);
    let asked = catch_unwind(AssertUnwindSafe(ask));
    IS_GUARDED.set(before);
    let damaged = || redb::Error::Corrupted("its pages are damaged".to_owned());
    asked.unwrap_or_else(|_| Err(damaged()))
}

/// Whether a panic of this thread is one that is made an error here.
pub(crate) fn is_guarded() -> bool {
    IS_GUARDED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage_and_expected_only_while_the_store_is_asked() {
        let asked: Result<(), _> = guarded(|| {
            assert!(is_guarded());
            let nested: Result<(), _> = guarded(|| panic!("a page"));
            assert!(is_guarded() && nested.is_err());
            nested
        });
        assert!(matches!(asked, Err(redb::Error::Corrupted(_))));
        assert!(!is_guarded());
        assert_eq!(guarded(|| Ok(7)).expect("no damage"), 7);
    }
}
