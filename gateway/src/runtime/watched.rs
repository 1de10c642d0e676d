//! The folders in which something may change that leads to a file, and which of their names do.
//!
//! *Every name on the way counts:* the file, the folders that it is in, and each link that is followed. So
//! nobody has to care what is replaced: the file, its folder (`mv new policy`), a link to that (`current ->
//! release-2`), or the link in a mount of Kubernetes (`..data`). *No other name counts:* an access log in the
//! same folder is written all the time, and is no reason to look, and none to put off looking.
//!
//! A watch is of a folder as it is now: one that is put in its place is not watched. So which folder it is
//! (device and inode) is remembered, and another at the same path is watched anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::writing::Writing;

/// Links that are followed on the way to one file: as many as Linux does (`path_resolution(7)`).
const LINKS_MAX: usize = 40;

/// The folders that are watched.
pub(super) struct Watched {
    watcher: Option<RecommendedWatcher>,
    ways: Arc<Mutex<Ways>>,
    writing: Arc<Mutex<Writing>>,
    /// Which folder each is.
    folders: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watched {
    /// None yet; and where it is told that it is time to look. `tell` tells what cannot be watched.
    pub(super) fn new(tell: fn(&notify::Error)) -> (Self, mpsc::Receiver<()>) {
        // One is enough: it says that it is time to look.
        let (sender, events) = mpsc::channel(1);
        let ways: Arc<Mutex<Ways>> = Arc::default();
        let known = Arc::clone(&ways);
        let writing: Arc<Mutex<Writing>> = Arc::default();
        let noted = Arc::clone(&writing);
        let on_event = move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if is_change(event.kind) && known.lock().concern(&event) {
                noted.lock().note(&event, Instant::now());
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(on_event);
        if let Err(error) = &watcher {
            tell(error);
        }
        let watched = Self {
            watcher: watcher.ok(),
            ways,
            writing,
            folders: BTreeMap::new(),
        };
        (watched, events)
    }

    /// When all files are whole if no more of them is written; `None`: they are.
    pub(super) fn whole_at(&self) -> Option<Instant> {
        self.writing.lock().whole_at(Instant::now())
    }

    /// Watches the ways to `files`, and no others. In those of them that are folders, each name counts that
    /// `is_file_of_folder`.
    pub(super) fn follow(
        &mut self,
        files: &BTreeSet<PathBuf>,
        is_file_of_folder: fn(&OsStr) -> bool,
        tell: fn(&notify::Error),
    ) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let ways = Ways::to(files, is_file_of_folder);
        let which = |folder: &OsString| {
            let metadata = std::fs::metadata(folder).ok()?;
            Some((PathBuf::from(folder), (metadata.dev(), metadata.ino())))
        };
        let folders: BTreeMap<_, _> = ways.names.keys().filter_map(which).collect();
        let last: BTreeSet<PathBuf> = ways.last.clone();
        // First: what happens from now on counts.
        *self.ways.lock() = ways;
        for (folder, which) in &self.folders {
            if folders.get(folder) != Some(which) {
                let _ = watcher.unwatch(folder);
            }
        }
        for (folder, which) in &folders {
            if self.folders.get(folder) == Some(which) {
                continue;
            }
            // That a folder far above may not be read is nothing that anybody should have to mend.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
                && last.contains(folder)
            {
                tell(&error);
            }
        }
        self.folders = folders;
    }
}

/// Which names in which folders lead to files. Folders are compared as texts: events name them as they were
/// given to be watched, and those of busy folders on the way (`/tmp`) come all the time.
#[derive(Default)]
struct Ways {
    names: BTreeMap<OsString, BTreeSet<OsString>>,
    /// The folders in which the files themselves are.
    last: BTreeSet<PathBuf>,
    /// Folders in which more names count.
    open: BTreeSet<OsString>,
    is_file_of_folder: Option<fn(&OsStr) -> bool>,
}

impl Ways {
    fn to(files: &BTreeSet<PathBuf>, is_file_of_folder: fn(&OsStr) -> bool) -> Self {
        let mut ways = Self {
            is_file_of_folder: Some(is_file_of_folder),
            ..Self::default()
        };
        let start = std::env::current_dir().unwrap_or_default();
        // Of many files in one folder, the way to that is walked once.
        let mut walked: Option<(&Path, Option<PathBuf>)> = None;
        for file in files {
            let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
                ways.add(start.clone(), components(file));
                continue;
            };
            let known = walked.take_if(|(known, _)| *known == folder);
            let (_, at) = known.unwrap_or_else(|| {
                let way = components(folder);
                (folder, ways.walk(start.clone(), way, false))
            });
            if let Some(at) = at.clone() {
                ways.add(at, [name.to_owned()].into());
            }
            walked = Some((folder, at));
        }
        ways
    }

    /// Follows the `way` from the folder `at` to a file, as far as it is there.
    fn add(&mut self, at: PathBuf, way: VecDeque<OsString>) {
        if let Some(at) = self.walk(at, way, true) {
            // It is a folder itself.
            self.last.insert(at.clone());
            let at = at.into_os_string();
            self.names.entry(at.clone()).or_default();
            self.open.insert(at);
        }
    }

    /// Follows the `way` from the folder `at`; the folder that it leads to, if it is one. `is_whole`: what it
    /// leads to is what is looked for.
    fn walk(
        &mut self,
        mut at: PathBuf,
        mut way: VecDeque<OsString>,
        is_whole: bool,
    ) -> Option<PathBuf> {
        let mut links = 0;
        while let Some(name) = way.pop_front() {
            if Path::new(&name).has_root() {
                at = PathBuf::from(name);
                continue;
            }
            if name == ".." {
                at.pop();
                continue;
            }
            if is_whole && way.is_empty() && !self.last.contains(&at) {
                self.last.insert(at.clone());
            }
            let here = at.join(&name);
            match self.names.get_mut(at.as_os_str()) {
                Some(names) => drop(names.insert(name)),
                None => drop(self.names.insert(at.clone().into(), [name].into())),
            }
            let kind = std::fs::symlink_metadata(&here).ok()?.file_type();
            if kind.is_dir() {
                at = here;
                continue;
            }
            if !kind.is_symlink() || links == LINKS_MAX {
                return None;
            }
            links += 1;
            let target = std::fs::read_link(&here).ok()?;
            for component in components(&target).into_iter().rev() {
                way.push_front(component);
            }
        }
        Some(at)
    }

    /// Whether `event` is of any of them. Where it does not say of what it is, it may be.
    fn concern(&self, event: &Event) -> bool {
        event.need_rescan()
            || event.paths.is_empty()
            || event.paths.iter().any(|path| self.lead_by(path))
    }

    fn lead_by(&self, path: &Path) -> bool {
        if self.names.contains_key(path.as_os_str()) {
            return true;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return true;
        };
        let folder = folder.as_os_str();
        let is_named = self.names.get(folder).is_some_and(|it| it.contains(name));
        let is_open = || self.open.contains(folder);
        is_named || is_open() && self.is_file_of_folder.is_none_or(|is_file| is_file(name))
    }
}

/// What a path leads by; the root with its slash, and nothing for `.`.
fn components(path: &Path) -> VecDeque<OsString> {
    let named = path
        .components()
        .filter(|it| !matches!(it, Component::CurDir));
    named.map(|it| it.as_os_str().to_owned()).collect()
}

/// Whether something may be another than before. Our own reading is told of, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn is_toml(name: &OsStr) -> bool {
        Path::new(name).extension().is_some_and(|it| it == "toml")
    }

    fn no_error(error: &notify::Error) {
        panic!("{error}");
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().canonicalize().expect("it is there");
        (folder, path)
    }

    fn write(path: &Path) {
        std::fs::write(path, "x").expect("written");
    }

    fn make(path: &Path) {
        std::fs::create_dir(path).expect("made");
    }

    fn rename(from: &Path, to: &Path) {
        std::fs::rename(from, to).expect("renamed");
    }

    fn link(to: &str, at: &Path) {
        symlink(to, at).expect("linked");
    }

    fn of(path: &Path) -> Event {
        Event::new(EventKind::Create(CreateKind::File)).add_path(path.to_owned())
    }

    #[test]
    fn only_names_on_the_way_to_a_file_count() {
        let (_folder, base) = folder();
        make(&base.join("policy"));
        make(&base.join("rel1"));
        link("../current/secret", &base.join("policy/secret"));
        link("rel1", &base.join("current"));
        write(&base.join("rel1/secret"));
        write(&base.join("policy/keys.toml"));
        let files = ["policy", "policy/keys.toml", "policy/secret"].map(|it| base.join(it));
        let ways = Ways::to(&files.into(), is_toml);
        for leads in [
            "policy",
            "policy/keys.toml",
            "policy/more.toml",
            "policy/secret",
            "current",
            "rel1",
            "rel1/secret",
        ] {
            assert!(ways.concern(&of(&base.join(leads))), "{leads}");
        }
        for leads_nowhere in [
            "policy/access.log",
            "policy/keyweir.ledger",
            "rel1/more.toml",
            "rel2",
            "more.toml",
        ] {
            assert!(
                !ways.concern(&of(&base.join(leads_nowhere))),
                "{leads_nowhere}"
            );
        }
        assert!(ways.concern(&Event::new(EventKind::Modify(ModifyKind::Any))));
    }

    #[test]
    fn links_in_a_circle_lead_nowhere_and_what_is_missing_is_waited_for() {
        let (_folder, base) = folder();
        link("b", &base.join("a"));
        link("a", &base.join("b"));
        let files = ["a", "none/secret"].map(|it| base.join(it));
        let ways = Ways::to(&files.into(), is_toml);
        for name in ["a", "b", "none"] {
            assert!(ways.concern(&of(&base.join(name))), "{name}");
        }
    }

    /// What changes, each at a folder of its own.
    struct House {
        base: PathBuf,
        files: BTreeSet<PathBuf>,
        watched: Watched,
        events: mpsc::Receiver<()>,
        _folder: tempfile::TempDir,
    }

    impl House {
        fn watch(base: PathBuf, folder: tempfile::TempDir, files: &[&str]) -> Self {
            let (watched, events) = Watched::new(no_error);
            let files = files.iter().map(|it| base.join(it)).collect();
            let mut house = Self {
                base,
                files,
                watched,
                events,
                _folder: folder,
            };
            house.look();
            house
        }

        /// As is done after each event.
        fn look(&mut self) {
            self.watched.follow(&self.files, is_toml, no_error);
            while self.events.try_recv().is_ok() {}
        }

        async fn hears(&mut self, what: &str) {
            let heard = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            assert!(heard.is_ok(), "nothing is heard of it: {what}");
        }
    }

    #[tokio::test]
    async fn a_file_is_whole_when_it_is_closed() {
        use std::io::Write;
        let (folder, base) = folder();
        write(&base.join("secret"));
        let mut house = House::watch(base.clone(), folder, &["secret", "new"]);
        assert_eq!(house.watched.whole_at(), None);
        for name in ["secret", "new"] {
            let mut file = std::fs::File::create(base.join(name)).expect("made");
            for _ in 0..2 {
                file.write_all(b"half").expect("written");
                house.hears("something happens to it").await;
                // That may have been that it was made.
                while house.watched.whole_at().is_none() {
                    house.hears("a piece is written").await;
                }
            }
            drop(file);
            while house.watched.whole_at().is_some() {
                house.hears("it is closed").await;
            }
        }
        link("secret", &base.join("next"));
        rename(&base.join("next"), &base.join("secret"));
        house.hears("it is replaced").await;
        assert_eq!(house.watched.whole_at(), None);
    }

    #[tokio::test]
    async fn a_folder_in_the_place_of_another_is_watched() {
        let (folder, base) = folder();
        make(&base.join("policy"));
        write(&base.join("policy/keys.toml"));
        let mut house = House::watch(base.clone(), folder, &["policy", "policy/keys.toml"]);
        for n in 0..3 {
            let next = base.join("next");
            make(&next);
            write(&next.join("keys.toml"));
            rename(&base.join("policy"), &base.join(format!("old{n}")));
            // Whether it is looked meanwhile or not.
            if n > 0 {
                house.hears("it is gone").await;
                house.look();
            }
            rename(&next, &base.join("policy"));
            house.hears("another is there").await;
            house.look();
            write(&base.join("policy/keys.toml"));
            house.hears("a file in it is written").await;
            house.look();
            write(&base.join(format!("policy/{n}.toml")));
            house.hears("there is another file in it").await;
            house.look();
        }
    }

    #[tokio::test]
    async fn a_link_that_is_swapped_is_followed_and_what_it_leads_to_then() {
        let (folder, base) = folder();
        for release in ["rel1", "rel2", "rel3"] {
            make(&base.join(release));
            write(&base.join(release).join("secret"));
        }
        link("rel1", &base.join("cur"));
        let mut house = House::watch(base.clone(), folder, &["cur/secret"]);
        for release in ["rel2", "rel3"] {
            link(release, &base.join("cur.next"));
            rename(&base.join("cur.next"), &base.join("cur"));
            house.hears("the link is swapped").await;
            house.look();
            write(&house.base.join(release).join("secret"));
            house.hears("the file there is written").await;
            house.look();
        }
    }
}
