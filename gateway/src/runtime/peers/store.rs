//! The store that gateways tell one another through: Redis or Valkey, one node, behind Sentinels, or a
//! cluster of which one node has it all.
//!
//! Who has the master is asked of a Sentinel, and a node of a cluster says itself who has the keys: both
//! are one more question at the start.

use std::path::Path;
use std::time::Duration;

use keyweir_policy::config::file::{RedisSettings, RedisUrl};
use keyweir_policy::terms::replicas::Replicas;

use super::answer::Value;
use super::door::{self, Door, Target};
use super::resp::Connection;
use super::store_error::StoreError;

/// What is asked of it, as a script.
const SCRIPT: &str = include_str!("exchange.lua");
/// The first major version whose scripts may ask for the time and write.
const VERSION_MIN: u32 = 7;
/// Gateways that are heard: more are not believed to be there.
const WORDS_MAX: usize = Replicas::MAX as usize;
/// Entries of a stream that are read at a time.
const ENTRIES_READ_MAX: usize = 1_000;
/// Entries of each stream that are kept: as many as a gateway remembers.
const ENTRIES_KEPT_MAX: usize = 100_000;

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
    /// When, by the store's clock: milliseconds since 1970; 0: that is not known.
    pub(super) said_at: u64,
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
        let mut host = host.trim_matches(['[', ']']).to_owned();
        let mut port = url.port(is_sentinel);
        let door = Door {
            target,
            url,
            folder,
        };
        if let Some(name) = &settings.sentinel {
            (host, port) = door.ask_sentinel((&host, port), name).await?;
        }
        let mut store = Self::at(&door, host, port).await?;
        match store.look().await {
            Err(StoreError::Elsewhere(host, port)) => {
                // A node that knows no name of its own leaves it out.
                let host = if host.is_empty() { store.host } else { host };
                let mut store = Self::at(&door, host, port).await?;
                store.look().await.map(|()| store)
            }
            looked => looked.map(|()| store),
        }
    }

    /// What is behind `door` at `host`.
    async fn at(door: &Door<'_>, host: String, port: u16) -> Result<Self, StoreError> {
        let connection = door.open(&host, port).await?;
        let address = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let RedisSettings {
            prefix, timeout, ..
        } = &door.target.settings;
        let key = |name: &str| format!("{{{prefix}}}:1:{name}");
        Ok(Self {
            connection,
            host,
            address,
            script: String::new(),
            timeout: *timeout,
            keys: ["alive", "things", "sealed"].map(key),
            spent: key("spent"),
        })
    }

    /// Whether it is one that can be used.
    async fn look(&mut self) -> Result<(), StoreError> {
        check_server(&self.info(b"server").await?)?;
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
        check_role(&self.info(b"replication").await?)
    }

    /// What it says of itself; nothing, where its user may not ask: then what it can do shows.
    async fn info(&mut self, section: &[u8]) -> Result<String, StoreError> {
        match self.ask(&[b"INFO", section]).await {
            Ok(info) => Ok(info.text().unwrap_or_default().to_owned()),
            Err(StoreError::Permission(_)) => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, StoreError> {
        door::ask(&mut self.connection, self.timeout, words).await
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
        words.push(say.said_at.to_string());
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

fn said<'a>(info: &'a str, field: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines.find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim()))
}

fn check_server(info: &str) -> Result<(), StoreError> {
    if said(info, "redis_mode") == Some("sentinel") {
        let text = "is a Sentinel; name the service that it knows in gateway.shared.redis.sentinel";
        return Err(StoreError::Kind(text));
    }
    let version = said(info, "redis_version").unwrap_or_default();
    let major = version
        .split('.')
        .next()
        .and_then(|it| it.parse::<u32>().ok());
    match major {
        Some(major) if major < VERSION_MIN => Err(StoreError::Version(version.to_owned())),
        _ => Ok(()),
    }
}

/// A replica takes nothing down, and another of the addresses may be its master by now.
fn check_role(info: &str) -> Result<(), StoreError> {
    match said(info, "role") {
        Some("slave") => Err(StoreError::ReadOnly("it is a replica".to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_told_from_new_ones() {
        let info = |version: &str| format!("# Server\r\nredis_version:{version}\r\nos:Linux\r\n");
        assert!(check_server(&info("7.0.15")).is_ok());
        assert!(check_server(&info("10.2")).is_ok());
        assert!(check_server("# Server\r\n").is_ok());
        let sentinel = check_server("redis_version:7.0.15\r\nredis_mode:sentinel\r\n");
        assert!(sentinel.is_err());
        assert!(check_role("# Replication\r\nrole:master\r\n").is_ok());
        assert!(check_role("# Replication\r\nrole:slave\r\n").is_err());
        let error = check_server(&info("6.2.14")).expect_err("too old");
        assert_eq!(error.as_str(), "version");
        assert!(error.to_string().contains("6.2.14"));
    }
}
