//! The gateway at work, with a simulated provider and some traffic, in one process.

use crate::cli::Failed;

/// What the demonstration may be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs the demonstration.
///
/// # Errors
/// If it cannot be set up.
pub fn run(_arguments: &Arguments) -> Result<(), Failed> {
    Err(Failed::Because(
        "the demonstration is not part of this build".to_owned(),
    ))
}
