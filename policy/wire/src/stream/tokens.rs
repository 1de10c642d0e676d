//! What a stream cost, at any point of it: as the provider reports it, and of output that nobody has reported
//! yet, what the content comes to.

use keyweir_terms::request::Usage;

use crate::answer::usage;
use crate::stream::event::Event;

/// Bytes of text per token where nothing is reported yet.
const BYTES_PER_TOKEN: u64 = 4;

/// The tokens of one stream, so far.
#[derive(Debug)]
pub struct Tokens {
    is_charged: bool,
    usage: Usage,
    /// `usage.output` was reported after content, so it is no mere opening value.
    output_is_reported: bool,
    content_bytes: u64,
}

impl Tokens {
    /// Of a stream that begins; tokens are charged for it, or nothing is.
    pub(super) fn new(is_charged: bool) -> Self {
        Self {
            is_charged,
            usage: Usage::default(),
            output_is_reported: false,
            content_bytes: 0,
        }
    }

    /// What `event` says, which came after content if that has `started`.
    pub(super) fn add(&mut self, event: &Event, started: bool) {
        self.content_bytes += event.content_bytes;
        if self.is_charged {
            self.output_is_reported |= started && event.usage.output.is_some();
            usage::merge(&mut self.usage, event.usage);
        }
    }

    /// The tokens reported so far.
    pub const fn reported(&self) -> Usage {
        self.usage
    }

    /// The tokens to be charged for, were this the end: as reported, and of output that nobody has
    /// reported, what the content comes to. What is named at the opening is no count of what follows.
    pub fn charged(&self) -> Usage {
        let output = match self.output_so_far() {
            tokens @ 1.. if self.is_charged => Some(tokens),
            _ => self.usage.output,
        };
        Usage {
            output,
            ..self.usage
        }
    }

    /// Its output is as the provider counted it, and not as its content suggests.
    pub const fn is_counted(&self) -> bool {
        self.output_is_reported
    }

    /// Output tokens so far: as reported, or guessed from the bytes of content.
    pub fn output_so_far(&self) -> u64 {
        let reported = self.usage.output.unwrap_or_default();
        if self.output_is_reported {
            return reported;
        }
        reported.max(self.content_bytes.div_ceil(BYTES_PER_TOKEN))
    }
}
