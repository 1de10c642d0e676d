//! What a request's body says: its model, its size, its conversation, and what it refers to.

mod block;
mod content;
pub mod describe;
mod known_fields;
mod media;
pub(crate) mod model_name;
mod references;
pub(crate) mod rename_models;
pub(crate) mod stream_usage;
mod tool;
pub mod understood;
