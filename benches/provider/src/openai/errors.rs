//! OpenAI's errors: `{"error":{"message","type","param","code"}}`.

use serde_json::json;

use crate::accounts::AccountState;
use crate::anthropic::errors::whole_secs;
use crate::budget::{Dimension, Refusal};
use crate::fault::Fault;
use crate::problem::Problem;

pub(crate) fn body(problem: &Problem) -> String {
    json!({
        "error": {
            "message": problem.message,
            "type": problem.kind,
            "param": problem.param,
            "code": problem.code,
        }
    })
    .to_string()
}

pub(crate) fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "invalid_request_error", message)
}

pub(crate) fn not_found(message: impl Into<String>) -> Problem {
    Problem::new(404, "invalid_request_error", message)
}

pub(crate) fn too_large() -> Problem {
    Problem::new(413, "invalid_request_error", "The request is too large.")
}

pub(crate) fn unauthenticated(key: Option<&str>) -> Problem {
    match key {
        Some(key) => {
            let last: String = key
                .chars()
                .skip(key.chars().count().saturating_sub(4))
                .collect();
            Problem::new(
                401,
                "invalid_request_error",
                format!("Incorrect API key provided: ****{last}."),
            )
            .code("invalid_api_key")
        }
        None => Problem::new(
            401,
            "invalid_request_error",
            "You didn't provide an API key.",
        ),
    }
}

pub(crate) fn refusal(refusal: &Refusal, model: &str, account: &AccountState) -> Problem {
    let Refusal {
        dimension,
        limit,
        needed,
        wait,
    } = refusal;
    let organization = &account.organization;
    let (kind, short) = match dimension {
        Dimension::Requests => ("requests", "requests per min (RPM)"),
        _ => ("tokens", "tokens per min (TPM)"),
    };
    let mut problem = match wait {
        Some(wait) => Problem::new(
            429,
            kind,
            format!(
                "Rate limit reached for {model} in organization {organization} on {short}: \
                 Limit {limit}, Requested {needed}. Please try again in {}.",
                super::headers::duration(*wait)
            ),
        )
        .retry_after(whole_secs(*wait)),
        None => Problem::new(
            429,
            kind,
            format!(
                "Request too large for {model} in organization {organization} on {short}: \
                 Limit {limit}, Requested {needed}. The input or output tokens must be reduced \
                 in order to run successfully."
            ),
        ),
    }
    .code("rate_limit_exceeded");
    problem.shows_budget = true;
    problem
}

pub(crate) fn failure(fault: &Fault, model: &str, account: &AccountState) -> Problem {
    let organization = &account.organization;
    let quota = |code, message: &str| Problem::new(429, "insufficient_quota", message).code(code);
    let mut problem = match fault {
        Fault::RateLimited { retry_after_secs } => Problem::new(
            429,
            "requests",
            format!("Rate limit reached for {model} in organization {organization}."),
        )
        .code("rate_limit_exceeded")
        .retry_after(retry_after_secs.unwrap_or(1)),
        Fault::RateLimitedBare => Problem::new(429, "requests", "Too many requests."),
        Fault::RampLimited { retry_after_secs } => Problem::new(
            429,
            "requests",
            "Your traffic is growing too fast. Please slow down.",
        )
        .code("slow_down")
        .retry_after(retry_after_secs.unwrap_or(1)),
        Fault::TooLargeForLimit => Problem::new(
            429,
            "tokens",
            format!(
                "Request too large for {model} in organization {organization} on tokens per min \
                 (TPM): Limit 1000, Requested 34307."
            ),
        )
        .code("rate_limit_exceeded"),
        Fault::OutOfCredit => quota(
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        Fault::SpendLimit => quota(
            "project_spend_limit_exceeded",
            "The project has reached its spend limit.",
        ),
        Fault::SpendLimitEnforced | Fault::BillingError => quota(
            "credit_balance_exhausted",
            "The organization's credit balance is exhausted.",
        ),
        Fault::Revoked => unauthenticated(Some("none")),
        Fault::OrganizationDisabled => Problem::new(
            401,
            "invalid_request_error",
            "The organization of this API key has been disabled.",
        )
        .code("account_deactivated"),
        Fault::ModelForbidden => Problem::new(
            403,
            "invalid_request_error",
            format!("Project does not have access to model `{model}`."),
        )
        .code("model_not_found"),
        Fault::ModelMissing => unknown_model(model),
        Fault::Overloaded { retry_after_secs } => Problem {
            retry_after: *retry_after_secs,
            ..Problem::new(503, "server_error", "The engine is overloaded.").code("overloaded")
        },
        Fault::TimedOut => Problem::new(504, "server_error", "The request timed out."),
        _ => Problem::new(500, "server_error", "The server had an error."),
    };
    problem.shows_budget = matches!(
        fault,
        Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit
    );
    problem
}

pub(crate) fn unknown_model(model: &str) -> Problem {
    not_found(format!(
        "The model `{model}` does not exist or you do not have access to it."
    ))
    .param("model")
    .code("model_not_found")
}

/// The code and the message of an error in a stream.
pub(crate) fn event_words(kind: Option<&str>) -> (&str, &'static str) {
    match kind {
        None | Some("overloaded_error") => ("overloaded", "The engine is overloaded."),
        Some("rate_limit_error" | "rate_limit_exceeded") => {
            ("rate_limit_exceeded", "Rate limit reached.")
        }
        Some(other) => (other, "The server had an error."),
    }
}

/// The error chunk of a chat completion's stream.
pub(crate) fn event(kind: Option<&str>) -> String {
    let (code, message) = event_words(kind);
    json!({
        "error": { "message": message, "type": "server_error", "param": null, "code": code }
    })
    .to_string()
}
