//! How a connection to the store is made: over TLS or not, with its password, to the database that the
//! policy names, and by a Sentinel where that knows who has the master.

use std::path::Path;
use std::time::Duration;

use keyweir_policy::config::file::{ClientCertificate, RedisSettings, RedisUrl};
use keyweir_policy::config::secret::ProviderSecret;

use super::answer::Value;
use super::resp::Connection;
use super::store_error::{StoreError, refused, refused_password};
use crate::runtime::dial::{self, Tls};
use crate::runtime::secrets::OfRedis;

/// How long a connection may take at least, whatever an answer may: nobody waits for it, and over TLS it
/// is several answers.
const CONNECT_MIN: Duration = Duration::from_secs(1);

/// Where the store is, and what is shown there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) settings: RedisSettings,
    pub(super) secrets: OfRedis,
}

/// How connections are made.
pub(super) struct Door<'a> {
    pub(super) target: &'a Target,
    pub(super) url: &'a RedisUrl,
    pub(super) folder: &'a Path,
}

impl Door<'_> {
    /// Opens a connection to `host`, and shows there what it wants to see.
    ///
    /// # Errors
    /// If nobody answers there, or takes what is shown.
    pub(super) async fn open(&self, host: &str, port: u16) -> Result<Connection, StoreError> {
        let Target { settings, secrets } = self.target;
        let mut connection = self.connect(host, port).await?;
        let within = settings.timeout;
        if let Some(password) = &secrets.password {
            let who = (settings.username.as_deref(), password);
            show(&mut connection, within, who).await?;
        }
        if self.url.database > 0 {
            let number = self.url.database.to_string();
            ask(&mut connection, within, &[b"SELECT", number.as_bytes()]).await?;
        }
        Ok(connection)
    }

    /// Where the master of `name` is, as the Sentinel at `host` knows it.
    ///
    /// # Errors
    /// If nobody answers there, or does not know it.
    pub(super) async fn ask_sentinel(
        &self,
        (host, port): (&str, u16),
        name: &str,
    ) -> Result<(String, u16), StoreError> {
        let Target { settings, secrets } = self.target;
        let mut connection = self.connect(host, port).await?;
        let within = settings.timeout;
        if let Some(password) = &secrets.sentinel_password {
            let who = (settings.sentinel_username.as_deref(), password);
            let shown = show(&mut connection, within, who).await;
            shown.map_err(StoreError::of_sentinel)?;
        }
        let words: [&[u8]; 3] = [b"SENTINEL", b"get-master-addr-by-name", name.as_bytes()];
        let answer = ask(&mut connection, within, &words).await;
        let answer = answer.map_err(StoreError::of_sentinel)?;
        let master = answer.list().and_then(|parts| {
            let [host, port] = parts else { return None };
            Some((host.text()?.to_owned(), port.text()?.parse().ok()?))
        });
        let unknown = || StoreError::Other(format!("the Sentinel knows no service \"{name}\""));
        master.ok_or_else(unknown)
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Connection, StoreError> {
        let settings = &self.target.settings;
        let tls = self.url.tls.then(|| tls(settings, self.folder));
        let within = settings.timeout.max(CONNECT_MIN);
        let connected = dial::connect(host, port, tls.as_ref());
        let connected = tokio::time::timeout(within, connected).await;
        let socket = connected.map_err(|_| match tls {
            Some(_) => StoreError::SlowHandshake,
            None => StoreError::Slow,
        })?;
        socket
            .map(Connection::over)
            .map_err(StoreError::Unreachable)
    }
}

/// What secures connections to servers that are reached over TLS; relative paths start at `folder`.
pub(super) fn tls(settings: &RedisSettings, folder: &Path) -> Tls {
    let certificate = settings.certificate.as_ref();
    Tls {
        ca_file: settings.ca_file.as_ref().map(|path| folder.join(path)),
        certificate: certificate.map(|it| ClientCertificate {
            cert_file: folder.join(&it.cert_file),
            key_file: folder.join(&it.key_file),
        }),
    }
}

/// Shows who one says to be, and the password.
async fn show(
    connection: &mut Connection,
    within: Duration,
    (username, password): (Option<&str>, &ProviderSecret),
) -> Result<(), StoreError> {
    let username = username.unwrap_or("default");
    let password = password.expose();
    let words = [b"AUTH", username.as_bytes(), password.as_bytes()];
    match answer(connection, within, &words).await? {
        Value::Refusal(said) => Err(refused_password(&said, password)),
        _ => Ok(()),
    }
}

/// Asks one question, and waits for its answer for so long.
///
/// # Errors
/// If there is none in time, or it is a refusal.
pub(super) async fn ask(
    connection: &mut Connection,
    within: Duration,
    words: &[&[u8]],
) -> Result<Value, StoreError> {
    match answer(connection, within, words).await? {
        Value::Refusal(said) => Err(refused(&said)),
        answer => Ok(answer),
    }
}

async fn answer(
    connection: &mut Connection,
    within: Duration,
    words: &[&[u8]],
) -> Result<Value, StoreError> {
    let answer = tokio::time::timeout(within, connection.ask(words)).await;
    Ok(answer.map_err(|_| StoreError::Slow)??)
}
