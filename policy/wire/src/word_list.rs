//! Lists of words: to compare with at little cost, and to tell operators of.

/// A list of words: `list!(ALL, is_one: "a", "b")`.
macro_rules! list {
    ($(#[$doc:meta])* $all:ident, $is:ident: $($word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[cfg(test)]
        const $all: &[&str] = &[$($word),+];

        /// Whether `word` is on the list. The compiler compares lengths first.
        fn $is(word: &str) -> bool {
            matches!(word, $($word)|+)
        }
    };
}

pub(crate) use list;
