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

/// A request as it is sent, as often as it takes.
pub(crate) struct Outgoing {
    pub(crate) head: OutgoingHead,
    /// Dropped once an answer is on its way.
    pub(crate) body: Option<Body>,
    /// The coding that it is in. As it came, it goes to whom the client had in mind; others are sent
    /// it in plain.
    pub(crate) coded: Option<Coded>,
    /// What is needed to aim at another provider; absent where none may be asked.
    pub(crate) target: Option<Box<Target>>,
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

    /// Aims at `choice`, which is at `upstream`. `false`: the body names no model that could be
    /// replaced.
    pub(crate) fn aim(&mut self, choice: &Choice, upstream: &Upstream) -> bool {
        if !self.make_plain() {
            return false;
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
        let length = self.body.as_ref().map(|body| body.bytes.len());
        self.head.aim(uri, &upstream.authority, length);
        true
    }

    /// Undoes the body's coding: who is turned to may not know it.
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
