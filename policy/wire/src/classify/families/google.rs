//! Gemini and Vertex AI.

use crate::classify::row::Charge::{
    AccountDisabled, Broken, KeyRejected, ModelDenied, OutOfMoney, Overloaded, RateLimited,
    ReferenceUnknown, ScopeMissing,
};
use crate::classify::row::Says::{Begins, Code, Has, Model};
use crate::classify::row::{BREAKDOWNS, Family, RIGHTS, Row, STATES, status};

const TROUBLE: &str = "Gemini API, Troubleshooting";
const ERRORS: &str = "Gemini API, API errors";
const RATE: &str = "Gemini API, Rate limits";
const INFO: &str = "google.rpc.ErrorInfo, reasons of googleapis.com";
const VERTEX: &str = "Vertex AI, API errors";
const SEEN: &str = "seen in issue threads";

pub(super) const GOOGLE: Family = Family {
    name: "Gemini, Vertex AI",
    rows: &[
        Row::new(STATES, Code(&["billing_disabled"]), OutOfMoney, INFO),
        Row::new(
            status![429],
            Begins(&[
                "your prepayment credits are depleted",
                "your project has exceeded its monthly spending cap",
            ]),
            OutOfMoney,
            SEEN,
        ),
        // The model has no capacity, whatever is left of anybody's quota.
        Row::new(
            status![429, 503],
            Code(&["model_capacity_exhausted"]),
            Overloaded,
            SEEN,
        ),
        Row::new(
            status![400],
            Begins(&["gemini api free tier is not available in your country"]),
            OutOfMoney,
            ERRORS,
        ),
        // The words speak of quota, plan and billing, but what is spent is one model's minute, or
        // its day. Its `RetryInfo` says for how long.
        Row::new(
            status![429],
            Code(&["resource_exhausted"]),
            RateLimited,
            RATE,
        ),
        Row::new(
            STATES,
            Code(&["api_key_invalid", "api_key_expired"]),
            KeyRejected,
            INFO,
        ),
        Row::new(
            STATES,
            Begins(&["api key not valid", "api key expired"]),
            KeyRejected,
            TROUBLE,
        ),
        Row::new(
            RIGHTS,
            Begins(&["your api key was reported as leaked"]),
            KeyRejected,
            TROUBLE,
        ),
        Row::new(
            RIGHTS,
            Code(&[
                "api_key_ip_address_blocked",
                "api_key_http_referrer_blocked",
                "access_token_expired",
            ]),
            KeyRejected,
            INFO,
        ),
        Row::new(
            RIGHTS,
            Code(&["api_key_service_blocked", "access_token_scope_insufficient"]),
            ScopeMissing,
            INFO,
        ),
        // Of paths that want more than a key (tuned models, corpora), whichever key it is.
        Row::new(
            RIGHTS,
            Begins(&["api keys are not supported by this api"]),
            ScopeMissing,
            SEEN,
        ),
        Row::new(
            RIGHTS,
            Code(&["consumer_suspended", "consumer_invalid", "service_disabled"]),
            AccountDisabled,
            INFO,
        ),
        // It quotes the whole key.
        Row::new(
            RIGHTS,
            Begins(&[
                "permission denied: consumer '* has been suspended",
                "consumer 'api_key:* has been suspended",
                "your project has been denied access",
            ]),
            AccountDisabled,
            SEEN,
        ),
        Row::new(
            status![403, 404],
            Begins(&["you do not have permission to access the file"]),
            ReferenceUnknown,
            SEEN,
        ),
        Row::new(
            status![404],
            Model(&[], &["models/", "publisher model"]),
            ModelDenied,
            VERTEX,
        ),
        // `CANCELLED`: not by us.
        Row::new(status![499], Code(&["cancelled"]), Broken, VERTEX),
        Row::new(
            BREAKDOWNS,
            Has(&["overloaded", "experiencing high demand"]),
            Overloaded,
            TROUBLE,
        ),
    ],
};
