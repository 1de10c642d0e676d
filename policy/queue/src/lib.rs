//! Who goes next: the waiting room of a quota group and its priority classes.

mod class;
pub mod waiter;
pub mod waiting_room;
