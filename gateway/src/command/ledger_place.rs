//! Where a command finds the ledger: the file, or the gateway that has it open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::command::admin_client::{AdminAddress, Credentials};
use crate::command::failed::Failed;
use crate::runtime::ledger::{FILE, LedgerError, Store};
use crate::runtime::policy_files::{self, folder_of};

/// Where the ledger is.
#[derive(Debug, clap::Args)]
pub(crate) struct LedgerPlace {
    /// The policy file, or a folder of them, as `serve` has it: the ledger is beside it.
    #[arg(long, short, default_value = "keys.toml")]
    pub(crate) policy: PathBuf,
    /// The folder of the ledger, where `serve` was told one.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The admin listener of the gateway to ask. Where the ledger is in use and none is named, the
    /// gateway at gateway.admin of the policy is asked.
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
    #[command(flatten)]
    credentials: Credentials,
}

/// What has what is asked for.
pub(crate) enum Place {
    /// The file, which nobody else has open.
    File(Store),
    /// The gateway that has it open, or that was named.
    Gateway(AdminAddress),
}

impl LedgerPlace {
    /// Finds it.
    ///
    /// # Errors
    /// If there is none, or it is in use by a gateway that cannot be asked.
    pub(crate) fn find(&self) -> Result<Place, Failed> {
        if let Some(address) = &self.admin {
            return Ok(self.gateway(address.clone()));
        }
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
            Ok(store) => Ok(Place::File(store)),
            Err(LedgerError::InUse(_)) => Ok(self.gateway(self.admin_of_policy(&path)?)),
            Err(error) => Err(Failed::Because(error.to_string())),
        }
    }

    fn gateway(&self, address: String) -> Place {
        Place::Gateway(AdminAddress::new(address, self.credentials.clone()))
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
            Some(address) => {
                let scheme = match policy.gateway.admin_tls {
                    Some(_) => "https",
                    None => "http",
                };
                Ok(format!("{scheme}://{}", reachable(address)))
            }
            None => Err(because("gateway.admin of its policy is off")),
        }
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
