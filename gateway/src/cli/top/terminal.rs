//! The terminal that is drawn on: its other screen, without echo, and given back as it was however the
//! program ends.

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// To the other screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    End,
    Sort,
}

/// The terminal, until dropped.
pub(super) struct Terminal {
    before: Termios,
}

impl Terminal {
    pub(super) fn take() -> std::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        let terminal = Self { before };
        write(ENTER)?;
        Ok(terminal)
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => (80, 24),
        }
    }

    /// Shows these lines, which fit.
    pub(super) fn show(&self, lines: &[String]) -> std::io::Result<()> {
        let mut out = String::from("\x1b[H");
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                out.push_str("\r\n");
            }
            out.push_str(line);
            out.push_str("\x1b[K");
        }
        out.push_str("\x1b[J");
        write(&out)
    }

    /// The next key within `patience`.
    pub(super) fn key(&self, patience: Duration) -> std::io::Result<Option<Key>> {
        let until = std::time::Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if !is_readable(stdin(), left)? {
                return Ok(None);
            }
            let mut byte = [0];
            if rustix::io::read(stdin(), &mut byte)? == 0 {
                return Ok(Some(Key::End));
            }
            match byte[0] {
                // Control-C is a key like others in this mode.
                b'q' | 0x1b | 0x03 => return Ok(Some(Key::End)),
                b's' => return Ok(Some(Key::Sort)),
                _ => {}
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = write(LEAVE);
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

fn is_readable(file: BorrowedFd<'_>, within: Duration) -> std::io::Result<bool> {
    let mut files = [PollFd::new(&file, PollFlags::IN)];
    let within = Timespec {
        tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: within.subsec_nanos().into(),
    };
    Ok(poll(&mut files, Some(&within))? > 0)
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
