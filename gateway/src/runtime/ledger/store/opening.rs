//! Opening the ledger's file: made where there is none, set aside where it is damaged, left alone where it
//! is another's or of a later version, and waited for where somebody only looks at it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redb::{Builder, Database, DatabaseError, StorageError};

use super::{Opened, Store, VERSION};
use crate::runtime::ledger::error::LedgerError;
use crate::runtime::ledger::guarded::guarded;
use crate::runtime::ledger::overlay::{Overlay, is_looked_at};
use crate::runtime::ledger::place::FileId;

/// How long a gateway that starts waits for who looks at its ledger, and how often it tries.
const LOOK_MAX: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Store {
    /// Opens the ledger at `path`, or makes it. A damaged one is set aside: the second value says
    /// where. Who only looks at it is waited for.
    ///
    /// # Errors
    /// If it is another's, of a later version, or there can be none.
    pub(crate) fn open(path: &Path) -> Result<(Self, Option<PathBuf>), LedgerError> {
        let until = Instant::now() + LOOK_MAX;
        let mut opened = Self::open_as_it_is(path);
        while matches!(opened, Err(Opening::Refused(LedgerError::InUse(_))))
            && is_looked_at(path)
            && Instant::now() < until
        {
            std::thread::sleep(LOOK_AGAIN);
            opened = Self::open_as_it_is(path);
        }
        match opened {
            Ok(store) => Ok((store, None)),
            Err(Opening::Refused(error)) => Err(error),
            Err(Opening::Damaged(_)) => {
                let aside = aside(path);
                std::fs::rename(path, &aside)
                    .map_err(|error| LedgerError::Unusable(path.to_owned(), error.to_string()))?;
                match Self::open_as_it_is(path) {
                    Ok(store) => Ok((store, Some(aside))),
                    Err(Opening::Refused(error)) => Err(error),
                    Err(Opening::Damaged(why)) => Err(LedgerError::Unusable(path.to_owned(), why)),
                }
            }
        }
    }

    /// Opens the ledger at `path` as it is, to look at it: the file is only read, also where it is of an
    /// earlier version or of a process that was killed, and of an empty one none is made.
    ///
    /// # Errors
    /// If it is another's, of a later version, damaged, or cannot be read.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, LedgerError> {
        let unusable = |why: String| LedgerError::Unusable(path.to_owned(), why);
        let about = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
        if !about.is_file() {
            return Err(unusable("it is no file".to_owned()));
        }
        if about.len() == 0 {
            return Err(unusable("it is empty".to_owned()));
        }
        let look = || Builder::new().create_with_backend(Overlay::of(path)?);
        Self::open_with(path, look).map_err(|error| match error {
            Opening::Refused(error) => error,
            Opening::Damaged(why) => unusable(why),
        })
    }

    pub(super) fn open_as_it_is(path: &Path) -> Result<Self, Opening> {
        Self::open_with(path, || Database::create(path))
    }

    fn open_with(
        path: &Path,
        open: impl FnOnce() -> Result<Database, DatabaseError>,
    ) -> Result<Self, Opening> {
        let opened = guarded(|| Ok(open()));
        let opened = opened.map_err(|error| Opening::Damaged(error.to_string()))?;
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => {
                Opening::Refused(LedgerError::InUse(path.to_owned()))
            }
            DatabaseError::Storage(StorageError::Io(error))
                if error.kind() != std::io::ErrorKind::InvalidData
                    && error.kind() != std::io::ErrorKind::UnexpectedEof =>
            {
                let why = error.to_string();
                Opening::Refused(LedgerError::Unusable(path.to_owned(), why))
            }
            error => Opening::Damaged(error.to_string()),
        })?;
        let file = FileId::of(path).map_err(|error| {
            Opening::Refused(LedgerError::Unusable(path.to_owned(), error.to_string()))
        })?;
        let store = Self {
            path: path.to_owned(),
            opened: RwLock::new(Some(Opened { database, file })),
        };
        match guarded(|| store.begin()) {
            Ok(VERSION) => Ok(store),
            Ok(_) => Err(Opening::Refused(LedgerError::Later(path.to_owned()))),
            Err(redb::Error::Io(error)) => {
                let why = error.to_string();
                Err(Opening::Refused(LedgerError::Unusable(
                    path.to_owned(),
                    why,
                )))
            }
            Err(error) => Err(Opening::Damaged(error.to_string())),
        }
    }
}

/// Why it was not opened.
pub(super) enum Opening {
    Refused(LedgerError),
    Damaged(String),
}

/// A name that is free, beside the damaged file.
fn aside(path: &Path) -> PathBuf {
    let named = |count: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{count}"));
        PathBuf::from(name)
    };
    let mut all = (1..).map(named);
    all.find(|path| !path.exists()).unwrap_or_else(|| named(0))
}
