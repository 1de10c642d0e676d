//! Which files are being written at the moment.
//!
//! A file that is written in place is half for as long as that takes: over a slow network, from a template
//! that is rendered piece by piece. The first half of a policy may be a policy, without the tenants of the
//! second; the first half of a secret is one that the provider rejects. So what is being written is not
//! looked at before who writes it has closed it, or has written nothing for [`STILL`]: some keep it open.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind};

/// After so long without another piece a file is taken to be whole.
const STILL: Duration = Duration::from_secs(2);

/// The files that are being written, and when the last piece came.
#[derive(Debug, Default)]
pub(super) struct Writing(HashMap<PathBuf, Instant>);

impl Writing {
    /// Something has happened to files that are watched.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        for path in &event.paths {
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) => self.begin(path, now),
                EventKind::Create(CreateKind::File | CreateKind::Any) if is_new_file(path) => {
                    self.begin(path, now);
                }
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(_))
                | EventKind::Remove(_) => {
                    self.0.remove(path);
                }
                _ => {}
            }
        }
    }

    fn begin(&mut self, path: &Path, now: Instant) {
        self.0.insert(path.to_path_buf(), now);
    }

    /// When all are whole if nothing more comes; `None`: they are.
    pub(super) fn whole_at(&mut self, now: Instant) -> Option<Instant> {
        self.0.retain(|_, last| now.duration_since(*last) < STILL);
        self.0.values().max().map(|last| *last + STILL)
    }
}

/// Whether there is a file that may be written still, and no link to one.
fn is_new_file(path: &Path) -> bool {
    let metadata = std::fs::symlink_metadata(path);
    metadata.is_ok_and(|it| it.is_file() && it.nlink() == 1)
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, RenameMode};

    use super::*;

    #[test]
    fn a_file_is_whole_once_it_is_closed_replaced_or_still() {
        let start = Instant::now();
        let piece = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let of = |kind| Event::new(kind).add_path("/policy/keys.toml".into());
        for ends in [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
        ] {
            let mut writing = Writing::default();
            writing.note(&of(piece), start);
            let other = Event::new(ends).add_path("/policy/other.toml".into());
            writing.note(&other, start);
            assert_eq!(writing.whole_at(start), Some(start + STILL));
            let later = start + STILL / 2;
            writing.note(&of(piece), later);
            assert_eq!(writing.whole_at(start + STILL), Some(later + STILL));
            writing.note(&of(ends), later);
            assert_eq!(writing.whole_at(later), None);
        }
        let mut writing = Writing::default();
        writing.note(&of(piece), start);
        assert_eq!(writing.whole_at(start + STILL), None);
    }
}
