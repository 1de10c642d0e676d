//! `keyweir usage`: what was spent, from the ledger, or from the gateway that has it open.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::command::admin_client::{AdminAddress, USUAL_TOKEN};
use crate::command::failed::Failed;
use crate::runtime::ledger::{FILE, LedgerError, Query, Store, report};
use crate::runtime::policy_files::{self, folder_of};
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
    /// The policy file, or a folder of them, as `serve` has it: the ledger is beside it.
    #[arg(long, short, default_value = "keys.toml")]
    policy: PathBuf,
    /// The folder of the ledger, where `serve` was told one.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The admin listener of the gateway to ask. Where the ledger is in use and none is named, the
    /// gateway at gateway.admin of the policy is asked.
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// The environment variable with the token of gateway.admin_token, if it has one.
    #[arg(long, default_value = USUAL_TOKEN, value_name = "NAME")]
    token_env: String,
}

impl Usage {
    /// Prints it.
    pub(super) fn run(&self) -> Result<(), Failed> {
        let (by, since) = (self.by.as_str(), self.since.as_str());
        let today = wall().day();
        let query = Query::read(Some(by), Some(since), Some(&self.format), today);
        let query = query.map_err(Failed::Because)?;
        let text = match &self.admin {
            Some(address) => self.ask(address)?,
            None => self.read(&query)?,
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(())
    }

    /// From the file; from the gateway of the policy if that has it open.
    fn read(&self, query: &Query) -> Result<String, Failed> {
        let folder = self.state.clone();
        let path = folder.unwrap_or_else(|| folder_of(&self.policy)).join(FILE);
        if !path.exists() {
            return Err(Failed::Because(format!(
                "there is no ledger {}: name the policy with --policy or its folder with --state, as \
                 `serve` was told, or the gateway with --admin",
                path.display()
            )));
        }
        match Store::open_to_read(&path) {
            Ok(store) => {
                let usage = store.usage(query.since).map_err(|error| {
                    Failed::Because(format!("the ledger cannot be read: {error}"))
                })?;
                Ok(report(query, &usage))
            }
            Err(LedgerError::InUse(_)) => self.ask(&self.admin_of_policy(&path)?),
            Err(error) => Err(Failed::Because(error.to_string())),
        }
    }

    /// Where the gateway listens that has the ledger open.
    fn admin_of_policy(&self, ledger: &Path) -> Result<String, Failed> {
        let because = |why: &str| {
            Failed::Because(format!(
                "a gateway has the ledger {} open, and {why}; name where it listens with --admin",
                ledger.display()
            ))
        };
        let policy = match policy_files::load(std::slice::from_ref(&self.policy)) {
            Ok(loaded) => loaded.policy,
            Err(_) => {
                let policy = self.policy.display();
                return Err(because(&format!("{policy} does not say where it listens")));
            }
        };
        match policy.gateway.admin {
            Some(address) => Ok(reachable(address).to_string()),
            None => Err(because("gateway.admin of its policy is off")),
        }
    }

    fn ask(&self, address: &str) -> Result<String, Failed> {
        let admin = AdminAddress::new(address.to_owned(), self.token_env.clone());
        // Words and days, as the query was read: nothing of it needs another form.
        let query = format!("by={}&since={}&format={}", self.by, self.since, self.format);
        admin.ask("GET", &format!("/usage?{query}"))
    }
}

/// An address to connect to, of a listener that may listen on all.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
