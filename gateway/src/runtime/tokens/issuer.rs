//! An issuer and the keys that it publishes: in a file, which is read whenever files are looked at, or
//! at an address, which is asked from time to time and when a token names a key that is not known.
//!
//! The gateway starts without them. Whether those that it has still count where new ones cannot be had,
//! and when they are asked for, [`Freshness`] says.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use keyweir_policy::config::file::{JwtKeys, JwtSettings};
use keyweir_policy::tenancy::token::Rules;
use keyweir_policy::tenancy::token::freshness::{Freshness, Unknown, asked_again};
use keyweir_policy::tenancy::token::keys::{BYTES_MAX, Keys};
use keyweir_policy::terms::time::Time;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::fetch;
use crate::runtime::clock::Clock;
use crate::runtime::regular_file;

/// An issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    settings: JwtSettings,
    folder: PathBuf,
    clock: Clock,
    published: ArcSwapOption<Published>,
    state: Mutex<State>,
    wanted: Arc<Notify>,
}

/// What is known of what an issuer publishes.
#[derive(Debug)]
struct State {
    freshness: Freshness,
    edition: u64,
    read: Option<SystemTime>,
    failures: u64,
    /// What is wrong with what it publishes now.
    error: Option<String>,
}

/// What an issuer publishes.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) keys: Keys,
    /// Another number for other keys.
    pub(super) edition: u64,
}

/// What operators are told of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerView {
    /// Its name: `iss`.
    pub(crate) issuer: String,
    /// How many keys of its count.
    pub(crate) keys: usize,
    /// When they were last read.
    pub(crate) read: Option<SystemTime>,
    /// How often they could not be.
    pub(crate) failures: u64,
    /// Why they cannot be read now.
    pub(crate) error: Option<String>,
    /// Whether those that were read count.
    pub(crate) is_usable: bool,
}

impl IssuerView {
    /// What is wrong, in a sentence.
    pub(crate) fn trouble(&self) -> Option<String> {
        let Self {
            issuer,
            error,
            is_usable,
            read,
            ..
        } = self;
        let then = match (is_usable, read) {
            (true, _) => "those it had are kept for now",
            (false, None) => "its tokens are refused until they are",
            (false, Some(_)) => "those it had count no more, and its tokens are refused",
        };
        let why = error.as_ref()?;
        Some(format!(
            "signing keys of issuer {issuer} are unavailable: {why}; {then}"
        ))
    }
}

impl Issuer {
    /// Reads its keys, or has them asked for until it is dropped.
    pub(super) fn start(settings: JwtSettings, folder: &Path) -> Arc<Self> {
        let state = State {
            freshness: Freshness::new(settings.keys_kept),
            edition: 0,
            read: None,
            failures: 0,
            error: None,
        };
        let issuer = Arc::new(Self {
            settings,
            folder: folder.to_path_buf(),
            clock: Clock::start(),
            published: ArcSwapOption::empty(),
            state: Mutex::new(state),
            wanted: Arc::default(),
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

    /// Its keys, if they are there and count; or else when they may be.
    pub(super) fn published(&self) -> Result<Arc<Published>, Duration> {
        let now = self.clock.now();
        let freshness = &self.state.lock().freshness;
        let published = self
            .published
            .load_full()
            .filter(|_| freshness.is_usable(now));
        published.ok_or_else(|| freshness.wait(now))
    }

    /// What is known of a key that its are not. Has its keys asked for if that may be.
    pub(super) fn unknown(&self, key: &str) -> Unknown {
        // A file is read when it changes.
        if matches!(self.settings.keys, JwtKeys::File(_)) {
            return Unknown::NotPublished;
        }
        let (unknown, is_earlier) = self.state.lock().freshness.unknown(key, self.clock.now());
        if is_earlier {
            self.wanted.notify_one();
        }
        unknown
    }

    /// What operators are told of it.
    pub(super) fn view(&self) -> IssuerView {
        let state = self.state.lock();
        let is_usable = state.freshness.is_usable(self.clock.now());
        let published = self.published.load_full().filter(|_| is_usable);
        IssuerView {
            issuer: self.settings.rules.issuer.clone(),
            keys: published.map_or(0, |published| published.keys.len()),
            read: state.read,
            failures: state.failures,
            error: state.error.clone(),
            is_usable,
        }
    }

    /// Has its keys asked for, if they are at an address.
    pub(super) fn ask_anew(&self) {
        self.state.lock().freshness.hurry(self.clock.now());
        self.wanted.notify_one();
    }

    /// Reads its file anew, if it has one.
    pub(super) fn reread(&self) {
        if let JwtKeys::File(path) = &self.settings.keys {
            let began = self.clock.now();
            self.take(began, read_file(&self.folder.join(path)), None);
        }
    }

    /// Asks for its keys.
    async fn ask(&self) {
        let began = self.clock.now();
        self.state.lock().freshness.begins(began);
        let keys = ask(&self.settings, &self.folder).await;
        let next = asked_again(keys.is_ok(), self.settings.refresh);
        self.take(began, keys, Some(self.clock.now() + next));
    }

    /// How long it is until its keys are to be asked for.
    fn due(&self) -> Duration {
        let due = self.state.lock().freshness.due(self.clock.now());
        // Before the first question there is no next one.
        due.unwrap_or_default()
    }

    /// From now on these are its keys; or it keeps those it has, for a while.
    fn take(&self, began: Time, keys: Result<Keys, String>, next: Option<Time>) {
        let issuer = &self.settings.rules.issuer;
        let mut state = self.state.lock();
        let keys = match keys {
            Ok(keys) => keys,
            Err(why) => {
                state.freshness.failed(self.clock.now(), next);
                state.failures += 1;
                let is_new = state.error.as_ref() != Some(&why);
                state.error = Some(why);
                drop(state);
                if let Some(trouble) = self.view().trouble().filter(|_| is_new) {
                    tracing::error!("{trouble}");
                }
                return;
            }
        };
        state.error = None;
        state.read = Some(SystemTime::now());
        let before = self.published.load_full();
        let gone = before.as_ref().map(|before| before.keys.gone(&keys));
        state
            .freshness
            .answered(began, gone.unwrap_or_default(), next);
        if before.as_ref().is_some_and(|before| before.keys == keys) {
            return;
        }
        if keys.is_empty() {
            tracing::warn!(
                "issuer {issuer} publishes no key for signatures that are accepted (RSA of 2048 bits or \
                 more, P-256, P-384, Ed25519): all its tokens are refused"
            );
        } else {
            tracing::info!("issuer {issuer} has {} keys for tokens", keys.len());
        }
        state.edition += 1;
        let edition = state.edition;
        self.published
            .store(Some(Arc::new(Published { keys, edition })));
    }
}

/// The keys of an issuer that is at an address, as it is asked now; in words, why there are none.
pub(super) async fn ask(settings: &JwtSettings, folder: &Path) -> Result<Keys, String> {
    let JwtKeys::Url(url) = &settings.keys else {
        return Err("it has no address".to_owned());
    };
    let ca_file = settings.ca_file.as_ref().map(|path| folder.join(path));
    let fetched = fetch::fetch(url, ca_file.as_deref()).await;
    let keys = fetched.and_then(|text| Keys::read(&text).map_err(|error| error.to_string()));
    keys.map_err(|error| format!("{url}: {error}"))
}

/// The keys in the file at `path`; in words, why there are none.
pub(super) fn read_file(path: &Path) -> Result<Keys, String> {
    let text = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Keys::read(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Asks an issuer for its keys as long as it is there.
async fn keep(issuer: Weak<Issuer>) {
    while let Some(there) = issuer.upgrade() {
        let due = there.due();
        if due.is_zero() {
            there.ask().await;
            continue;
        }
        // Not held while waiting, so that it can go.
        let wanted = Arc::clone(&there.wanted);
        drop(there);
        tokio::select! {
            () = wanted.notified() => {}
            () = tokio::time::sleep(due) => {}
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
