//! An issuer and the keys that it publishes: in a file, which is read whenever files are looked at, or
//! at an address, which is asked from time to time and when a token names a key that is not known.
//!
//! The gateway starts without them, and keeps those it has where new ones cannot be had.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use keyweir_policy::config::file::{JwtKeys, JwtSettings};
use keyweir_policy::tenancy::token::Rules;
use keyweir_policy::tenancy::token::keys::{BYTES_MAX, Keys};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::fetch;
use crate::runtime::regular_file;

/// How often a key that is not known has the issuer asked anew, at most: anybody can name one.
const ASKED_EVERY: Duration = Duration::from_secs(30);
/// How soon is asked again where there was no answer that could be used.
const RETRIED_AFTER: Duration = Duration::from_secs(10);

/// An issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    settings: JwtSettings,
    folder: PathBuf,
    published: ArcSwapOption<Published>,
    editions: AtomicU64,
    /// What is wrong with what it publishes now, as far as it was told.
    told: Mutex<Option<String>>,
    asked_anew: Mutex<Option<Instant>>,
    wanted: Notify,
}

/// What an issuer publishes.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) keys: Keys,
    /// Another number for other keys.
    pub(super) edition: u64,
}

impl Issuer {
    /// Reads its keys, or has them asked for until it is dropped.
    pub(super) fn start(settings: JwtSettings, folder: &Path) -> Arc<Self> {
        let issuer = Arc::new(Self {
            settings,
            folder: folder.to_path_buf(),
            published: ArcSwapOption::empty(),
            editions: AtomicU64::new(0),
            told: Mutex::default(),
            asked_anew: Mutex::default(),
            wanted: Notify::new(),
        });
        match &issuer.settings.keys {
            JwtKeys::File(_) => issuer.reread(),
            JwtKeys::Url(_) => {
                tokio::spawn(keep(Arc::downgrade(&issuer)));
            }
        }
        issuer
    }

    /// Whether it is the one that `settings` describe.
    pub(super) fn is(&self, settings: &JwtSettings, folder: &Path) -> bool {
        self.settings == *settings && self.folder == folder
    }

    /// What its tokens must say.
    pub(super) const fn rules(&self) -> &Rules {
        &self.settings.rules
    }

    /// Its keys, if they are there.
    pub(super) fn published(&self) -> Option<Arc<Published>> {
        self.published.load_full()
    }

    /// Which of its key sets is in use.
    pub(super) fn edition(&self) -> u64 {
        self.editions.load(Ordering::Acquire)
    }

    /// Has its keys asked for now, if that may be. `true`: they may be there soon.
    pub(super) fn ask_anew(&self) -> bool {
        if matches!(self.settings.keys, JwtKeys::File(_)) {
            return false;
        }
        let mut asked = self.asked_anew.lock();
        if asked.is_some_and(|at| at.elapsed() < ASKED_EVERY) {
            return false;
        }
        *asked = Some(Instant::now());
        self.wanted.notify_one();
        true
    }

    /// Reads its file anew, if it has one.
    pub(super) fn reread(&self) {
        if let JwtKeys::File(path) = &self.settings.keys {
            let path = self.folder.join(path);
            let text = read(&path).map_err(|error| format!("{}: {error}", path.display()));
            self.take(text.and_then(|text| {
                let keys = Keys::read(&text);
                keys.map_err(|error| format!("{}: {error}", path.display()))
            }));
        }
    }

    /// Asks for its keys. `false`: there are none to be had.
    async fn ask(&self) -> bool {
        let JwtKeys::Url(url) = &self.settings.keys else {
            return false;
        };
        let ca_file = self.settings.ca_file.as_ref();
        let ca_file = ca_file.map(|path| self.folder.join(path));
        let fetched = fetch::fetch(url, ca_file.as_deref()).await;
        let keys = fetched.and_then(|text| Keys::read(&text).map_err(|error| error.to_string()));
        let keys = keys.map_err(|error| format!("{url}: {error}"));
        let is_good = keys.is_ok();
        self.take(keys);
        is_good
    }

    /// From now on these are its keys; or it keeps those it has.
    fn take(&self, keys: Result<Keys, String>) {
        let issuer = &self.settings.rules.issuer;
        let mut told = self.told.lock();
        let keys = match keys {
            Ok(keys) => keys,
            Err(why) => {
                if told.as_ref() != Some(&why) {
                    let kept = self.published.load().is_some();
                    let then = if kept {
                        "those it has are kept"
                    } else {
                        "its tokens are refused until they are"
                    };
                    tracing::error!("keys of issuer {issuer} are not there: {why}; {then}");
                }
                *told = Some(why);
                return;
            }
        };
        *told = None;
        let before = self.published.load();
        if before.as_ref().is_some_and(|before| before.keys == keys) {
            return;
        }
        tracing::info!("issuer {issuer} has {} keys for tokens", keys.len());
        let edition = self.editions.load(Ordering::Acquire) + 1;
        self.published
            .store(Some(Arc::new(Published { keys, edition })));
        self.editions.store(edition, Ordering::Release);
    }
}

/// Asks an issuer for its keys as long as it is there.
async fn keep(issuer: Weak<Issuer>) {
    loop {
        let Some(there) = issuer.upgrade() else {
            return;
        };
        let is_good = there.ask().await;
        let next = if is_good {
            there.settings.refresh
        } else {
            RETRIED_AFTER
        };
        let alarm = tokio::time::sleep(next);
        tokio::select! {
            () = there.wanted.notified() => {}
            () = alarm => {}
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = regular_file::open(path)?;
    // One byte more shows that it is too large.
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
