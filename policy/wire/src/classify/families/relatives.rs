//! Groq, Mistral, `DeepSeek` and xAI: OpenAI's relatives with a few words of their own.

use crate::classify::row::Charge::{
    AccountDisabled, BadRequest, KeyRejected, OutOfMoney, Overloaded, TooLargeForLimit,
};
use crate::classify::row::Says::{Anything, Begins, Code};
use crate::classify::row::{BREAKDOWNS, Family, RIGHTS, Row, STATES, status};

const SEEN: &str = "seen in issue threads";

pub(super) const GROQ: Family = Family {
    name: "Groq",
    rows: &[
        Row::new(
            STATES,
            Code(&["organization_restricted"]),
            AccountDisabled,
            SEEN,
        ),
        Row::new(
            status![413],
            Code(&["rate_limit_exceeded"]),
            TooLargeForLimit,
            "Groq, API error codes",
        ),
        // A tool of the request's failed.
        Row::new(
            status![424],
            Code(&[
                "invalid_request_error",
                "mcp_error",
                "external_connector_error",
            ]),
            BadRequest,
            "Groq, API error codes",
        ),
        // The flexible tier has no capacity.
        Row::new(status![498], Anything, Overloaded, "Groq, Flex processing"),
    ],
};

pub(super) const MISTRAL: Family = Family {
    name: "Mistral",
    rows: &[
        Row::new(
            STATES,
            Begins(&["inactive subscription or usage limit"]),
            OutOfMoney,
            SEEN,
        ),
        Row::new(
            status![429],
            Begins(&["service tier capacity exceeded"]),
            Overloaded,
            SEEN,
        ),
    ],
};

pub(super) const DEEPSEEK: Family = Family {
    name: "DeepSeek",
    rows: &[
        Row::new(
            status![402],
            Begins(&["insufficient balance"]),
            OutOfMoney,
            "DeepSeek, Error codes",
        ),
        Row::new(
            BREAKDOWNS,
            Begins(&["server overloaded", "service is too busy"]),
            Overloaded,
            "DeepSeek, Error codes",
        ),
    ],
};

pub(super) const XAI: Family = Family {
    name: "xAI",
    rows: &[
        Row::new(
            RIGHTS,
            Begins(&[
                "your newly created team doesn't have any credits",
                "your team * used all available credits",
            ]),
            OutOfMoney,
            SEEN,
        ),
        Row::new(
            STATES,
            Begins(&["incorrect api key provided"]),
            KeyRejected,
            "xAI, API reference, Errors",
        ),
    ],
};
