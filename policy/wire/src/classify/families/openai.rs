//! OpenAI and Azure OpenAI, whose words many others speak too.

use crate::classify::row::Charge::{
    AccountDisabled, BadRequest, Broken, KeyRejected, ModelDenied, OutOfMoney, Overloaded,
    RampLimited, RateLimited, ReferenceUnknown, ScopeMissing, TooLargeForLimit,
};
use crate::classify::row::Says::{Begins, BeginsWithoutWait, Code, Has, Model, MoreThanTheLimit};
use crate::classify::row::{BREAKDOWNS, Family, RIGHTS, Row, STATES, status};

const ERRORS: &str = "OpenAI, Error codes";
const LIMITS: &str = "OpenAI, Rate limits";
const REFERENCE: &str = "OpenAI, API reference, Responses";
const SEEN: &str = "seen in issue threads";

pub(super) const OPENAI: Family = Family {
    name: "OpenAI and relatives",
    rows: &[
        Row::new(
            STATES,
            Code(&[
                "account_deactivated",
                "organization_deactivated",
                "access_terminated",
            ]),
            AccountDisabled,
            ERRORS,
        ),
        Row::new(
            STATES,
            Code(&[
                "insufficient_quota",
                "billing_hard_limit_reached",
                "billing_not_active",
                "credit_balance_exhausted",
                "spend_limit_exceeded",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "insufficient_balance",
            ]),
            OutOfMoney,
            ERRORS,
        ),
        Row::new(
            STATES,
            BeginsWithoutWait(&[
                "you exceeded your current quota, please check your plan and billing",
            ]),
            OutOfMoney,
            ERRORS,
        ),
        // A restricted key: this endpoint with this key, and nothing else.
        Row::new(
            RIGHTS,
            Begins(&[
                "you have insufficient permissions for this operation",
                "missing scopes",
            ]),
            ScopeMissing,
            "OpenAI, Assign API key permissions",
        ),
        Row::new(
            RIGHTS,
            Code(&["insufficient_scope"]),
            ScopeMissing,
            "RFC 6750, 3.1",
        ),
        Row::new(
            status![400],
            Code(&["invalid_api_key"]),
            KeyRejected,
            ERRORS,
        ),
        Row::new(
            status![400],
            Code(&["model_not_found"]),
            ModelDenied,
            ERRORS,
        ),
        // What is sealed to another organization, or kept at another account.
        Row::new(
            status![400, 404],
            Code(&["invalid_encrypted_content", "previous_response_not_found"]),
            ReferenceUnknown,
            REFERENCE,
        ),
        Row::new(
            status![400, 404],
            Begins(&[
                "the encrypted content",
                "previous response with id",
                "item with id '*' not found",
                "conversation with id '*' not found",
                "container with id '*' not found",
            ]),
            ReferenceUnknown,
            SEEN,
        ),
        Row::new(
            status![403],
            Code(&["content_policy_violation"]),
            BadRequest,
            ERRORS,
        ),
        // Where the gateway stands, not which key it holds.
        Row::new(
            status![403],
            Code(&["unsupported_country_region_territory"]),
            Broken,
            ERRORS,
        ),
        Row::new(
            status![404],
            Model(
                &["model_not_found", "modelnotfound"],
                &[
                    "model:",
                    "model '",
                    "model \"",
                    "model `",
                    "the model ",
                    "no such model",
                    "unknown model",
                ],
            ),
            ModelDenied,
            ERRORS,
        ),
        Row::new(status![429], Code(&["slow_down"]), RampLimited, ERRORS),
        Row::new(BREAKDOWNS, Code(&["slow_down"]), RampLimited, ERRORS),
        Row::new(
            status![429],
            Begins(&["request too large for"]),
            TooLargeForLimit,
            LIMITS,
        ),
        Row::new(status![429], MoreThanTheLimit, TooLargeForLimit, LIMITS),
        Row::new(BREAKDOWNS, Code(&["server_overloaded"]), Overloaded, ERRORS),
        Row::new(BREAKDOWNS, Has(&["overloaded"]), Overloaded, ERRORS),
        Row::new(
            BREAKDOWNS,
            Code(&["rate_limit_exceeded"]),
            RateLimited,
            SEEN,
        ),
    ],
};

pub(super) const AZURE: Family = Family {
    name: "Azure OpenAI",
    rows: &[
        Row::new(
            status![404],
            Model(
                &["deploymentnotfound"],
                &["the api deployment for this resource"],
            ),
            ModelDenied,
            "Azure OpenAI, REST API reference",
        ),
        Row::new(
            status![403],
            Begins(&[
                "access denied due to virtual network",
                "public access is disabled",
            ]),
            AccountDisabled,
            "Azure AI services, Configure virtual networks",
        ),
        Row::new(
            status![429],
            Begins(&["the system is currently experiencing high demand"]),
            Overloaded,
            SEEN,
        ),
    ],
};
