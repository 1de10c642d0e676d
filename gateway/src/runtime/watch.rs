//! Notices when the policy's files change, or the secrets, certificates and roots that it names.
//!
//! Folders are watched, not files: editors and Kubernetes put new files in the place of old ones
//! (Kubernetes by swapping the link `..data`), and a watched file that is replaced is watched no more
//! ([`crate::runtime::watched`]). An event only says that it is time to look. What is looked at is what
//! the system tells of each file, which also catches changes of which no event comes (network file
//! systems, too many watches): then every [`LOOK_EVERY`]. Nothing is looked at while a file is being written
//! ([`crate::runtime::writing`]).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::runtime::look::Look;
use crate::runtime::policy_files::files_at;
use crate::runtime::reload::{Reloader, Trigger};
use crate::runtime::watched::Watched;

/// How long nothing may happen before what has happened is looked at: files are written in pieces.
const SETTLE: Duration = Duration::from_millis(250);

/// How long that may be put off by more events: what changed first is to be in use within a second, also
/// where ten thousand secrets are replaced one after the other.
const SETTLE_MAX: Duration = Duration::from_millis(500);

/// How long a file that is written on and on is waited for: it may be one that never ends.
const WRITTEN_MAX: Duration = Duration::from_secs(30);

/// How often is looked without an event.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Follows the files of `reloader` until that is dropped. Must be called on a runtime.
pub(crate) fn start(reloader: &Arc<Reloader>) {
    if !reloader.files().is_empty() {
        tokio::spawn(keep(Arc::downgrade(reloader)));
    }
}

async fn keep(reloader: Weak<Reloader>) {
    let (mut watched, mut events) = Watched::new(tell);
    let mut seen = None;
    loop {
        if watched.whole_at().is_some() {
            settle(&mut events, &watched).await;
        }
        let Some(reloader) = reloader.upgrade() else {
            return;
        };
        let other_files = reloader.other_files().await;
        let looks = tokio::task::block_in_place(|| {
            let files = watched_files(reloader.files(), other_files);
            watched.follow(&files, is_of_policy, tell);
            files.iter().map(|path| Look::at(path)).collect::<Vec<_>>()
        });
        let due = reloader.next_due().await.map(Instant::from_std);
        let is_due = due.is_some_and(|due| due <= Instant::now());
        // The first time, because the files may have changed before they were watched.
        if is_due || seen.as_ref() != Some(&looks) {
            seen = Some(looks);
            reloader.reload(Trigger::Change).await;
            continue;
        }
        let news = reloader.news().await;
        drop(reloader);
        let next_look = Instant::now() + LOOK_EVERY;
        let alarm = due.map_or(next_look, |due| due.min(next_look));
        tokio::select! {
            Some(()) = events.recv() => settle(&mut events, &watched).await,
            () = news.notified() => {}
            () = tokio::time::sleep_until(alarm) => {}
        }
    }
}

/// Waits until nothing more happens, and all files are whole.
async fn settle(events: &mut mpsc::Receiver<()>, watched: &Watched) {
    let until = Instant::now() + WRITTEN_MAX;
    loop {
        until_quiet(events).await;
        match watched.whole_at() {
            Some(whole_at) if Instant::now() < until => {
                // The next piece, or the end.
                let _ = tokio::time::timeout_at(whole_at.into(), events.recv()).await;
            }
            _ => return,
        }
    }
}

/// Waits until nothing more happens, for a while.
async fn until_quiet(events: &mut mpsc::Receiver<()>) {
    let until = Instant::now() + SETTLE_MAX;
    while Instant::now() < until {
        if tokio::time::timeout(SETTLE, events.recv()).await.is_err() {
            return;
        }
    }
}

/// All files whose change is to be noticed, and folders whose files may become more.
fn watched_files(policy: &[PathBuf], others: Vec<PathBuf>) -> BTreeSet<PathBuf> {
    let mut files: BTreeSet<PathBuf> = others.into_iter().collect();
    for path in policy {
        files.insert(path.clone());
        files.extend(files_at(path).unwrap_or_default());
    }
    files
}

/// Whether a file of this name in the policy's folder is one of the policy's.
fn is_of_policy(name: &OsStr) -> bool {
    let is_hidden = name.as_encoded_bytes().starts_with(b".");
    !is_hidden && Path::new(name).extension().is_some_and(|it| it == "toml")
}

fn tell(error: &notify::Error) {
    tracing::warn!(
        %error,
        "changes of the policy's files may be noticed late, within {LOOK_EVERY:?}"
    );
}
