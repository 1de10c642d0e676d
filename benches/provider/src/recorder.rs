//! The last requests as they arrived, for tests of what a gateway forwards.
//!
//! Real providers do not echo what they got, so this is read through [`crate::Control`] and never
//! appears in an answer.

use std::collections::VecDeque;

use bytes::Bytes;
use http::request::Parts;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Headers in the order of their arrival; the names in lower case.
    pub headers: Vec<(String, String)>,
    /// Length of the body.
    pub body_len: u64,
    /// SHA-256 of the whole body, in hex.
    pub body_sha256: String,
    /// The beginning of the body, as text.
    pub body: String,
}

impl Recorded {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(is, _)| is == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Keeps the last requests, if it is to keep any.
#[derive(Debug)]
pub(crate) struct Recorder {
    keep: usize,
    body_bytes: usize,
    last: Mutex<VecDeque<Recorded>>,
}

impl Recorder {
    pub(crate) fn new(keep: usize, body_bytes: usize) -> Self {
        Self {
            keep,
            body_bytes,
            last: Mutex::default(),
        }
    }

    pub(crate) fn record(&self, head: &Parts, body: &Bytes) {
        if self.keep == 0 {
            return;
        }
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let recorded = Recorded {
            method: head.method.to_string(),
            uri: head.uri.to_string(),
            version: format!("{:?}", head.version),
            headers: headers.collect(),
            body_len: body.len() as u64,
            body_sha256: hex(&Sha256::digest(body)),
            body: String::from_utf8_lossy(&body[..body.len().min(self.body_bytes)]).into_owned(),
        };
        let mut last = self.last.lock();
        if last.len() == self.keep {
            last.pop_front();
        }
        last.push_back(recorded);
    }

    /// The last requests, oldest first.
    pub(crate) fn last(&self) -> Vec<Recorded> {
        self.last.lock().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.last.lock().clear();
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
