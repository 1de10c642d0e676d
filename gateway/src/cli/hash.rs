//! `keyweir hash`: a new client key, and its hash for the policy file; or the hash of one there is.

use std::io::{Read, Write};

use keyweir_policy::config::secret::{ClientKey, ClientKeyHash};

use crate::command::failed::Failed;

/// What `hash` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Hash {
    /// `-`: hash the client key on standard input instead of making a new one.
    #[arg(value_parser = ["-"])]
    existing: Option<String>,
}

impl Hash {
    /// Makes a client key and prints it, or hashes the one that is given.
    pub(super) fn run(self) -> Result<(), Failed> {
        match self.existing {
            Some(_) => hash_existing(),
            None => make(),
        }
    }
}

fn hash_existing() -> Result<(), Failed> {
    let mut text = String::new();
    let mut input = std::io::stdin().take(ClientKey::BYTES_MAX as u64 + 1);
    let because = |why: &str| Failed::Because(why.to_owned());
    input
        .read_to_string(&mut text)
        .map_err(|_| because("the client key on standard input is no text"))?;
    let key = text.trim();
    if key.is_empty() {
        return Err(because("there is no client key on standard input"));
    }
    if text.len() > ClientKey::BYTES_MAX {
        return Err(because(
            "what stands on standard input is too long for a client key",
        ));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(because(
            "a client key has letters, digits and marks only, and no spaces",
        ));
    }
    writeln!(
        std::io::stdout(),
        "client_keys = [\"{}\"]",
        ClientKeyHash::of(key)
    )?;
    Ok(())
}

fn make() -> Result<(), Failed> {
    let mut random = [0; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut random)
        .map_err(|_| Failed::Because("the system has no randomness to give".to_owned()))?;
    let key = ClientKey::from_random(random);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "client key, to be given to the client; it is not shown again:"
    )?;
    writeln!(out, "  {}", key.expose())?;
    writeln!(out, "its hash, for the policy file:")?;
    writeln!(out, "  client_keys = [\"{}\"]", key.hash())?;
    Ok(())
}
