//! Anthropic's errors: `{"type":"error","error":{…},"request_id"}`.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::json;

use crate::accounts::AccountState;
use crate::budget::Refusal;
use crate::fault::Fault;
use crate::lies::Lie;
use crate::problem::Problem;

pub(crate) fn body(problem: &Problem, request_id: &str) -> String {
    let mut error = json!({ "type": problem.kind, "message": problem.message });
    if let Some(code) = problem.code {
        error["details"] = json!({ "error_code": code });
    }
    json!({ "type": "error", "error": error, "request_id": request_id }).to_string()
}

pub(crate) fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "invalid_request_error", message)
}

pub(crate) fn not_found(what: &str) -> Problem {
    Problem::new(404, "not_found_error", what)
}

pub(crate) fn too_large() -> Problem {
    Problem::new(413, "request_too_large", "Request exceeds the maximum size")
}

pub(crate) fn unauthenticated(key: Option<&str>) -> Problem {
    let message = match key {
        Some(_) => "invalid x-api-key",
        None => "x-api-key header is required",
    };
    Problem::new(401, "authentication_error", message)
}

pub(crate) fn refusal(refusal: &Refusal, model: &str, account: &AccountState) -> Problem {
    let Refusal {
        dimension,
        limit,
        needed,
        wait,
    } = refusal;
    let (dimension, organization) = (dimension.as_str(), &account.organization);
    let says_why = !account.lies().tells(Lie::WordsMissing);
    let mut problem = match wait {
        Some(wait) if !says_why => rate_limited("You have sent too much. Please try again later.")
            .retry_after(whole_secs(*wait)),
        Some(wait) => rate_limited(format!(
            "This request would exceed your organization's rate limit of {limit} {dimension} \
             per minute (org: {organization}, model: {model})."
        ))
        .retry_after(whole_secs(*wait)),
        None => rate_limited(format!(
            "Request too large for {model} in organization {organization} on {dimension} per \
             minute: Limit {limit}, Requested {needed}."
        )),
    };
    problem.shows_budget = true;
    problem
}

fn rate_limited(message: impl Into<String>) -> Problem {
    Problem::new(429, "rate_limit_error", message)
}

/// Whole seconds, rounded up: earlier retries fail.
pub(crate) fn whole_secs(wait: Duration) -> u64 {
    wait.as_micros().div_ceil(1_000_000).max(1) as u64
}

pub(crate) fn failure(fault: &Fault, model: &str, account: &AccountState) -> Problem {
    let mut problem = match fault {
        Fault::RateLimited { retry_after_secs } => rate_limited(format!(
            "This request would exceed your organization's rate limit (org: {}, model: {model}).",
            account.organization
        ))
        .retry_after(retry_after_secs.unwrap_or(1)),
        Fault::RateLimitedBare => rate_limited("Too many requests."),
        Fault::RampLimited { retry_after_secs } => {
            rate_limited("Your organization's traffic is growing faster than it may.")
                .code("ramp_limit_exceeded")
                .retry_after(retry_after_secs.unwrap_or(1))
        }
        Fault::TooLargeForLimit => rate_limited(format!(
            "Request too large for {model} in organization {} on input tokens per minute: \
             Limit 1000, Requested 34307.",
            account.organization
        )),
        Fault::SpendLimitEnforced => {
            rate_limited("Your organization has reached its enforced spend limit.")
                .code("enforced_spend_limit_reached")
        }
        Fault::Overloaded { retry_after_secs } => Problem {
            retry_after: *retry_after_secs,
            ..Problem::new(529, "overloaded_error", "Overloaded")
        },
        Fault::Revoked => unauthenticated(Some("")),
        Fault::OutOfCredit => invalid(
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & \
             Billing to upgrade or purchase credits.",
        ),
        Fault::SpendLimit => invalid(
            "You have reached your specified API usage limits. You will regain access on \
             2099-01-01 at 00:00 UTC.",
        ),
        Fault::OrganizationDisabled => invalid("This organization has been disabled."),
        Fault::BillingError => Problem::new(402, "billing_error", "A payment is overdue."),
        Fault::ModelForbidden => Problem::new(
            403,
            "permission_error",
            format!("Your API key does not have permission to use the model {model}."),
        ),
        Fault::ModelMissing => not_found(&format!("model: {model}")),
        Fault::TimedOut => Problem::new(504, "timeout_error", "The request timed out."),
        _ => Problem::new(500, "api_error", "Internal server error"),
    };
    problem.shows_budget = matches!(
        fault,
        Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit
    );
    problem
}

/// `error.type` of an event, and the message that goes with it.
pub(crate) fn event(kind: Option<&str>) -> (Cow<'_, str>, &'static str) {
    match kind {
        None | Some("overloaded_error") => (Cow::Borrowed("overloaded_error"), "Overloaded"),
        Some("rate_limit_error") => (Cow::Borrowed("rate_limit_error"), "Rate limited"),
        Some(other) => (Cow::Borrowed(other), "Internal server error"),
    }
}
