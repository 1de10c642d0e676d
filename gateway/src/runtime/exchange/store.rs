//! The store that gateways tell one another through: Redis or Valkey, one node, behind Sentinels, or a
//! cluster of which one node has it all.
//!
//! Who has the master is asked of a Sentinel, and a node of a cluster says itself who has the keys: both
//! are one more question at the start.

use std::io;
use std::path::Path;
use std::time::Duration;

use keyweir_policy::config::file::{RedisSettings, RedisUrl};
use keyweir_policy::config::secret::ProviderSecret;
use keyweir_policy::terms::replicas::Replicas;

use super::answer::Value;
use super::resp::Connection;
use crate::runtime::dial::{self, Trust};

/// What is asked of it, as a script.
const SCRIPT: &str = include_str!("exchange.lua");
/// How long a connection may take at least, whatever an answer may: nobody waits for it, and over TLS it
/// is several answers.
const CONNECT_MIN: Duration = Duration::from_secs(1);
/// The first major version whose scripts may ask for the time and write.
const VERSION_MIN: u32 = 7;
/// Gateways that are heard: more are not believed to be there.
const WORDS_MAX: usize = Replicas::MAX as usize;
/// Entries of a stream that are read at a time.
const ENTRIES_READ_MAX: usize = 1_000;
/// Entries of each stream that are kept: as many as a gateway remembers.
const ENTRIES_KEPT_MAX: usize = 100_000;

/// Why nothing was exchanged.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Nobody answers there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("does not answer in time")]
    Slow,
    /// It wants another password, or another user.
    #[error("does not take the password (gateway.shared.redis.password): {0}")]
    Password(String),
    /// It is too old.
    #[error("is version {0}; Redis 7 or later, or Valkey, is needed")]
    Version(String),
    /// It is a replica, or lets nobody write.
    #[error("takes nothing down: {0}")]
    ReadOnly(String),
    /// It has no memory left.
    #[error("is full: {0}")]
    Full(String),
    /// The keys are at another node.
    #[error("sends to {0}:{1}")]
    Elsewhere(String, u16),
    /// Something else.
    #[error("answers with an error: {0}")]
    Other(String),
}

impl StoreError {
    /// One of a bounded set, for metrics and pages.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow => "timeout",
            Self::Password(_) => "password",
            Self::Version(_) => "version",
            Self::ReadOnly(_) => "read_only",
            Self::Full(_) => "full",
            Self::Elsewhere(..) => "moved",
            Self::Other(_) => "error",
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// Characters of what a server says that are told: its sentences are shorter.
const SAID_MAX: usize = 200;

/// What the server says when it refuses: a code in capitals, and more.
fn refused(said: &str) -> StoreError {
    let said: String = said.chars().take(SAID_MAX).collect();
    let code = said.split(' ').next().unwrap_or_default();
    match code {
        "MOVED" => moved(&said).unwrap_or(StoreError::Other(said)),
        "WRONGPASS" | "NOAUTH" | "NOPERM" => StoreError::Password(said),
        "READONLY" | "MISCONF" | "NOREPLICAS" => StoreError::ReadOnly(said),
        "OOM" => StoreError::Full(said),
        "WRONGTYPE" => StoreError::Other(format!(
            "{said}; somebody else writes to keys of this gateway.shared.redis.prefix: delete those, or \
             choose another prefix"
        )),
        "ERR" if said.contains("AUTH") => StoreError::Password(said),
        _ => StoreError::Other(said),
    }
}

/// The same where the question had `password` in it: some servers quote what they do not understand.
fn refused_password(said: &str, password: &str) -> StoreError {
    let quoted = said.find("with args").unwrap_or(said.len());
    refused(&said[..quoted].replace(password, "[redacted]"))
}

/// `MOVED slot host:port`.
fn moved(said: &str) -> Option<StoreError> {
    let (host, port) = said.split(' ').nth(2)?.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Some(StoreError::Elsewhere(host, port.parse().ok()?))
}

/// Where the store is, and what is shown there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) settings: RedisSettings,
    pub(super) password: Option<ProviderSecret>,
}

/// A connection to the store.
pub(super) struct Store {
    connection: Connection,
    host: String,
    /// `host:port`.
    pub(super) address: String,
    /// What the server calls the script.
    script: String,
    timeout: Duration,
    keys: [String; 3],
    spent: String,
}

/// What is said.
#[derive(Debug, Default)]
pub(super) struct Say<'a> {
    pub(super) process: u64,
    /// The number of this word.
    pub(super) number: u64,
    pub(super) word: &'a str,
    /// After how long a gateway that says nothing is gone.
    pub(super) expires: Duration,
    /// What was spent is wanted.
    pub(super) is_new: bool,
    /// Where the streams were read to.
    pub(super) read_to: [&'a str; 2],
    /// What goes into the streams.
    pub(super) entries: [&'a [String]; 2],
    pub(super) periods: &'a [Spent],
}

/// What was spent of budgets in a period, as fields of a hash and their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    /// Seconds since 1970.
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) fields: Vec<(String, String)>,
}

/// What is heard.
#[derive(Debug)]
pub(super) struct Hear {
    /// The store's clock: milliseconds since 1970.
    pub(super) at: u64,
    /// The number of the last word of ours that the store had; 0: none.
    pub(super) before: u64,
    /// The processes of the others, how old their words are in milliseconds, and those.
    pub(super) words: Vec<(u64, u64, String)>,
    /// What the streams have, with the names of their entries.
    pub(super) entries: [Vec<(String, Vec<String>)>; 2],
    /// In the order of [`Say::periods`].
    pub(super) spent: Vec<Vec<(String, String)>>,
}

impl Store {
    /// The first that answers of those that `target` names; relative paths start at `folder`.
    pub(super) async fn connect(target: &Target, folder: &Path) -> Result<Self, StoreError> {
        let mut first = None;
        for url in &target.settings.urls {
            match Self::connect_to(target, url, folder).await {
                Ok(store) => return Ok(store),
                // What the first says is what the operator meant to use.
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| StoreError::Unreachable("there is no address".to_owned())))
    }

    async fn connect_to(
        target: &Target,
        url: &RedisUrl,
        folder: &Path,
    ) -> Result<Self, StoreError> {
        let settings = &target.settings;
        let is_sentinel = settings.sentinel.is_some();
        let host = url.host.to_string();
        let host = host.trim_matches(['[', ']']).to_owned();
        let mut place = (host, url.port(is_sentinel));
        let door = Door {
            target,
            url,
            folder,
        };
        if let Some(name) = &settings.sentinel {
            place = door.ask_sentinel(place, name).await?;
        }
        let mut store = door.open(place).await?;
        match store.look().await {
            Err(StoreError::Elsewhere(host, port)) => {
                // A node that knows no name of its own leaves it out.
                let host = if host.is_empty() { store.host } else { host };
                let mut store = door.open((host, port)).await?;
                store.look().await.map(|()| store)
            }
            looked => looked.map(|()| store),
        }
    }

    /// Whether it is one that can be used.
    async fn look(&mut self) -> Result<(), StoreError> {
        match self.ask(&[b"INFO", b"server"]).await {
            Ok(info) => check_version(info.text().unwrap_or_default())?,
            // Its user may not ask; then what it can shows.
            Err(StoreError::Password(said)) if said.starts_with("NOPERM") => {}
            Err(error) => return Err(error),
        }
        // Of a cluster, another node may have the keys.
        let key = self.keys[0].clone();
        self.ask(&[b"EXISTS", key.as_bytes()]).await?;
        let loaded = self.ask(&[b"SCRIPT", b"LOAD", SCRIPT.as_bytes()]).await?;
        let Some(script) = loaded.text() else {
            return Err(StoreError::Other(
                "it has no name for the script".to_owned(),
            ));
        };
        script.clone_into(&mut self.script);
        Ok(())
    }

    async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, StoreError> {
        ask(&mut self.connection, self.timeout, words).await
    }

    /// Says and hears, in one question. After an error the connection is of no use any more.
    pub(super) async fn exchange(&mut self, say: &Say<'_>) -> Result<Hear, StoreError> {
        let keys = self.keys.iter().cloned();
        let of_period = |it: &Spent| format!("{}:{}:{}", self.spent, it.begin, it.end);
        let keys: Vec<String> = keys.chain(say.periods.iter().map(of_period)).collect();
        let mut words = vec!["EVALSHA".to_owned(), self.script.clone()];
        words.push(keys.len().to_string());
        words.extend(keys);
        words.extend([say.process.to_string(), say.number.to_string()]);
        words.push(say.word.to_owned());
        words.push(say.expires.as_millis().to_string());
        words.push(u8::from(say.is_new).to_string());
        words.extend(say.read_to.map(str::to_owned));
        words.extend([ENTRIES_KEPT_MAX, ENTRIES_READ_MAX].map(|it| it.to_string()));
        for entries in say.entries {
            words.push(entries.len().to_string());
            words.extend(entries.iter().cloned());
        }
        for period in say.periods {
            words.push(kept_until(period).to_string());
            words.push(period.fields.len().to_string());
            for (field, value) in &period.fields {
                words.extend([field.clone(), value.clone()]);
            }
        }
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        let answer = self.ask(&words).await?;
        heard(&answer).ok_or_else(|| StoreError::Other("with something else".to_owned()))
    }
}

async fn ask(
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

/// The script's answer: see there.
fn heard(answer: &Value) -> Option<Hear> {
    let [at, before, words, things, sealed, spent] = answer.list()? else {
        return None;
    };
    let number = |value: &Value| u64::try_from(value.number()?).ok();
    let word = |parts: &[Value]| {
        let [process, age, word] = parts else {
            return None;
        };
        let process = process.text()?.parse().ok()?;
        Some((process, number(age)?, word.text()?.to_owned()))
    };
    let entry = |entry: &Value| {
        let [name, fields] = entry.list()? else {
            return None;
        };
        let fields = fields.list()?.iter().filter_map(Value::text);
        Some((name.text()?.to_owned(), fields.map(str::to_owned).collect()))
    };
    let entries = |stream: &Value| Some(stream.list()?.iter().filter_map(entry).collect());
    let field = |pair: &[Value]| {
        let [field, value] = pair else { return None };
        Some((field.text()?.to_owned(), value.text()?.to_owned()))
    };
    let of_period = |hash: &Value| Some(hash.list()?.chunks(2).filter_map(field).collect());
    let words = words.list()?.chunks(3).filter_map(word);
    let mut words: Vec<_> = words.take(WORDS_MAX).collect();
    // Each process once.
    words.sort_unstable_by_key(|(process, ..)| *process);
    words.dedup_by_key(|(process, ..)| *process);
    Some(Hear {
        at: number(at)?,
        before: number(before)?,
        words,
        entries: [entries(things)?, entries(sealed)?],
        spent: spent.list()?.iter().filter_map(of_period).collect(),
    })
}

/// Milliseconds since 1970. Clocks may be a little apart, and somebody may look back.
fn kept_until(period: &Spent) -> i64 {
    const DAY_SECS: i64 = 24 * 3600;
    period.end.saturating_add(DAY_SECS).saturating_mul(1_000)
}

fn check_version(info: &str) -> Result<(), StoreError> {
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.unwrap_or_default().trim();
    let major = version
        .split('.')
        .next()
        .and_then(|it| it.parse::<u32>().ok());
    match major {
        Some(major) if major < VERSION_MIN => Err(StoreError::Version(version.to_owned())),
        _ => Ok(()),
    }
}

/// How connections are made.
struct Door<'a> {
    target: &'a Target,
    url: &'a RedisUrl,
    folder: &'a Path,
}

impl Door<'_> {
    async fn open(&self, (host, port): (String, u16)) -> Result<Store, StoreError> {
        let Target { settings, password } = self.target;
        let mut connection = self.connect(&host, port).await?;
        let within = settings.timeout;
        if let Some(password) = password {
            let username = settings.username.as_deref().unwrap_or("default");
            let shown = [username, password.expose()];
            let words = [b"AUTH", shown[0].as_bytes(), shown[1].as_bytes()];
            if let Value::Refusal(said) = answer(&mut connection, within, &words).await? {
                return Err(refused_password(&said, password.expose()));
            }
        }
        if self.url.database > 0 {
            let number = self.url.database.to_string();
            ask(&mut connection, within, &[b"SELECT", number.as_bytes()]).await?;
        }
        let address = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let key = |name: &str| format!("{{{}}}:1:{name}", settings.prefix);
        Ok(Store {
            connection,
            host,
            address,
            script: String::new(),
            timeout: within,
            keys: ["alive", "things", "sealed"].map(key),
            spent: key("spent"),
        })
    }

    /// Where the master of `name` is, as the Sentinel at `place` knows it.
    async fn ask_sentinel(
        &self,
        (host, port): (String, u16),
        name: &str,
    ) -> Result<(String, u16), StoreError> {
        let mut connection = self.connect(&host, port).await?;
        let words: [&[u8]; 3] = [b"SENTINEL", b"get-master-addr-by-name", name.as_bytes()];
        let answer = ask(&mut connection, self.target.settings.timeout, &words).await?;
        let master = answer.list().and_then(|parts| {
            let [host, port] = parts else { return None };
            Some((host.text()?.to_owned(), port.text()?.parse().ok()?))
        });
        let unknown = || StoreError::Other(format!("the Sentinel knows no service \"{name}\""));
        master.ok_or_else(unknown)
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Connection, StoreError> {
        let settings = &self.target.settings;
        let ca_file = settings.ca_file.as_ref().map(|path| self.folder.join(path));
        let trust = match (self.url.tls, &ca_file) {
            (false, _) => Trust::Clear,
            (true, None) => Trust::System,
            (true, Some(path)) => Trust::File(path),
        };
        let within = settings.timeout.max(CONNECT_MIN);
        let connected = tokio::time::timeout(within, dial::connect(host, port, trust)).await;
        let socket = connected.map_err(|_| StoreError::Slow)?;
        socket
            .map(Connection::over)
            .map_err(StoreError::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_told_from_new_ones() {
        let info = |version: &str| format!("# Server\r\nredis_version:{version}\r\nos:Linux\r\n");
        assert!(check_version(&info("7.0.15")).is_ok());
        assert!(check_version(&info("10.2")).is_ok());
        assert!(check_version("# Server\r\n").is_ok());
        let error = check_version(&info("6.2.14")).expect_err("too old");
        assert_eq!(error.as_str(), "version");
        assert!(error.to_string().contains("6.2.14"));
    }

    #[test]
    fn refusals_are_told_apart_by_their_codes() {
        for (said, kind) in [
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                "password",
            ),
            ("NOAUTH Authentication required.", "password"),
            (
                "ERR AUTH <password> called without any password configured",
                "password",
            ),
            (
                "READONLY You can't write against a read only replica.",
                "read_only",
            ),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                "full",
            ),
            ("MOVED 866 127.0.0.1:7001", "moved"),
            ("MOVED nonsense", "error"),
            ("WRONGTYPE Operation against a key", "error"),
            ("NOSCRIPT No matching script.", "error"),
            ("", "error"),
        ] {
            assert_eq!(refused(said).as_str(), kind, "{said}");
        }
        let Some(StoreError::Elsewhere(host, port)) = moved("MOVED 1 :7001") else {
            panic!("it says where");
        };
        assert_eq!((host.as_str(), port), ("", 7001));
    }

    #[test]
    fn what_a_server_says_is_told_in_part_and_without_the_password() {
        let long = format!("ERR {}", "\u{fc}".repeat(1_000_000));
        assert!(refused(&long).to_string().len() < 1_000);
        for said in [
            "ERR unknown command 'AUTH', with args beginning with: 'default' 's3cret-of-red",
            "WRONGPASS s3cret-of-redis is not it",
        ] {
            let told = refused_password(said, "s3cret-of-redis").to_string();
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
