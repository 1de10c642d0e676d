//! `keyweir sleep`: does nothing for a while.
//!
//! A pod that is to end is told so before every load balancer has heard of it. A preStop hook that
//! waits keeps it serving until they have; an image without a shell has no `sleep` of its own.

use std::time::Duration;

use crate::command::failed::Failed;

/// The longest sleep, in seconds: no load balancer takes longer to notice.
const SECS_MAX: u64 = 3600;

/// What `sleep` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Sleep {
    /// For how long, in seconds: 0 to 3600.
    #[arg(value_parser = clap::value_parser!(u64).range(0..=SECS_MAX))]
    seconds: u64,
}

impl Sleep {
    /// Sleeps.
    pub(super) fn run(&self) -> Result<(), Failed> {
        std::thread::sleep(Duration::from_secs(self.seconds));
        Ok(())
    }
}
