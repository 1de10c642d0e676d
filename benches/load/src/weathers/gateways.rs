//! The gateways: the real program, with a policy that names keys and tenants and nothing else, so
//! that every default holds and every limit has to be learned from headers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::child::{Child, free_address};
use crate::failure::Failure;
use crate::policy_file;

/// Gateways of one run, that know nothing of each other.
pub(crate) struct Gateways {
    /// Where clients connect.
    pub(crate) addresses: Vec<SocketAddr>,
    _children: Vec<Child>,
}

/// What a run wants of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Where policies and logs go.
    pub(crate) folder: &'a Path,
    /// The provider's base URL.
    pub(crate) provider: &'a str,
    /// The provider's accounts and their keys.
    pub(crate) accounts: &'a [(String, Vec<String>)],
    /// How many of them.
    pub(crate) replicas: usize,
    /// What their tenants present.
    pub(crate) client_keys: &'a [String],
    /// Settings that differ from the defaults; a row that has any says so.
    pub(crate) settings: &'a str,
}

impl Gateways {
    /// Starts them and waits until they listen.
    pub(crate) async fn start(wanted: Wanted<'_>) -> Result<Self, Failure> {
        let mut gateways = Self {
            addresses: Vec::new(),
            _children: Vec::new(),
        };
        for replica in 0..wanted.replicas {
            let address = free_address()?;
            let policy = wanted.folder.join(format!("policy-{replica}.toml"));
            fs::write(&policy, text(&wanted, address, free_address()?))?;
            let access = wanted.folder.join(format!("access-{replica}.jsonl"));
            let mut command = Command::new(wanted.program);
            command.arg("serve").arg("--policy").arg(&policy);
            // They share the policy's folder, and a ledger has one process.
            command.args(["--state", "off"]);
            command.arg("--access-log").arg(&access);
            let name = format!("gateway-{replica}");
            let mut child = Child::start(&mut command, wanted.folder, &name)?;
            child.wait_until_listening(address).await?;
            gateways.addresses.push(address);
            gateways._children.push(child);
        }
        Ok(gateways)
    }
}

fn text(wanted: &Wanted<'_>, listen: SocketAddr, admin: SocketAddr) -> String {
    let Wanted {
        provider, settings, ..
    } = wanted;
    let mut text = format!(
        r#"[gateway]
listen = ["{listen}"]
admin = "{admin}"
{settings}
[[provider]]
id = "simulated"
dialect = "anthropic"
base_url = "{provider}"
"#
    );
    for (name, keys) in wanted.accounts {
        text += &format!("\n[[account]]\nid = \"{name}\"\nprovider = \"simulated\"\n");
        for key in keys {
            let id = key.trim_start_matches("sk-");
            text += &format!("[[account.key]]\nid = \"{id}\"\nsecret = \"{key}\"\n");
        }
    }
    for (number, key) in wanted.client_keys.iter().enumerate() {
        let hash = policy_file::hash(key);
        text += &format!("\n[[tenant]]\nid = \"tenant-{number}\"\nclient_keys = [\"{hash}\"]\n");
    }
    text
}
