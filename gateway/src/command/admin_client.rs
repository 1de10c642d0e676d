//! Asks a gateway that runs, on its admin listener, for commands of the terminal.
//!
//! Written on a bare socket: one question, one answer, and the end of the connection.

use std::io::{Read, Write};
use std::time::Duration;

use super::admin_socket::Tls;
use crate::command::failed::Failed;
use crate::telemetry::escape::harmless;

/// How long the gateway may take for each step of its answer.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest answer that is read: far above what `/status` says of 10,000 keys.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where it usually is.
const USUAL: &str = "127.0.0.1:9090";
/// The environment variable that usually has the token.
const USUAL_TOKEN: &str = "KEYWEIR_ADMIN_TOKEN";

/// Which gateway is asked, and what it is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct AdminAddress {
    /// The admin listener of the gateway (gateway.admin in its policy), by address or name.
    #[arg(long, default_value = USUAL, value_name = "HOST:PORT")]
    admin: String,
    #[command(flatten)]
    credentials: Credentials,
}

/// What a gateway is shown.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Credentials {
    /// The environment variable with the token of gateway.admin_token, if it has one.
    #[arg(long, default_value = USUAL_TOKEN, value_name = "NAME")]
    token_env: String,
    #[command(flatten)]
    tls: Tls,
}

impl AdminAddress {
    /// The listener `admin`, which is shown `credentials`.
    pub(crate) const fn new(admin: String, credentials: Credentials) -> Self {
        Self { admin, credentials }
    }

    /// The body of a good answer.
    ///
    /// # Errors
    /// What is wrong, and what to look at.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Result<String, Failed> {
        self.ask_for(method, path, &["200"])
    }

    /// The same where an answer with one of `statuses` is good.
    ///
    /// # Errors
    /// What is wrong, and what to look at.
    pub(crate) fn ask_for(
        &self,
        method: &str,
        path: &str,
        statuses: &[&str],
    ) -> Result<String, Failed> {
        let address = self.credentials.tls.address(&self.admin);
        let admin = address.authority;
        let scheme = if address.is_tls { "https" } else { "http" };
        let answer = self.exchange(method, path).map_err(|error| {
            Failed::Because(format!(
                "no answer from {scheme}://{admin}{path}: {error}; the address is gateway.admin of the \
                 policy (--admin)"
            ))
        })?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or_default();
        match status {
            good if statuses.contains(&good) => Ok(body.to_owned()),
            "401" if body.contains("client certificate") => {
                let said = harmless(body.trim());
                Err(Failed::Because(format!(
                    "{admin} says: {said}; name yours with --admin-cert and --admin-key, or put the token \
                     into the environment variable {} (--token-env)",
                    self.credentials.token_env
                )))
            }
            "401" => Err(Failed::Because(format!(
                "{admin} wants the token of gateway.admin_token, and {}; put it into the environment \
                 variable {} (--token-env)",
                match self.token().is_empty() {
                    true => "was shown none",
                    false => "was shown another",
                },
                self.credentials.token_env
            ))),
            _ if !head.starts_with("HTTP/") && !address.is_tls => Err(Failed::Because(format!(
                "{admin} speaks no HTTP in clear; where gateway.admin_tls makes it TLS, ask \
                 https://{admin} (--admin, --admin-ca)"
            ))),
            _ => {
                let said = harmless(body.trim());
                Err(Failed::Because(format!("{admin} says {status}: {said}")))
            }
        }
    }

    /// What it is shown; empty if there is none.
    fn token(&self) -> String {
        let token = std::env::var(&self.credentials.token_env).unwrap_or_default();
        token.trim().to_owned()
    }

    fn exchange(&self, method: &str, path: &str) -> std::io::Result<String> {
        let tls = &self.credentials.tls;
        let address = tls.address(&self.admin);
        let mut socket = tls.connect(address, WITHIN)?;
        let token = match self.token().as_str() {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        let admin = address.authority;
        // In one piece: who ends the connection at its beginning may say why.
        let question = format!(
            "{method} {path} HTTP/1.1\r\nhost: {admin}\r\n{token}content-length: 0\r\n\
             connection: close\r\n\r\n"
        );
        let mut answer = Vec::new();
        let asked = socket
            .write_all(question.as_bytes())
            .and_then(|()| socket.flush());
        asked
            .and_then(|()| socket.take(ANSWER_BYTES_MAX).read_to_end(&mut answer))
            .map_err(|error| tls.refused(error))?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// A part of a URI, percent-encoded (RFC 3986, section 2.1).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(encoded("a/b c-1_x.y~ü"), "a%2Fb%20c-1_x.y~%C3%BC");
    }
}
