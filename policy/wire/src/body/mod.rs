//! What a request's body says: its model, its size, its conversation, and what it refers to.

mod block;
mod content;
pub mod describe;
mod media;
pub(crate) mod model_name;
mod references;
