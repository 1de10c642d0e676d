//! `keyweir hash`: a new client key, and its hash for the policy file.

use std::io::Write;

use keyweir_policy::config::secret::ClientKey;

use crate::command::failed::Failed;

/// Makes a client key and prints it.
pub(super) fn run() -> Result<(), Failed> {
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
