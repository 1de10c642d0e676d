use std::time::Duration;

use super::{NO_WAIT, judge, secs};
use keyweir_terms::fault::Fault::*;

#[test]
fn capacity_and_countries() {
    judge(&[
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"No capacity available for model on the server","status":"RESOURCE_EXHAUSTED","details":[{"reason":"MODEL_CAPACITY_EXHAUSTED"}]}}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"No capacity available for model on the server","status":"UNAVAILABLE","details":[{"reason":"MODEL_CAPACITY_EXHAUSTED"}]}}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"You have exhausted your capacity on this model. Your quota will reset after 5h59m59s.","status":"RESOURCE_EXHAUSTED","details":[{"reason":"QUOTA_EXHAUSTED","metadata":{"quotaResetDelay":"5h59m59.5s"}},{"retryDelay":"21599.5s"}]}}"#,
            RateLimited {
                wait: Some(Duration::from_millis(21_599_500)),
            },
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.","status":"FAILED_PRECONDITION"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Your project has been denied access. Please contact support.","status":"PERMISSION_DENIED"}}"#,
            AccountDisabled,
        ),
        (
            401,
            &[],
            r#"{"error":{"code":401,"message":"API keys are not supported by this API. Expected OAuth2 access token or other authentication credentials that assert a principal. See https://cloud.google.com/docs/authentication","status":"UNAUTHENTICATED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CREDENTIALS_MISSING","domain":"googleapis.com"}]}}"#,
            ScopeMissing,
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"Your project has exceeded its monthly spending cap.","status":"RESOURCE_EXHAUSTED"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn gemini_and_vertex() {
    judge(&[
        // Per minute and model, although the words speak of quota, plan and billing.
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, head to the documentation. \n* Quota exceeded for metric: generate_content_free_tier_requests, limit: 5, model: gemini-2.5-pro\nPlease retry in 7.5s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"5"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"8s"}]}}"#,
            RateLimited { wait: secs(8) },
        ),
        // The wait in words alone.
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.\nPlease retry in 34.5s.","status":"RESOURCE_EXHAUSTED"}}"#,
            RateLimited {
                wait: Some(Duration::from_millis(34_500)),
            },
        ),
        // Through the OpenAI-compatible path: a list of one, and no status word.
        (
            429,
            &[],
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","details":[{"retryDelay":"12s"}]}}]"#,
            RateLimited { wait: secs(12) },
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"error":{"code":429,"message":"Your prepayment credits are depleted. Please go to AI Studio to manage billing.","status":"RESOURCE_EXHAUSTED"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            KeyRejected,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}"#,
            KeyRejected,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}"#,
            KeyRejected,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Permission denied: Consumer 'api_key:AIzaSyX' has been suspended.","status":"PERMISSION_DENIED","details":[{"reason":"CONSUMER_SUSPENDED"}]}}"#,
            AccountDisabled,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Permission denied: Consumer 'api_key:AIzaSyX' has been suspended.","status":"PERMISSION_DENIED"}}"#,
            AccountDisabled,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Generative Language API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
            AccountDisabled,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Requests to this API are blocked.","status":"PERMISSION_DENIED","details":[{"reason":"API_KEY_SERVICE_BLOCKED"}]}}"#,
            ScopeMissing,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"You do not have permission to access the File x or it may not exist.","status":"PERMISSION_DENIED"}}"#,
            ReferenceUnknown,
        ),
        (
            404,
            &[],
            r#"{"error":{"code":404,"message":"models/gemini-9 is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            ModelDenied,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}"#,
            BadRequest,
        ),
        (
            499,
            &[],
            r#"{"error":{"code":499,"message":"The operation was cancelled.","status":"CANCELLED"}}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            500,
            &[],
            r#"{"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"This model is currently experiencing high demand.","status":"UNAVAILABLE"}}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            504,
            &[],
            r#"{"error":{"code":504,"message":"Deadline expired before operation could complete.","status":"DEADLINE_EXCEEDED"}}"#,
            Broken { wait: NO_WAIT },
        ),
    ]);
}
