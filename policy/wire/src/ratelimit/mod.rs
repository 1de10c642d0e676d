//! Rate-limit headers, in every dialect we know, read into a [`Snapshot`].
//!
//! Providers describe the same token buckets in different words. What they say is taken at its
//! word where it makes sense and is unknown where it does not: a negative or absurd number, a
//! reset that lies days back, a date without the response's own `Date` to compare it with. Nothing
//! here guesses a budget; the pool decides what to believe.

mod anthropic;
pub(crate) mod by_dialect;
mod count;
mod generic;
mod header;
mod ietf;
mod openai;
mod plain;
pub(crate) mod refusal_words;
mod window;
