//! Who goes next: the waiting room of a quota group and its priority classes.
#![warn(clippy::iter_over_hash_type)]

mod class;
mod drain;
pub mod hold;
mod pace;
mod tenant_queue;
pub mod waiter;
pub mod waiting_room;
