//! A response stream (server-sent events), watched as it goes by.

mod event;
pub mod held_back;
pub mod interruption;
mod lines;
mod reader;
mod repeated;
pub mod usage_hidden;

pub use self::reader::StreamReader;
