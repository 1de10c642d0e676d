//! The program's own messages on their way to standard error.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::escape::{beginning, is_unsafe, push_escape};
use super::sink::Sink;

/// The most that is kept while standard error takes nothing: thousands of messages, which are few.
const BUFFERED_MAX: usize = 1024 * 1024;

/// The longest message. Longer ones are cut (as text), or left out (as JSON, which cannot be).
const MESSAGE_MAX: usize = 16 * 1024;

/// How long the end of the program waits for its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

static SINK: OnceLock<Sink> = OnceLock::new();

/// Messages that nobody will ever read.
pub(crate) fn lost() -> u64 {
    SINK.get().map_or(0, Sink::lost)
}

/// Waits until all messages are written, or for a moment.
pub(crate) fn flush() {
    if let Some(sink) = SINK.get() {
        sink.written_within(LAST_WORDS);
    }
}

/// Takes one message at a time, whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    is_json: bool,
    has_colour: bool,
}

/// Whether messages are for machines, one object per line.
pub(crate) fn are_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

static JSON: AtomicBool = AtomicBool::new(false);

impl Messages {
    /// From now on, messages go to standard error. `None`: they cannot.
    pub(crate) fn start(is_json: bool, has_colour: bool) -> Option<Self> {
        let stderr = std::io::stderr().as_fd().try_clone_to_owned().ok()?;
        let sink = Sink::open(stderr.into(), BUFFERED_MAX, "keyweir-messages").ok()?;
        let _ = SINK.set(sink);
        JSON.store(is_json, Ordering::Relaxed);
        Some(Self {
            is_json,
            has_colour,
        })
    }

    fn push(self, message: &str, out: &mut String) {
        let message = message.strip_suffix('\n').unwrap_or(message);
        if message.len() > MESSAGE_MAX && self.is_json {
            return;
        }
        for character in beginning(message, MESSAGE_MAX).chars() {
            let is_colour = self.has_colour && character == '\x1b';
            if is_unsafe(character) && !is_colour && character != '\t' {
                push_escape(out, character);
            } else {
                out.push(character);
            }
        }
        out.push('\n');
    }
}

impl Write for Messages {
    fn write(&mut self, message: &[u8]) -> std::io::Result<usize> {
        if let Some(sink) = SINK.get() {
            let text = String::from_utf8_lossy(message);
            sink.add(|out| self.push(&text, out));
            sink.hurry();
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(message: &str, is_json: bool) -> String {
        let messages = Messages {
            is_json,
            has_colour: false,
        };
        let mut out = String::new();
        messages.push(message, &mut out);
        out
    }

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        assert_eq!(
            pushed("a\n\u{1b}[31m ERROR\u{202e}\n", false),
            "a\\u000a\\u001b[31m ERROR\\u202e\n"
        );
        let line = pushed("{\"message\":\"\u{2028}\u{85}\"}\n", true);
        let parsed: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(parsed["message"], "\u{2028}\u{85}");
    }

    #[test]
    fn messages_are_bounded() {
        let long = "x".repeat(2 * MESSAGE_MAX);
        assert_eq!(pushed(&long, false).len(), MESSAGE_MAX + 1);
        assert_eq!(pushed(&long, true), "");
    }
}
