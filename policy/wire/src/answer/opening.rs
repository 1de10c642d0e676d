//! How a good answer is to be read, and how much of it before the client gets any.
//!
//! Until the client has a first byte, a failure can still go to another key unseen. So a stream's
//! head is held until its first content (providers report overload in a stream that has just begun
//! with 200), and a JSON answer until its end, which is no loss: nobody can use half of one.

use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// How an answer's body is read on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Event by event.
    Events,
    /// As one JSON text.
    Json,
    /// Not at all.
    Opaque,
}

/// What an answer's head says of its body.
#[derive(Clone, Copy, Debug)]
pub struct Announced<'a> {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// There is no body whatever the head says (`HEAD`).
    pub bodiless: bool,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `content-encoding`.
    pub content_encoding: Option<&'a str>,
}

/// Whether the gateway reads the answers of `endpoint`.
pub const fn is_read(endpoint: Endpoint) -> bool {
    !matches!(endpoint, Endpoint::Models | Endpoint::Probe)
}

/// The form that an answer's head announces.
pub fn form(announced: &Announced<'_>) -> Form {
    let coding = announced.content_encoding.unwrap_or("identity");
    if coding.trim() != "identity" || announced.bodiless || !is_read(announced.endpoint) {
        return Form::Opaque;
    }
    let media = announced.content_type.unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("text/event-stream") {
        Form::Events
    } else if media.eq_ignore_ascii_case("application/json") {
        Form::Json
    } else {
        Form::Opaque
    }
}

/// Whose fault a whole answer announced as JSON is. Parsing all of it would tell more, but what is
/// caught here are pages and banners.
pub fn of_whole(body: &[u8]) -> Fault {
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => Fault::None,
        _ => Fault::Broken { wait: None },
    }
}

/// What the beginning of a stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing yet: hold it back.
    Undecided,
    /// Content, or an end without any: the client may have it.
    Begun,
    /// An error before any content.
    Failed(Fault),
    /// It ended without a word of content and without saying that it is complete.
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_announces_the_form() {
        for (endpoint, content_type, content_encoding, expected) in [
            (
                Endpoint::Inference,
                Some("text/event-stream; charset=utf-8"),
                None,
                Form::Events,
            ),
            (
                Endpoint::Inference,
                Some("Application/JSON"),
                Some("identity"),
                Form::Json,
            ),
            (
                Endpoint::Inference,
                Some("application/json"),
                Some("gzip"),
                Form::Opaque,
            ),
            (
                Endpoint::Models,
                Some("application/json"),
                None,
                Form::Opaque,
            ),
            (Endpoint::Inference, None, None, Form::Opaque),
        ] {
            let announced = Announced {
                endpoint,
                bodiless: false,
                content_type,
                content_encoding,
            };
            assert_eq!(form(&announced), expected, "{announced:?}");
        }
    }

    #[test]
    fn a_banner_is_no_json() {
        assert_eq!(of_whole(b" \r\n{}"), Fault::None);
        assert_eq!(of_whole(b"upstream ok"), Fault::Broken { wait: None });
        assert_eq!(of_whole(b""), Fault::Broken { wait: None });
    }
}
