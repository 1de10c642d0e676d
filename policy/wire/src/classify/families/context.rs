//! Requests longer than the model's context, whoever answers. Another model may take them.

use crate::classify::row::Charge::ContextTooLong;
use crate::classify::row::Says::{Begins, Code};
use crate::classify::row::{Family, Row, status};

const SEEN: &str = "seen in issue threads";

pub(super) const CONTEXT: Family = Family {
    name: "Longer than the model's context, whoever answers",
    rows: &[
        Row::new(
            status![400, 413, 422],
            Code(&["context_length_exceeded", "string_above_max_length"]),
            ContextTooLong,
            "OpenAI, Error codes; Groq, Azure OpenAI and others alike",
        ),
        Row::new(
            status![400, 413, 422],
            Begins(&[
                "prompt is too long",
                "the prompt is too long",
                "input is too long for requested model",
                "input length and `max_tokens` exceed context limit",
                "this model's maximum context length is",
                "maximum context length is",
                "this endpoint's maximum context length is",
                "your input exceeds the context window",
                "the input token count * exceeds the maximum",
                "prompt contains * too large for model",
            ]),
            ContextTooLong,
            SEEN,
        ),
    ],
};
