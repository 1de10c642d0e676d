//! Where lines of a log go: into a bounded buffer, and from there to a file by a thread of its own.
//!
//! Nothing that stands at the other end reaches who writes a line: not a full disk, not a reader
//! that has gone, not a pipe that nobody empties. Nobody waits, nothing panics; what cannot be
//! written is dropped and counted. A thread and not a task of the runtime, because a write to a pipe
//! may never return, and a task that does not return would keep the runtime from ending.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a line may lie in the buffer before it is written: a write for each would cost more than
/// all else that is done for it.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// How long a file that takes nothing at the moment is left alone (a terminal that was made
/// non-blocking by somebody else).
const BUSY: Duration = Duration::from_millis(10);

/// How often it is looked whether the file's name leads to it still: a log that was renamed grows on
/// under its old name for as long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A log on its way to its file.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    buffer: Mutex<Buffer>,
    changed: Condvar,
    bytes_max: usize,
    lost: AtomicU64,
    /// Where the file is, to be opened anew once it was renamed.
    path: Option<PathBuf>,
    is_to_reopen: AtomicBool,
}

#[derive(Debug, Default)]
struct Buffer {
    lines: String,
    /// What was taken from it is not written yet.
    is_writing: bool,
}

impl Sink {
    /// A log to the end of the file at `path`, of which at most `bytes_max` are kept while it takes
    /// nothing. Where the file is renamed or removed, lines go to a new one within a second, and at
    /// once with [`Self::reopen`]; none is lost.
    ///
    /// # Errors
    /// If the file cannot be opened, or there is no thread to be had.
    pub(crate) fn at(path: &Path, bytes_max: usize, name: &str) -> std::io::Result<Self> {
        Self::start(open(path)?, Some(path.to_owned()), bytes_max, name)
    }

    /// A log to `file`, of which at most `bytes_max` are kept while it takes nothing.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn open(file: File, bytes_max: usize, name: &str) -> std::io::Result<Self> {
        Self::start(file, None, bytes_max, name)
    }

    fn start(
        file: File,
        path: Option<PathBuf>,
        bytes_max: usize,
        name: &str,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            buffer: Mutex::default(),
            changed: Condvar::new(),
            bytes_max,
            lost: AtomicU64::new(0),
            path,
            is_to_reopen: AtomicBool::new(false),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.write_for_ever(file))?;
        Ok(Self(shared))
    }

    /// Adds a line, which `render` writes with its end, unless the buffer is full.
    pub(crate) fn add(&self, render: impl FnOnce(&mut String)) {
        let mut buffer = self.0.buffer.lock();
        if buffer.lines.len() > self.0.bytes_max {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            render(&mut buffer.lines);
        }
    }

    /// Has the file opened anew by its name, before anything more is written.
    pub(crate) fn reopen(&self) {
        self.0.is_to_reopen.store(true, Ordering::SeqCst);
        self.hurry();
    }

    /// Has what was added written at once.
    pub(crate) fn hurry(&self) {
        self.0.changed.notify_all();
    }

    /// Lines that nobody will ever read.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Whether all that was added has been written, or is lost.
    pub(crate) fn is_written(&self) -> bool {
        self.0.buffer.lock().is_written()
    }

    /// Waits until all is written, but no longer than `patience`.
    pub(crate) fn written_within(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut buffer = self.0.buffer.lock();
        while !buffer.is_written() {
            self.0.changed.notify_all();
            if self.0.changed.wait_until(&mut buffer, until).timed_out() {
                return;
            }
        }
    }
}

impl Buffer {
    fn is_written(&self) -> bool {
        self.lines.is_empty() && !self.is_writing
    }
}

impl Shared {
    fn write_for_ever(&self, mut file: File) {
        let mut lines = String::new();
        let mut looked = Instant::now();
        loop {
            {
                let mut buffer = self.buffer.lock();
                buffer.is_writing = false;
                self.changed.notify_all();
                let _ = self.changed.wait_for(&mut buffer, WRITE_EVERY);
                std::mem::swap(&mut buffer.lines, &mut lines);
                buffer.is_writing = !lines.is_empty();
            }
            self.follow(&mut file, &mut looked);
            if !lines.is_empty() {
                let written = write(&file, lines.as_bytes());
                let lost = lines.as_bytes()[written..].iter();
                let lost = lost.filter(|byte| **byte == b'\n').count();
                self.lost.fetch_add(lost as u64, Ordering::Relaxed);
                lines.clear();
            }
        }
    }
}

impl Shared {
    /// Goes over to the file that its name leads to now. Where that cannot be opened, the old one is
    /// written on: better there than nowhere.
    fn follow(&self, file: &mut File, looked: &mut Instant) {
        let Some(path) = &self.path else { return };
        let is_asked = self.is_to_reopen.swap(false, Ordering::SeqCst);
        if !is_asked && looked.elapsed() < LOOK_EVERY {
            return;
        }
        *looked = Instant::now();
        if !is_asked && is_at(file, path) {
            return;
        }
        match open(path) {
            Ok(next) => *file = next,
            Err(error) => {
                let path = path.display();
                tracing::error!(%path, %error, "the log cannot be opened anew");
            }
        }
    }
}

/// Opens a file to add to. A pipe without a reader is opened as well, which by itself would wait for
/// one: who reads and writes it waits for nobody (`fifo(7)`, Linux).
fn open(path: &Path) -> std::io::Result<File> {
    let is_pipe = std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo());
    let mut options = OpenOptions::new();
    options.append(true);
    if is_pipe {
        options.read(true);
    } else {
        options.create(true);
    }
    options.open(path)
}

/// Whether `path` leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// How much of `bytes` the file took.
fn write(mut file: &File, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(BUSY),
            Err(_) => break,
        }
    }
    written
}
