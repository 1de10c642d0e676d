//! A response stream (server-sent events), watched as it goes by.

mod event;
mod lines;
mod reader;

pub use self::reader::StreamReader;
