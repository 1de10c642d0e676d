//! Where lines of a log go: into a bounded buffer, and from there to a file by a thread of its own.
//!
//! Nothing that stands at the other end reaches who writes a line: not a full disk, not a reader
//! that has gone, not a pipe that nobody empties. Nobody waits, nothing panics; what cannot be
//! written is dropped and counted. A thread and not a task of the runtime, because a write to a pipe
//! may never return, and a task that does not return would keep the runtime from ending.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a line may lie in the buffer before it is written: a write for each would cost more than
/// all else that is done for it.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// How long a file that takes nothing at the moment is left alone (a terminal that was made
/// non-blocking by somebody else).
const BUSY: Duration = Duration::from_millis(10);

/// A log on its way to its file.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    buffer: Mutex<Buffer>,
    changed: Condvar,
    bytes_max: usize,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Buffer {
    lines: String,
    /// What was taken from it is not written yet.
    is_writing: bool,
}

impl Sink {
    /// A log to `file`, of which at most `bytes_max` are kept while it takes nothing.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn open(file: File, bytes_max: usize, name: &str) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            buffer: Mutex::default(),
            changed: Condvar::new(),
            bytes_max,
            lost: AtomicU64::new(0),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.write_for_ever(&file))?;
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
    fn write_for_ever(&self, file: &File) {
        let mut lines = String::new();
        loop {
            {
                let mut buffer = self.buffer.lock();
                buffer.is_writing = false;
                self.changed.notify_all();
                let _ = self.changed.wait_for(&mut buffer, WRITE_EVERY);
                std::mem::swap(&mut buffer.lines, &mut lines);
                buffer.is_writing = !lines.is_empty();
            }
            if !lines.is_empty() {
                let written = write(file, lines.as_bytes());
                let lost = lines.as_bytes()[written..].iter();
                let lost = lost.filter(|byte| **byte == b'\n').count();
                self.lost.fetch_add(lost as u64, Ordering::Relaxed);
                lines.clear();
            }
        }
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
