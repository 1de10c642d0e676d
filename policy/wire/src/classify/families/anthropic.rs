//! Anthropic.

use crate::classify::row::Charge::{
    AccountDisabled, BadRequest, KeyRejected, OutOfMoney, Overloaded, RampLimited,
};
use crate::classify::row::Says::{Begins, Code, Has};
use crate::classify::row::{BREAKDOWNS, Family, Row, STATES, status};

const ERRORS: &str = "Anthropic, API reference, Errors";
const LIMITS: &str = "Anthropic, Rate limits";
const SDK: &str = "types of Anthropic's SDKs";
const SEEN: &str = "seen in issue threads";

pub(super) const ANTHROPIC: Family = Family {
    name: "Anthropic",
    rows: &[
        Row::new(
            STATES,
            Begins(&["your credit balance is too low"]),
            OutOfMoney,
            SEEN,
        ),
        Row::new(
            STATES,
            Begins(&[
                "you have reached your specified api usage limits",
                "you have reached your specified workspace api usage limits",
            ]),
            OutOfMoney,
            LIMITS,
        ),
        Row::new(
            STATES,
            Code(&[
                "billing_error",
                "enforced_spend_limit_reached",
                "contract_spend_limit_reached",
            ]),
            OutOfMoney,
            ERRORS,
        ),
        Row::new(
            STATES,
            Begins(&["this organization has been disabled"]),
            AccountDisabled,
            SEEN,
        ),
        Row::new(
            STATES,
            Code(&["organization_on_hold", "organization_disabled"]),
            AccountDisabled,
            SDK,
        ),
        Row::new(
            status![400],
            Code(&["authentication_error"]),
            KeyRejected,
            ERRORS,
        ),
        Row::new(
            status![429],
            Code(&["ramp_limit_exceeded"]),
            RampLimited,
            SDK,
        ),
        Row::new(
            status![429],
            Has(&["usage increase rate", "acceleration limit"]),
            RampLimited,
            LIMITS,
        ),
        Row::new(
            status![413],
            Code(&["request_too_large"]),
            BadRequest,
            ERRORS,
        ),
        Row::new(BREAKDOWNS, Code(&["overloaded_error"]), Overloaded, ERRORS),
    ],
};
