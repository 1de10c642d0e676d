//! An error, before a dialect says it.

use std::borrow::Cow;

/// An error, before a dialect says it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// `error.type`.
    pub(crate) kind: Cow<'static, str>,
    /// Anthropic's `error.details.error_code`, OpenAI's `error.code`.
    pub(crate) code: Option<&'static str>,
    /// OpenAI's `error.param`.
    pub(crate) param: Option<&'static str>,
    pub(crate) message: String,
    /// `retry-after`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// Whether budget headers are sent.
    pub(crate) shows_budget: bool,
}

impl Problem {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: Cow::Borrowed(kind),
            code: None,
            param: None,
            message: message.into(),
            retry_after: None,
            shows_budget: false,
        }
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub(crate) fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after = Some(secs);
        self
    }
}
