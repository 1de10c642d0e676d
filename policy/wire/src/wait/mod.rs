//! How waits are read: durations, moments, and texts that may be either.

pub(crate) mod duration;
pub(crate) mod moment;
pub(crate) mod stated;
pub(crate) mod words;
