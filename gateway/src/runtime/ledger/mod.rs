//! What was spent and learned, kept over restarts.
//!
//! The file, what can be asked of it, and the handle of the thread that writes it (`bookkeeper`).

mod budgets;
mod error;
mod evidence;
mod guarded;
mod kept;
mod loads;
mod names;
mod overlay;
mod place;
mod query;
mod report;
mod spent;
mod store;
mod unwritten;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use parking_lot::Mutex;

pub use self::error::LedgerError;
#[cfg(feature = "simulate")]
pub(crate) use self::evidence::Busiest;
pub(crate) use self::evidence::{Evidence, FORMAT, OfGroup, Question, evidence, nothing};
pub(crate) use self::guarded::is_guarded;
pub(crate) use self::kept::{ROWS_VERSION, Row, Thing};
pub(crate) use self::loads::{Carrier, Loads};
pub(crate) use self::names::BETWEEN;
pub(crate) use self::query::Query;
pub(crate) use self::report::report;
pub(crate) use self::spent::Spender;
pub(crate) use self::store::Store;
pub(crate) use self::unwritten::Unwritten;

/// What the file is called in the folder of the state.
pub(crate) const FILE: &str = "keyweir.ledger";

/// What the thread that writes a ledger is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// So much is spent that it is written at once.
    Due,
    /// It writes all, and ends.
    End,
}

/// The ledger of one gateway.
pub(crate) struct Ledger {
    pub(crate) store: Arc<Store>,
    writer: Mutex<Option<Writer>>,
}

/// The thread that writes a ledger.
struct Writer {
    told: Arc<Sender<Told>>,
    thread: JoinHandle<()>,
}

impl Ledger {
    /// Opens the ledger in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If there can be none.
    pub(crate) fn open(folder: &Path) -> Result<Arc<Store>, LedgerError> {
        let path = folder.join(FILE);
        let unusable = |error: std::io::Error| {
            let why = error.to_string();
            LedgerError::Unusable(path.clone(), why)
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let (store, aside) = Store::open(&path)?;
        if let Some(aside) = aside {
            tracing::warn!(
                ledger = %path.display(),
                aside = %aside.display(),
                "the ledger is damaged; it is set aside, and a new one begun"
            );
        }
        Ok(Arc::new(store))
    }

    /// A ledger that `thread` writes until it is `told` to end, or nobody is there to tell it.
    pub(crate) fn new(store: Arc<Store>, told: Arc<Sender<Told>>, thread: JoinHandle<()>) -> Self {
        let writer = Mutex::new(Some(Writer { told, thread }));
        Self { store, writer }
    }

    /// Writes down what is left to be written, and ends.
    pub(crate) fn finish(&self) {
        if let Some(Writer { told, thread }) = self.writer.lock().take() {
            let _ = told.send(Told::End);
            let _ = thread.join();
        }
    }
}
