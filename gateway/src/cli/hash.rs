//! `keyweir hash`: a new client key, and its hash for the policy file; or the hash of one there is.

use std::io::{Read, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::ioctl_fionread;

use keyweir_policy::config::secret::{ClientKey, ClientKeyHash};
use keyweir_policy::wire::suspect_secret;

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
            None if is_piped()? => Err(Failed::Because(
                "something stands on standard input: `keyweir hash -` hashes it; `keyweir hash < /dev/null` \
                 makes a new client key"
                    .to_owned(),
            )),
            None => make(),
        }
    }
}

/// A shorter client key may be guessed: sixteen random letters and digits are some ninety bits.
const CLIENT_KEY_BYTES_MIN: usize = 16;

/// How long a program at the other end of a pipe has to write.
const WRITTEN_WITHIN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// Whether somebody means a key to be read: there is text in a pipe or a file. A pipe that nobody writes to
/// (`ssh`, a CI's runner) holds nobody up.
fn is_piped() -> Result<bool, Failed> {
    let stdin = std::io::stdin();
    let kind = FileType::from_raw_mode(fstat(&stdin).map_err(std::io::Error::from)?.st_mode);
    if !matches!(kind, FileType::Fifo | FileType::RegularFile) {
        return Ok(false);
    }
    let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
    let count = poll(&mut asked, Some(&WRITTEN_WITHIN)).map_err(std::io::Error::from)?;
    // Not read: what stands there may be the rest of a script.
    Ok(count > 0 && ioctl_fionread(&stdin).map_err(std::io::Error::from)? > 0)
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
    if key.len() < CLIENT_KEY_BYTES_MIN || suspect_secret(key).is_some() {
        writeln!(
            std::io::stderr(),
            "warning: this client key is short, or a placeholder: whoever guesses it is let in; `keyweir hash` \
             makes one that nobody guesses"
        )?;
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
