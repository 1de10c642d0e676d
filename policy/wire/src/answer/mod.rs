//! What a good answer says: how it is to be read, what it cost, and what it made.

pub(crate) mod answer_headers;
pub mod beginning;
pub(crate) mod created_ids;
pub(crate) mod error_inside;
mod frames;
pub mod large;
pub mod opening;
pub(crate) mod organization;
pub(crate) mod results_url;
pub(crate) mod usage;
mod whole;
