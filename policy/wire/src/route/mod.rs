//! What a path and a method ask for.
//!
//! An allow-list per dialect, as a table: a path that no row names is not forwarded, so that a
//! pool's keys open only what somebody decided to open. Rows are tried in order; those that carry
//! nearly all traffic stand first.

mod anthropic_paths;
pub(crate) mod by_dialect;
mod generic_paths;
mod openai_paths;
mod plain_path;
mod row;
mod served;

pub use self::served::{Route, RouteError};
