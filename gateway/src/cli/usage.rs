//! `keyweir usage`: what was spent, from the ledger, or from the gateway that has it open.

use std::io::Write;

use crate::command::failed::Failed;
use crate::command::ledger_place::{LedgerPlace, Place};
use crate::runtime::ledger::{Query, report};
use crate::runtime::tenancy::wall;

/// What `usage` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// What is told apart: some of day,tenant,provider,account,key,model.
    #[arg(long, default_value = "tenant,model,day")]
    by: String,
    /// The first day (UTC) that counts: 2026-11-01, or 30d for 30 days back.
    #[arg(long, default_value = "30d")]
    since: String,
    /// table, csv or json.
    #[arg(long, default_value = "table")]
    format: String,
    #[command(flatten)]
    place: LedgerPlace,
}

impl Usage {
    /// Prints it.
    pub(super) fn run(&self) -> Result<(), Failed> {
        let (by, since) = (self.by.as_str(), self.since.as_str());
        let today = wall().day();
        let query = Query::read(Some(by), Some(since), Some(&self.format), today);
        let query = query.map_err(Failed::Because)?;
        let text = match self.place.find()? {
            Place::File(store) => {
                let usage = store.usage(query.since).map_err(|error| {
                    Failed::Because(format!("the ledger cannot be read: {error}"))
                })?;
                report(&query, &usage)
            }
            Place::Gateway(admin) => {
                // Words and days, as the query was read: nothing of it needs another form.
                let query = format!("by={by}&since={since}&format={}", self.format);
                admin.ask("GET", &format!("/usage?{query}"))?
            }
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(())
    }
}
