//! Notices when the policy's files change, or the secrets, certificates and roots that it names.
//!
//! Folders are watched, not files: editors and Kubernetes put new files in the place of old ones
//! (Kubernetes by swapping the link `..data`), and a watched file that is replaced is watched no more.
//! An event only says that it is time to look. What is looked at is what the system tells of each
//! file, which also catches changes of which no event comes (network file systems, too many
//! watches): then by and by, every [`LOOK_EVERY`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::runtime::ledger::FILE;
use crate::runtime::look::Look;
use crate::runtime::policy_files::files_at;
use crate::runtime::reload::{Reloader, Trigger};

/// How long nothing may happen before what has happened is looked at: files are written in pieces.
const SETTLE: Duration = Duration::from_millis(250);

/// How long that may be put off by more events.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How often is looked without an event.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Follows the files of `reloader` until that is dropped. Must be called on a runtime.
pub(crate) fn start(reloader: &Arc<Reloader>) {
    if !reloader.files().is_empty() {
        tokio::spawn(keep(Arc::downgrade(reloader)));
    }
}

async fn keep(reloader: Weak<Reloader>) {
    let (mut watched, mut events) = Watched::new();
    let mut seen = None;
    loop {
        let Some(reloader) = reloader.upgrade() else {
            return;
        };
        let other_files = reloader.other_files().await;
        let looks = tokio::task::block_in_place(|| {
            let files = watched_files(reloader.files(), other_files);
            watched.follow(&files);
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
        drop(reloader);
        let next_look = Instant::now() + LOOK_EVERY;
        let alarm = due.map_or(next_look, |due| due.min(next_look));
        tokio::select! {
            Some(()) = events.recv() => settle(&mut events).await,
            () = tokio::time::sleep_until(alarm) => {}
        }
    }
}

/// Waits until nothing more happens.
async fn settle(events: &mut mpsc::Receiver<()>) {
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

/// The folders that are watched.
struct Watched {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

impl Watched {
    /// None yet; and where their events come.
    fn new() -> (Self, mpsc::Receiver<()>) {
        // One is enough: it says that it is time to look.
        let (sender, events) = mpsc::channel(1);
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(event.kind) && !is_ledger(&event)) {
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(on_event);
        if let Err(error) = &watcher {
            tell(error);
        }
        let watched = Self {
            watcher: watcher.ok(),
            folders: BTreeSet::new(),
        };
        (watched, events)
    }

    /// Watches the folders of `files`, and no others.
    fn follow(&mut self, files: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders(file)).collect();
        for folder in self.folders.difference(&folders) {
            let _ = watcher.unwatch(folder);
        }
        for folder in folders.difference(&self.folders) {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tell(&error);
            }
        }
        self.folders = folders;
    }
}

/// The folder that a file is in, and that it really is in. A folder stands for itself.
fn folders(file: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = |path: &Path| {
        if path.is_dir() {
            return Some(path.to_path_buf());
        }
        let parent = path.parent()?;
        let is_here = parent.as_os_str().is_empty();
        let parent = if is_here { Path::new(".") } else { parent };
        parent.is_dir().then(|| parent.to_path_buf())
    };
    let real = std::fs::canonicalize(file).ok();
    [folder(file), real.and_then(|real| folder(&real))]
        .into_iter()
        .flatten()
}

/// Whether something may be another than before. Our own reading is told of, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The ledger may lie beside the policy, and is written twice a second.
fn is_ledger(event: &Event) -> bool {
    let mut paths = event.paths.iter();
    !event.paths.is_empty() && paths.all(|path| path.file_name() == Some(FILE.as_ref()))
}

fn tell(error: &notify::Error) {
    tracing::warn!(
        %error,
        "changes of the policy's files may be noticed late, within {LOOK_EVERY:?}"
    );
}
