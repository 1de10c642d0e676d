//! The gateway's policy for a measurement: defaults, but for addresses and budgets that never
//! bind. Authentication is on, since a tenant is declared.

use std::net::SocketAddr;

use sha2::{Digest, Sha256, Sha512};

use crate::canned::CLIENT_KEY;

/// Tenants of one group.
const OF_A_GROUP: usize = 20;
/// That keys have.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What differs between measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicySpec {
    /// Where clients connect.
    pub(crate) listen: SocketAddr,
    /// Where operators ask, if they may.
    pub(crate) admin: Option<SocketAddr>,
    /// Where traces go, if any are made.
    pub(crate) traces: Option<SocketAddr>,
    /// Where the upstream is.
    pub(crate) upstream: SocketAddr,
    /// Accounts of one key each.
    pub(crate) accounts: usize,
    /// Tenants beside the one that measures. Where there are any, all have limits and budgets that never
    /// bind, and their groups have too.
    pub(crate) more_tenants: usize,
    /// Worker threads, the same as the pass-through's.
    pub(crate) threads: usize,
}

/// The policy file's text.
pub(crate) fn text(spec: &PolicySpec) -> String {
    let PolicySpec {
        listen,
        admin,
        traces,
        upstream,
        accounts,
        more_tenants,
        threads,
    } = spec;
    let admin = admin.map_or("off".to_owned(), |admin| admin.to_string());
    let mut text = format!(
        r#"[gateway]
listen = ["{listen}"]
admin = "{admin}"
threads = {threads}

[[provider]]
id = "upstream"
dialect = "anthropic"
base_url = "http://{upstream}"
http = "1.1"
"#
    );
    if let Some(traces) = traces {
        text += &format!("\n[gateway.traces]\nendpoint = \"http://{traces}\"\nsample = 0.01\n");
    }
    for account in 1..=*accounts {
        text += &format!(
            r#"
[[account]]
id = "account-{account}"
provider = "upstream"
[[account.limit]]
requests_per_minute = 60_000_000
input_tokens_per_minute = 60_000_000_000
output_tokens_per_minute = 60_000_000_000
[[account.key]]
id = "key-{account}"
secret = "{}"
"#,
            provider_key(account)
        );
    }
    for group in 0..more_tenants.div_ceil(OF_A_GROUP) {
        text += &format!("\n[[tenant_group]]\nid = \"group-{group}\"\n");
        text += &bounds("tenant_group");
    }
    for tenant in 0..=*more_tenants {
        let (id, key) = match tenant {
            0 => ("load".to_owned(), CLIENT_KEY.to_owned()),
            _ => (format!("tenant-{tenant}"), format!("kw_tenant_{tenant}")),
        };
        let hash = hash(&key);
        text += &format!("\n[[tenant]]\nid = \"{id}\"\nclient_keys = [\"{hash}\"]\n");
        if *more_tenants > 0 {
            text += &format!("group = \"group-{}\"\n", tenant / OF_A_GROUP);
            text += &bounds("tenant");
        }
    }
    text
}

/// A provider's key as long as real ones are, and like them no word: Anthropic's have 95 letters behind their
/// kind. What searching answers for it costs depends on that.
fn provider_key(account: usize) -> String {
    let halves = ["a", "b"].map(|half| Sha512::digest(format!("{account}{half}")));
    let letters = halves.iter().flatten();
    let letters = letters.map(|byte| LETTERS[usize::from(byte % 64)]);
    let secret: String = letters.take(95).map(char::from).collect();
    format!("sk-ant-api03-{secret}")
}

/// A limit of each kind and a budget, none of which ever binds.
fn bounds(of: &str) -> String {
    format!(
        "[[{of}.limit]]\nrequests_per_minute = 60_000_000\ninput_tokens_per_minute = 60_000_000_000\n\
         output_tokens_per_minute = 60_000_000_000\ntokens_per_minute = 120_000_000_000\n\
         concurrency = 100_000\n[[{of}.budget]]\nper = \"month\"\ntokens = 1_000_000_000_000\n"
    )
}

/// A client key as a policy file holds it.
pub(crate) fn hash(client_key: &str) -> String {
    let digest = Sha256::digest(client_key.as_bytes());
    digest.iter().fold("sha256:".to_owned(), |text, byte| {
        text + &format!("{byte:02x}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_key_stands_there_as_its_hash_only() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let spec = PolicySpec {
            listen: address,
            admin: Some(address),
            traces: None,
            upstream: address,
            accounts: 3,
            more_tenants: 30,
            threads: 1,
        };
        let text = text(&spec);
        assert!(!text.contains(CLIENT_KEY));
        assert_eq!(text.matches("[[account.key]]").count(), 3);
        let keys = [1, 2].map(provider_key);
        assert!(
            keys.iter()
                .all(|key| key.len() == 108 && text.contains(key.as_str()))
        );
        assert_ne!(keys[0], keys[1]);
        assert_eq!(text.matches("[[tenant]]").count(), 31);
        assert_eq!(text.matches("[[tenant_group]]").count(), 2);
        // printf abc | sha256sum
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc"), known);
    }
}
