//! What the log says when something happens to a key, an account or a provider: what it is, what it means,
//! what the provider said of it, and when it is looked at again.

use std::borrow::Cow;

use keyweir_policy::pool::outage::{Cause, Outage};
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::error_message;
use keyweir_policy::wire::trace::Traces;

use crate::telemetry::escape::beginning;
use crate::telemetry::events::Severity;

/// The longest of a provider's words in a line: a sentence or two.
const WORDS_BYTES_MAX: usize = 300;

/// How somebody is out.
pub(crate) struct Out {
    /// What it means, and what an operator can do about it.
    why: &'static str,
    /// In how long it is looked at again.
    probed_in_secs: Option<u64>,
}

impl Out {
    /// One request met `fault`, and nothing is held against anybody: it was told the same by one after the
    /// other.
    pub(super) const fn once(fault: Fault) -> Self {
        Self {
            why: Cause::Fault(fault).sentence(),
            probed_in_secs: None,
        }
    }

    /// `outage`, as seen at `now`.
    pub(super) fn at(now: Time, outage: &Outage) -> Self {
        let probed_in = outage.until.map(|until| until.since(now));
        Self {
            why: outage.cause.sentence(),
            probed_in_secs: probed_in.map(|it| it.as_secs_f64().ceil() as u64),
        }
    }
}

/// What a provider said that refused a key or an account.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// `None`: its answer has no message that can be read.
    pub(crate) words: Option<String>,
}

impl Said {
    /// Of an error.
    pub(crate) fn of(status: u16, body: &[u8]) -> Self {
        let words = error_message(body);
        Self { status, words }
    }

    /// The beginning of it, without anything of the credentials that `all` are of: a provider may quote
    /// another than it was sent.
    pub(super) fn without<'a>(&self, all: impl Iterator<Item = &'a Traces>) -> Self {
        let mut words = self.words.clone();
        for traces in all {
            if let Some(said) = &mut words
                && let Cow::Owned(redacted) = traces.redacted_text(said)
            {
                *said = redacted;
            }
        }
        Self {
            status: self.status,
            words: words.map(|words| beginning(&words, WORDS_BYTES_MAX).to_owned()),
        }
    }
}

/// What is told of a notice.
pub(super) struct Told<'a> {
    pub(super) severity: Severity,
    pub(super) key: Option<&'a str>,
    pub(super) account: Option<&'a str>,
    pub(super) other: Option<&'a str>,
    /// How it is out.
    pub(super) out: Option<&'a Out>,
    /// What the provider said.
    pub(super) said: Option<&'a Said>,
    pub(super) text: &'static str,
}

impl Told<'_> {
    pub(super) const fn new(severity: Severity, text: &'static str) -> Self {
        Self {
            severity,
            key: None,
            account: None,
            other: None,
            out: None,
            said: None,
            text,
        }
    }

    /// `unlogged`: so many like it were not.
    pub(super) fn log(&self, provider: &str, unlogged: u32) {
        let unlogged = (unlogged > 0).then_some(unlogged);
        let Self {
            key,
            account,
            other,
            text,
            ..
        } = self;
        let why = self.out.map(|out| out.why);
        let probed_in_secs = self.out.and_then(|out| out.probed_in_secs);
        let status = self.said.map(|said| said.status);
        let said = self.said.and_then(|said| said.words.as_deref());
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    provider,
                    key,
                    account,
                    other,
                    why,
                    status,
                    said,
                    probed_in_secs,
                    unlogged,
                    "{text}"
                )
            };
        }
        match self.severity {
            Severity::Info => log!(info),
            Severity::Warning => log!(warn),
            Severity::Error => log!(error),
        }
    }

    /// In one text.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self.other {
            None => Cow::Borrowed(self.text),
            Some(other) => Cow::Owned(format!("{} (with {other})", self.text)),
        }
    }
}
