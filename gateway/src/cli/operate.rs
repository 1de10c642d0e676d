//! `keyweir keys` and `keyweir accounts`: holds, trips and resets them in a gateway that runs.

use std::io::Write;

use serde_json::Value;

use crate::command::admin_client::{AdminAddress, encoded};
use crate::command::failed::Failed;

/// What may be done.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Action {
    /// Take no more requests; finish what runs. Stays over reloads, until resumed.
    Drain,
    /// Take requests again.
    Resume,
    /// Take it out as if the provider had rejected it; it is probed later.
    Trip,
    /// Clear what speaks against it: rejections, breakers, cooldowns.
    Reset,
}

/// What `keys` and `accounts` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Operate {
    /// What to do.
    #[arg(value_enum)]
    action: Action,
    /// The ids, as the policy has them.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    admin: AdminAddress,
}

impl Operate {
    /// Does it to each of the `kind` (`keys` or `accounts`), and says what became of it.
    pub(super) fn run(&self, kind: &str) -> Result<(), Failed> {
        let action = match self.action {
            Action::Drain => "drain",
            Action::Resume => "resume",
            Action::Trip => "trip",
            Action::Reset => "reset",
        };
        for id in &self.ids {
            let path = format!("/{kind}/{}/{action}", encoded(id));
            let said = self.admin.ask("POST", &path)?;
            let said: Value = serde_json::from_str(&said).unwrap_or_default();
            let state = said["state"].as_str().unwrap_or("unknown");
            let running = said["requests_running"].as_u64().unwrap_or_default();
            let _ = writeln!(
                std::io::stdout(),
                "{id}: {state}; requests still running: {running}"
            );
        }
        Ok(())
    }
}
