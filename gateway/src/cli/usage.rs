//! `keyweir usage`: what was spent, from the ledger, or from the gateway that has it open.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use crate::command::failed::Failed;
use crate::runtime::ledger::{FILE, LedgerError, Query, Store, report};
use crate::runtime::tenancy::wall;

/// How long the gateway may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

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
    /// The folder of the ledger.
    #[arg(long, default_value = ".", value_name = "DIR")]
    state: PathBuf,
    /// The admin listener (gateway.admin of the policy) of the gateway that has the ledger open; asked
    /// where the file is in use, or when it is named.
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
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

    /// From the file; from the gateway at the usual address if that has it open.
    fn read(&self, query: &Query) -> Result<String, Failed> {
        let path = self.state.join(FILE);
        if !path.exists() {
            return Err(Failed::Because(format!(
                "there is no ledger {}: name its folder with --state, or the gateway with --admin",
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
            Err(LedgerError::InUse(_)) => self.ask("127.0.0.1:9090"),
            Err(error) => Err(Failed::Because(error.to_string())),
        }
    }

    fn ask(&self, address: &str) -> Result<String, Failed> {
        let query = format!("by={}&since={}&format={}", self.by, self.since, self.format);
        let path = format!("/usage?{query}");
        let answer = get(address, &path).map_err(|error| {
            Failed::Because(format!(
                "no answer from http://{address}/usage: {error}; name the gateway's admin address \
                 with --admin"
            ))
        })?;
        match answer {
            (200, text) => Ok(text),
            (status, text) => Err(Failed::Because(format!(
                "http://{address}/usage says {status}: {}",
                text.trim().escape_debug()
            ))),
        }
    }
}

/// Status and body of an answer, which ends with its connection.
fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut failed = std::io::Error::other("the name has no address");
    for resolved in address.to_socket_addrs()? {
        let mut socket = match TcpStream::connect_timeout(&resolved, ANSWERED_WITHIN) {
            Ok(socket) => socket,
            Err(error) => {
                failed = error;
                continue;
            }
        };
        socket.set_read_timeout(Some(ANSWERED_WITHIN))?;
        socket.set_write_timeout(Some(ANSWERED_WITHIN))?;
        write!(
            socket,
            "GET {path} HTTP/1.0\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("it is no answer in HTTP"))?;
        return Ok((status, body.to_owned()));
    }
    Err(failed)
}
