//! The event that ends a stream in an error.
//!
//! In a stream the status is long gone, and SDKs take a clean end for a complete answer, so the
//! error must be an event of the stream's own form.

use crate::refusal::error_body::Said;
use crate::refusal::kind::RefusalKind;
use keyweir_terms::dialect::Dialect;

/// The form a stream's events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamForm {
    /// Named events, `event: error` among them.
    Anthropic,
    /// Nameless chunks.
    Chunks,
    /// Named and numbered events (the Responses API).
    Responses {
        /// The number the next event has.
        sequence: u64,
    },
    /// Not known: an event that clients of either kind take for an error.
    Either,
}

impl StreamForm {
    /// The form streams of `dialect` have unless something else was seen.
    pub(crate) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic,
            Dialect::OpenAi => Self::Chunks,
            Dialect::Generic => Self::Either,
        }
    }
}

/// A complete event that says so in `form`.
pub(crate) fn event(
    form: StreamForm,
    kind: RefusalKind,
    message: &str,
    request_id: &str,
) -> String {
    let said = Said {
        kind,
        message,
        request_id,
    };
    match form {
        StreamForm::Anthropic => format!("event: error\ndata: {}\n\n", said.in_anthropic()),
        StreamForm::Chunks => format!("data: {}\n\n", said.in_openai()),
        StreamForm::Responses { sequence } => {
            format!("event: error\ndata: {}\n\n", said.in_responses(sequence))
        }
        StreamForm::Either => format!("event: error\ndata: {}\n\n", said.in_either()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parsed(body: &str) -> Value {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn an_event_is_whole_and_holds_an_error_object() {
        for form in [
            StreamForm::Anthropic,
            StreamForm::Chunks,
            StreamForm::Responses { sequence: 7 },
            StreamForm::Either,
        ] {
            for kind in RefusalKind::ALL {
                let event = event(form, kind, "line\nbreak", "req_1");
                let data = event.strip_prefix("event: error\n").unwrap_or(&event);
                assert_eq!(data == event, form == StreamForm::Chunks);
                let json = data
                    .strip_prefix("data: ")
                    .unwrap()
                    .strip_suffix("\n\n")
                    .unwrap();
                assert!(!json.contains('\n'));
                assert_eq!(parsed(json)["error"]["message"], "line\nbreak");
            }
        }
        let responses = event(
            StreamForm::Responses { sequence: 7 },
            RefusalKind::Overloaded,
            "m",
            "r",
        );
        assert!(
            responses.contains(r#""type":"error","sequence_number":7,"code":"server_overloaded""#)
        );
    }
}
