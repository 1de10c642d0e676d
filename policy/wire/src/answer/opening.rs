//! How a good answer is to be read, and how much of it before the client gets any.
//!
//! Until the client has a first byte, a failure can still go to another key unseen. So a stream's
//! head is held until its first content (providers report overload in a stream that has just begun
//! with 200), and a JSON answer until its end, which is no loss: nobody can use half of one.

pub use crate::answer::whole::{WholeAnswer, of_whole};

use crate::answer::error_inside;
use crate::refusal::ErrorAnswer;
use keyweir_terms::dialect::Dialect;
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
pub struct Announced {
    endpoint: Endpoint,
    media: Media,
    may_be_read: bool,
}

/// An answer's head, as far as it tells of its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// There is no body whatever the head says (`HEAD`).
    pub bodiless: bool,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `content-encoding`.
    pub content_encoding: Option<&'a str>,
}

impl Announced {
    /// What `head` says, of an answer of `endpoint`.
    pub fn by(head: &Head<'_>, endpoint: Endpoint) -> Self {
        let coding = head.content_encoding.unwrap_or("identity");
        let is_plain = coding.trim() == "identity";
        Self {
            endpoint,
            media: Media::of(head.content_type.unwrap_or_default()),
            may_be_read: is_plain && !head.bodiless && is_read(endpoint),
        }
    }
}

/// Whether the gateway reads the answers of `endpoint`.
pub const fn is_read(endpoint: Endpoint) -> bool {
    !matches!(endpoint, Endpoint::Models | Endpoint::Probe)
}

/// The form that an answer's head announces. Heads err: see [`form_of_body`].
pub fn form(announced: Announced) -> Form {
    if !announced.may_be_read {
        return Form::Opaque;
    }
    match announced.media {
        Media::Events => Form::Events,
        Media::Json => Form::Json,
        Media::Text | Media::Other => Form::Opaque,
    }
}

/// What an answer's body turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// More of it must be seen. Where the driver can wait no longer, [`form`] is the best guess.
    Undecided,
    /// This.
    Known(Form),
    /// Nothing, or a banner, where an answer belongs: [`Fault::Broken`].
    NoAnswer,
}

/// What the body is, whatever its head says: some send events with no or another content type, JSON
/// for a stream, a stream for JSON, a proxy's line of text, or nothing. `first`: what has come of
/// it; `ended`: that is all. `asks_in_json`: the request's body was JSON
/// ([`Route::has_json_body`](crate::route::Route::has_json_body)); only then is a text no answer,
/// because transcripts, which forms ask for, are texts.
pub fn form_of_body(
    announced: Announced,
    asks_in_json: bool,
    first: &[u8],
    ended: bool,
) -> BodyForm {
    let as_announced = BodyForm::Known(form(announced));
    if !announced.may_be_read {
        return as_announced;
    }
    let asks_a_model = matches!(
        announced.endpoint,
        Endpoint::Inference | Endpoint::CountTokens
    );
    let is_expected = asks_a_model && asks_in_json;
    match (announced.media, Look::at(first, ended)) {
        (_, Look::Nothing) if is_expected => BodyForm::NoAnswer,
        // Sound, pictures, files: what they begin with tells nothing.
        (Media::Other, _) => as_announced,
        (Media::Text, _) if !is_expected => as_announced,
        (_, Look::Undecided) => BodyForm::Undecided,
        (_, Look::Json) => BodyForm::Known(Form::Json),
        (_, Look::Events) => BodyForm::Known(Form::Events),
        (Media::Json | Media::Text, Look::Text) if is_expected => BodyForm::NoAnswer,
        (_, Look::Text | Look::Nothing) => as_announced,
    }
}

/// What a content type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Events,
    Json,
    /// Text of any kind, or nothing said.
    Text,
    Other,
}

impl Media {
    fn of(content_type: &str) -> Self {
        match content_type {
            "application/json" => return Self::Json,
            "text/event-stream; charset=utf-8" => return Self::Events,
            _ => {}
        }
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let begins = |with: &str| {
            media
                .get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        if media.eq_ignore_ascii_case("text/event-stream") {
            Self::Events
        } else if media.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if media.is_empty() || begins("text/") {
            Self::Text
        } else {
            Self::Other
        }
    }
}

/// What a body's first bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Too little has come to tell.
    Undecided,
    Nothing,
    Json,
    Events,
    Text,
}

impl Look {
    fn at(first: &[u8], ended: bool) -> Self {
        /// What the lines of a stream of events begin with (WHATWG HTML, 9.2.6).
        const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b":", b"id:", b"retry:"];
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        let bytes = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
        let bytes = bytes.trim_ascii_start();
        if bytes.is_empty() {
            return if ended {
                Self::Nothing
            } else {
                Self::Undecided
            };
        }
        if matches!(bytes[0], b'{' | b'[') {
            return Self::Json;
        }
        if FIELDS.iter().any(|field| bytes.starts_with(field)) {
            return Self::Events;
        }
        let may_become = FIELDS
            .iter()
            .chain([&BYTE_ORDER_MARK])
            .any(|begins| begins.starts_with(bytes));
        if may_become && !ended {
            Self::Undecided
        } else {
            Self::Text
        }
    }
}

/// The error in a whole answer that came with 200 (see [`of_whole`]), as the error answer that it
/// should have been, in the client's dialect: for an error that is the request's. `None`: there is
/// none.
pub fn error_answer(dialect: Dialect, body: &[u8], fault: &Fault) -> Option<ErrorAnswer> {
    fault
        .is_for_the_client()
        .then(|| error_inside::answer(dialect, body))?
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
            let head = Head {
                bodiless: false,
                content_type,
                content_encoding,
            };
            let announced = Announced::by(&head, endpoint);
            assert_eq!(form(announced), expected, "{announced:?}");
        }
    }

    #[test]
    fn the_body_decides_what_it_is() {
        use BodyForm::{Known, NoAnswer, Undecided};
        const EVENTS: BodyForm = Known(Form::Events);
        const JSON: BodyForm = Known(Form::Json);
        const OPAQUE: BodyForm = Known(Form::Opaque);
        const SSE: Option<&str> = Some("text/event-stream");
        const AS_JSON: Option<&str> = Some("application/json");
        const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");
        for (content_type, first, ended, expected) in [
            (SSE, "data: {}", false, EVENTS),
            (None, "data: {}", false, EVENTS),
            (AS_JSON, "event: message_start", false, EVENTS),
            (PLAIN, "\n\n: keep-alive\n", false, EVENTS),
            (SSE, "{\"error\":{}}", false, JSON),
            (None, "\u{FEFF} {", false, JSON),
            (PLAIN, "[1]", false, JSON),
            (AS_JSON, "", false, Undecided),
            (SSE, "\r\n", false, Undecided),
            (SSE, "dat", false, Undecided),
            (AS_JSON, "", true, NoAnswer),
            (None, "", true, NoAnswer),
            (SSE, " \n", true, NoAnswer),
            (PLAIN, "upstream connect error", false, NoAnswer),
            (PLAIN, "dat", true, NoAnswer),
            (AS_JSON, "data center is down", false, NoAnswer),
            (AS_JSON, "<html>", false, NoAnswer),
            // A reader of events knows what to do with a stream that is none.
            (SSE, "upstream connect error", false, EVENTS),
            (Some("audio/mpeg"), "data:", false, OPAQUE),
            (Some("application/x-ndjson"), "{}", false, OPAQUE),
            (Some("audio/mpeg"), "", true, NoAnswer),
        ] {
            let head = Head {
                bodiless: false,
                content_type,
                content_encoding: None,
            };
            let announced = Announced::by(&head, Endpoint::Inference);
            let found = form_of_body(announced, true, first.as_bytes(), ended);
            assert_eq!(found, expected, "{content_type:?} {first:?}");
        }
    }

    #[test]
    fn what_is_no_answer_of_a_model_is_what_it_says() {
        let look = |endpoint, asks_in_json, content_encoding, first: &[u8]| {
            let head = Head {
                bodiless: false,
                content_type: Some("text/plain"),
                content_encoding,
            };
            form_of_body(Announced::by(&head, endpoint), asks_in_json, first, true)
        };
        let opaque = BodyForm::Known(Form::Opaque);
        // A transcript; a file; nothing after a deletion; a body that is compressed.
        assert_eq!(look(Endpoint::Inference, false, None, b"Hello"), opaque);
        assert_eq!(look(Endpoint::Files, true, None, b"{}"), opaque);
        assert_eq!(look(Endpoint::Files, true, None, b""), opaque);
        assert_eq!(
            look(Endpoint::Inference, true, Some("gzip"), b"\x1f\x8b"),
            opaque
        );
    }
}
