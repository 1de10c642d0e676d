//! What it came to, told when it is over.

use std::fmt::{self, Display};
use std::time::Duration;

use super::ink::{count, span};
use super::scene::{Scene, Upstream};
use super::tally::{Failure, Totals};

/// The sums of a demonstration that is over.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    elapsed: Duration,
    totals: Totals,
    upstream: Upstream,
    /// Requests that got a good answer.
    pub(super) answered: u64,
}

impl Summary {
    /// Of what was last seen.
    pub(super) fn of(scene: &Scene) -> Self {
        Self {
            elapsed: scene.elapsed,
            answered: scene.totals.answered,
            totals: scene.totals.clone(),
            upstream: scene.upstream,
        }
    }

    fn write_clients(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        writeln!(
            f,
            "  clients saw        {} × 429, {} × 529, {} other failures",
            count(totals.failed(Failure::Status(429))),
            count(totals.failed(Failure::Status(529))),
            count(totals.failed_otherwise()),
        )?;
        if totals.open > 0 {
            let open = count(totals.open);
            writeln!(
                f,
                "  cut short          {open} requests that were under way"
            )?;
        }
        if totals.held_back > 0 {
            let held_back = count(totals.held_back);
            writeln!(f, "  never sent         {held_back}: too many were open")?;
        }
        Ok(())
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (totals, upstream) = (&self.totals, &self.upstream);
        writeln!(
            f,
            "\nkeyweir demo: {} s, {} requests, {} answered",
            self.elapsed.as_secs(),
            count(totals.asked),
            count(totals.answered),
        )?;
        self.write_clients(f)?;
        writeln!(
            f,
            "  the provider said  {} × 429, {} × 529, {} other errors",
            count(upstream.rate_limited),
            count(upstream.overloaded),
            count(upstream.otherwise),
        )?;
        writeln!(
            f,
            "  upstream requests  {}, of which {} were failovers",
            count(upstream.requests),
            count(totals.failovers),
        )?;
        writeln!(
            f,
            "  waits for a key    half at most {}, 99 % at most {}, longest {}",
            span(totals.in_all.p50),
            span(totals.in_all.p99),
            span(totals.longest),
        )
    }
}
