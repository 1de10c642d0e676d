//! How a dialect says an answer.

/// One answer in a dialect's words. Everything is appended to `out`.
pub(crate) trait Voice: Send + std::fmt::Debug {
    /// The events before any content.
    fn open(&mut self, out: &mut Vec<u8>);
    /// One chunk of content.
    fn piece(&mut self, text: &str, out: &mut Vec<u8>);
    /// The events after the content; `output` tokens were produced in all.
    fn close(&mut self, output: u64, out: &mut Vec<u8>);
    /// A sign of life.
    fn ping(&self, out: &mut Vec<u8>);
    /// An error event; overloaded if nothing else is said.
    fn error(&self, kind: Option<&str>, out: &mut Vec<u8>);
    /// The answer in one piece.
    fn whole(&mut self, text: &str, output: u64, out: &mut Vec<u8>);
}
