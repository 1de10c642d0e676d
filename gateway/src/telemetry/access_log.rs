//! One line of JSON per request: who asked for what, which keys were tried, how it ended, what it
//! cost. No content and no secrets: keys and tenants by their labels.
//!
//! Not through `tracing`: its JSON layer visits and boxes every field, which costs as much as the
//! rest of a small request. A line is written into one shared buffer under a lock, and goes on from
//! there by itself (`sink.rs`). What it says is in `line.rs`.

pub(crate) mod line;
mod values;

use std::fmt;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use self::line::Line;
use super::sink::Sink;

/// The most that is kept for a reader that does not read.
const BUFFERED_MAX: usize = 8 * 1024 * 1024;

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: nothing is written at all.
    Off,
    /// To standard output.
    #[default]
    Stdout,
    /// To the end of a file.
    File(PathBuf),
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "off" => Self::Off,
            "-" | "stdout" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The log of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    sink: Option<Sink>,
}

impl AccessLog {
    /// The log to `target`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn open(target: &Target) -> std::io::Result<Self> {
        let name = "keyweir-access-log";
        let sink = match target {
            Target::Off => return Ok(Self { sink: None }),
            // Not through the standard library's buffer, which keeps what could not be written.
            Target::Stdout => {
                let stdout = std::io::stdout().as_fd().try_clone_to_owned()?;
                Sink::open(stdout.into(), BUFFERED_MAX, name)?
            }
            Target::File(path) => Sink::at(path, BUFFERED_MAX, name)?,
        };
        Ok(Self { sink: Some(sink) })
    }

    /// Whether lines go anywhere; if not, they need not be made.
    pub(crate) fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Adds a line.
    pub(crate) fn write(&self, line: &Line<'_>) {
        if let Some(sink) = &self.sink {
            sink.add(|out| line.render(out));
        }
    }

    /// Goes on in the file that its name leads to now (SIGUSR1).
    pub(crate) fn reopen(&self) {
        if let Some(sink) = &self.sink {
            sink.reopen();
        }
    }

    /// Lines that nobody will ever read.
    pub(crate) fn lost(&self) -> u64 {
        self.sink.as_ref().map_or(0, Sink::lost)
    }

    /// Waits until everything added so far was written, or for a second.
    pub(crate) async fn flushed(&self) {
        let Some(sink) = &self.sink else { return };
        sink.hurry();
        for _ in 0..200 {
            if sink.is_written() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
