//! What the gateway itself says to a client, in the words the client's SDK understands.

pub(crate) mod error_answer;
mod error_body;
pub(crate) mod error_event;
pub mod kind;
pub mod no_answer;
mod status_and_type;

pub use self::error_answer::ErrorAnswer;
