//! A response stream (server-sent events), watched as it goes by.

mod event;
mod event_name;
pub mod held_back;
pub mod interruption;
mod lines;
mod reader;
mod repeated;
mod tokens;
pub mod usage_hidden;

pub use self::reader::StreamReader;
pub use self::tokens::Tokens;
