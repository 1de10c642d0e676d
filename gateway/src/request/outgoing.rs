//! What is sent to the provider: a head, a body, and how to aim both at another one.

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use keyweir_policy::exchange::fallback::Choice;
use keyweir_policy::wire;

use crate::coding::decode_whole;
use crate::headers::OutgoingHead;
use crate::request::intake::body::Body;
use crate::request::intake::plain::Coded;
use crate::upstream::Upstream;

/// A request as it is sent, by every attempt.
pub(crate) struct Outgoing {
    pub(crate) head: OutgoingHead,
    /// Dropped once an answer is on its way.
    pub(crate) body: Option<Body>,
    /// The coding that it is in. The first choice is sent it as it came, others are sent it
    /// decoded.
    pub(crate) coded: Option<Coded>,
    /// What is needed to aim at another provider; absent where none may be asked.
    pub(crate) target: Option<Box<Target>>,
    /// Its stream's usage.
    pub(crate) usage: StreamUsage,
}

/// The usage of a stream, which may be asked for on behalf of a client that does not ask.
#[derive(Debug, Default)]
pub(crate) struct StreamUsage {
    /// The stream tells it only if it is asked to.
    pub(crate) is_untold: bool,
    /// It is asked for, and not for the client to see.
    pub(crate) is_hidden: bool,
    /// The body as it was before it asked.
    without: Option<Bytes>,
}

impl StreamUsage {
    /// Of a stream that tells its usage only if it is asked to, or does not.
    pub(crate) fn of(is_untold: bool) -> Self {
        Self {
            is_untold,
            ..Self::default()
        }
    }
}

/// A path, and a query without credentials.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl Outgoing {
    /// The body, as long as it may be sent again.
    pub(crate) fn bytes(&self) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        self.body.as_ref().map_or(&NONE, |body| &body.bytes)
    }

    /// Asks for the stream's usage where the client does not, if the provider `takes` that.
    pub(crate) fn ask_usage(&mut self, takes: bool) {
        if !takes || !self.usage.is_untold || !self.make_plain() {
            return;
        }
        let Some(body) = &mut self.body else { return };
        if let Some(asking) = wire::with_usage_asked(&body.bytes) {
            let without = std::mem::replace(&mut body.bytes, Bytes::from(asking));
            self.head.has_body(body.bytes.len());
            self.usage.is_hidden = true;
            self.usage.without = self.target.is_some().then_some(without);
        }
    }

    /// Aims at `choice`, which is at `upstream`; asks for no usage any more. `false`: the body names no
    /// model that could be replaced.
    pub(crate) fn aim(&mut self, choice: &Choice, upstream: &Upstream) -> bool {
        if !self.make_plain() {
            return false;
        }
        if let (Some(without), Some(body)) = (self.usage.without.take(), &mut self.body) {
            body.bytes = without;
            self.usage.is_hidden = false;
        }
        if let Some(model) = &choice.model
            && !self.name_model(model)
        {
            return false;
        }
        let Some(target) = &self.target else {
            return false;
        };
        let (prefix, path) = upstream.target(&target.path);
        let uri = uri(prefix, path, target.query.as_deref());
        self.head.aim(uri, &upstream.authority);
        if let Some(body) = &self.body {
            self.head.has_body(body.bytes.len());
        }
        true
    }

    /// Undoes the body's coding: whoever is asked next may not know it.
    fn make_plain(&mut self) -> bool {
        let (Some(coded), Some(body)) = (&self.coded, &mut self.body) else {
            return true;
        };
        let Ok(plain) = decode_whole(coded.coding, &body.bytes, coded.length) else {
            return false;
        };
        body.bytes = plain;
        self.head.drop_content_encoding();
        self.coded = None;
        true
    }

    fn name_model(&mut self, model: &str) -> bool {
        let Some(body) = &mut self.body else {
            return false;
        };
        let Some(renamed) = wire::with_model(&body.bytes, model) else {
            return false;
        };
        body.bytes = Bytes::from(renamed);
        true
    }

    /// Lets go of what another attempt would need.
    pub(crate) fn let_go(&mut self) {
        self.body = None;
        self.coded = None;
        self.target = None;
        self.usage.without = None;
        self.head.forget();
    }
}

/// `prefix`, `path` and `query` in one.
pub(crate) fn uri(prefix: &str, path: &str, query: Option<&str>) -> Uri {
    let mut text = String::with_capacity(prefix.len() + path.len() + 64);
    text.push_str(prefix);
    text.push_str(path);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        text.push('?');
        text.push_str(query);
    }
    PathAndQuery::try_from(text)
        .map(Uri::from)
        .unwrap_or_default()
}
