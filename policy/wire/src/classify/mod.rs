//! Whose fault an answer is, and how long it says to stay away.

mod answer_wait;
mod attribution;
mod families;
mod heard;
mod page;
#[cfg(test)]
mod recorded;
mod row;
mod rules;
mod table;

pub use self::attribution::{Asked, BODY_BYTES_MAX, BODY_WITHIN, classify, needs_body};
pub(crate) use self::attribution::{in_stream, inside};
pub(crate) use self::heard::status_inside;
pub use self::page::page;
pub use self::row::Charge;
pub use self::rules::Rule;
