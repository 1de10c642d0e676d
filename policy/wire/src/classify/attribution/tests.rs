use std::time::Duration;

use proptest::prelude::*;

use super::*;
use keyweir_terms::fault::Fault::*;

/// By the table alone.
fn classify<'a>(
    dialect: Dialect,
    endpoint: Endpoint,
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Fault {
    let asked = Asked {
        dialect,
        endpoint,
        status,
    };
    super::classify(&[], asked, header, body)
}

fn secs(secs: u64) -> Option<Duration> {
    Some(Duration::from_secs(secs))
}

fn anthropic(kind: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
    )
}

fn detailed(kind: &str, code: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"m","details":{{"error_code":"{code}"}}}}}}"#
    )
}

fn openai(kind: &str, code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{code}"}}}}"#)
}

fn judged(dialect: Dialect, status: u16, headers: &[(&str, &'static str)], body: &str) -> Fault {
    let header = |name: &str| {
        let found = headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| *value)
    };
    classify(
        dialect,
        Endpoint::Inference,
        status,
        header,
        body.as_bytes(),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn anthropics_errors() {
    for (status, body, fault) in [
        (200, String::new(), None),
        (
            400,
            anthropic(
                "invalid_request_error",
                "messages: at least one message is required",
            ),
            BadRequest,
        ),
        (
            400,
            anthropic(
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
            ),
            OutOfMoney { wait: Option::None },
        ),
        (
            400,
            anthropic(
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
            ),
            OutOfMoney { wait: Option::None },
        ),
        (
            400,
            anthropic(
                "invalid_request_error",
                "You have reached your specified workspace API usage limits.",
            ),
            OutOfMoney { wait: Option::None },
        ),
        (
            400,
            anthropic(
                "invalid_request_error",
                "This organization has been disabled.",
            ),
            AccountDisabled,
        ),
        (
            400,
            detailed("invalid_request_error", "organization_on_hold"),
            AccountDisabled,
        ),
        (
            401,
            anthropic("authentication_error", "invalid x-api-key"),
            KeyRejected,
        ),
        (
            402,
            anthropic("billing_error", "Payment required"),
            OutOfMoney { wait: Option::None },
        ),
        (
            403,
            anthropic("permission_error", "Your API key does not have permission"),
            ModelDenied,
        ),
        (
            404,
            anthropic("not_found_error", "model: claude-nonesuch"),
            ModelDenied,
        ),
        (404, anthropic("not_found_error", "Not found"), BadRequest),
        (409, anthropic("conflict_error", "conflict"), BadRequest),
        (
            413,
            anthropic("request_too_large", "Request exceeds the maximum size"),
            BadRequest,
        ),
        (
            429,
            anthropic(
                "rate_limit_error",
                "This request would exceed your organization's rate limit",
            ),
            RateLimited { wait: Option::None },
        ),
        (429, String::new(), RateLimited { wait: Option::None }),
        (
            429,
            detailed("rate_limit_error", "ramp_limit_exceeded"),
            RampLimited { wait: Option::None },
        ),
        (
            429,
            detailed("rate_limit_error", "enforced_spend_limit_reached"),
            OutOfMoney { wait: Option::None },
        ),
        (
            429,
            detailed("rate_limit_error", "contract_spend_limit_reached"),
            OutOfMoney { wait: Option::None },
        ),
        (
            500,
            anthropic("api_error", "Internal server error"),
            Broken { wait: Option::None },
        ),
        (
            504,
            anthropic("timeout_error", "timed out"),
            Broken { wait: Option::None },
        ),
        (
            529,
            anthropic("overloaded_error", "Overloaded"),
            Overloaded { wait: Option::None },
        ),
        (529, String::new(), Overloaded { wait: Option::None }),
        (
            500,
            anthropic("overloaded_error", "Overloaded"),
            Overloaded { wait: Option::None },
        ),
    ] {
        assert_eq!(
            judged(Dialect::Anthropic, status, &[], &body),
            fault,
            "{status} {body}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn openais_errors() {
    let too_large = "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 34307. Visit us";
    let reached = "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 3407. Please try again in 4s.";
    for (status, body, fault) in [
        (
            400,
            openai(
                "invalid_request_error",
                "context_length_exceeded",
                "too long",
            ),
            ContextTooLong,
        ),
        (
            400,
            openai(
                "insufficient_quota",
                "billing_hard_limit_reached",
                "Billing hard limit has been reached",
            ),
            OutOfMoney { wait: Option::None },
        ),
        (
            400,
            openai("invalid_request_error", "model_not_found", "no"),
            ModelDenied,
        ),
        (
            401,
            openai(
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided",
            ),
            KeyRejected,
        ),
        (
            401,
            openai(
                "invalid_request_error",
                "account_deactivated",
                "Account is not active",
            ),
            AccountDisabled,
        ),
        (
            403,
            openai(
                "invalid_request_error",
                "model_not_found",
                "Project does not have access to model",
            ),
            ModelDenied,
        ),
        (
            403,
            openai("x", "y", "The input was flagged by moderation"),
            BadRequest,
        ),
        (
            404,
            openai(
                "invalid_request_error",
                "model_not_found",
                "The model `x` does not exist",
            ),
            ModelDenied,
        ),
        (
            404,
            openai(
                "",
                "DeploymentNotFound",
                "The API deployment for this resource does not exist.",
            ),
            ModelDenied,
        ),
        (
            404,
            openai("invalid_request_error", "", "Invalid URL"),
            BadRequest,
        ),
        (
            413,
            openai(
                "tokens",
                "rate_limit_exceeded",
                "Request too large for model",
            ),
            TooLargeForLimit,
        ),
        (
            422,
            openai("invalid_request_error", "", "unprocessable"),
            BadRequest,
        ),
        (
            429,
            openai("tokens", "rate_limit_exceeded", too_large),
            TooLargeForLimit,
        ),
        (
            429,
            openai("tokens", "rate_limit_exceeded", reached),
            RateLimited { wait: secs(4) },
        ),
        (
            429,
            openai("x", "slow_down", "Slow down"),
            RampLimited { wait: Option::None },
        ),
        (
            503,
            openai("x", "slow_down", "Slow down"),
            RampLimited { wait: Option::None },
        ),
        (
            429,
            openai(
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota, please check your plan and billing details.",
            ),
            OutOfMoney { wait: Option::None },
        ),
        (
            429,
            openai("x", "project_spend_limit_exceeded", "no"),
            OutOfMoney { wait: Option::None },
        ),
        (
            429,
            openai("x", "credit_balance_exhausted", "no"),
            OutOfMoney { wait: Option::None },
        ),
        (498, String::new(), Overloaded { wait: Option::None }),
        (
            500,
            openai("server_error", "", "The server had an error"),
            Broken { wait: Option::None },
        ),
        (
            503,
            openai("server_error", "", "The engine is currently overloaded"),
            Overloaded { wait: Option::None },
        ),
    ] {
        assert_eq!(
            judged(Dialect::OpenAi, status, &[], &body),
            fault,
            "{status} {body}"
        );
    }
}

#[test]
fn other_providers_errors() {
    for (status, body, fault) in [
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            KeyRejected,
        ),
        (
            429,
            r#"{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}"#,
            RateLimited { wait: secs(34) },
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            Overloaded { wait: Option::None },
        ),
        (
            429,
            r#"{"message":"Too many tokens","__type":"ThrottlingException"}"#,
            RateLimited { wait: Option::None },
        ),
        (
            404,
            r#"{"error":"model 'llama9' not found, try pulling it first"}"#,
            ModelDenied,
        ),
        (
            402,
            r#"{"error":{"message":"Insufficient Balance","code":402}}"#,
            OutOfMoney { wait: Option::None },
        ),
    ] {
        assert_eq!(
            judged(Dialect::Generic, status, &[], body),
            fault,
            "{status} {body}"
        );
    }
}

#[test]
fn the_edge_in_front() {
    const HTML: (&str, &str) = ("content-type", "Text/HTML; charset=UTF-8");
    let page = "<html><body>Bad gateway</body></html>";
    for (status, headers, body, fault) in [
        (502, &[HTML][..], page, Broken { wait: Option::None }),
        (520, &[], "", Broken { wait: Option::None }),
        (
            524,
            &[],
            r#"{"cloudflare_error":true,"retryable":true,"retry_after":120}"#,
            Broken { wait: secs(120) },
        ),
        (503, &[("retry-after", "7")], page, Broken { wait: secs(7) }),
        (403, &[HTML], page, Broken { wait: Option::None }),
        (200, &[HTML], page, Broken { wait: Option::None }),
        (408, &[], "", Broken { wait: Option::None }),
        (
            301,
            &[("location", "https://elsewhere.example")],
            "",
            Broken { wait: Option::None },
        ),
        (304, &[], "", None),
        (101, &[], "", Broken { wait: Option::None }),
        (999, &[], "", Broken { wait: Option::None }),
    ] {
        assert_eq!(
            judged(Dialect::Anthropic, status, headers, body),
            fault,
            "{status} {body}"
        );
    }
}

#[test]
fn a_header_states_the_wait() {
    let body = anthropic("rate_limit_error", "slow");
    let wait = [("retry-after", "3")];
    assert_eq!(
        judged(Dialect::Anthropic, 429, &wait, &body),
        RateLimited { wait: secs(3) }
    );
    assert_eq!(
        judged(Dialect::Anthropic, 529, &wait, ""),
        Overloaded { wait: secs(3) }
    );
    let retry = [("x-should-retry", "true")];
    assert_eq!(
        judged(Dialect::Anthropic, 409, &retry, ""),
        Broken { wait: Option::None }
    );
}

#[test]
fn a_request_that_is_quoted_takes_nothing_out_of_service() {
    for words in [
        "your credit balance is too low",
        "this organization has been disabled",
        "you have reached your specified api usage limits",
        "incorrect api key provided",
        "the model x does not exist",
        "request too large for x",
    ] {
        let body = anthropic(
            "invalid_request_error",
            &format!("tools.0.name: '{words}' is invalid"),
        );
        for status in [400, 404, 422] {
            assert_eq!(
                judged(Dialect::Anthropic, status, &[], &body),
                BadRequest,
                "{words}"
            );
        }
        assert_eq!(
            judged(Dialect::OpenAi, 429, &[], &body),
            RateLimited { wait: Option::None }
        );
    }
}

#[test]
fn a_404_is_the_models_only_where_a_model_is_asked() {
    let body = anthropic("not_found_error", "model: x");
    let judge = |endpoint| {
        classify(
            Dialect::Anthropic,
            endpoint,
            404,
            |_| Option::None,
            body.as_bytes(),
        )
    };
    assert_eq!(judge(Endpoint::CountTokens), ModelDenied);
    assert_eq!(judge(Endpoint::Models), BadRequest);
    assert_eq!(judge(Endpoint::Files), BadRequest);
}

#[test]
fn a_file_may_be_a_page() {
    let html = |_: &str| Some("text/html");
    assert_eq!(
        classify(Dialect::OpenAi, Endpoint::Files, 200, html, b""),
        None
    );
    assert_eq!(
        classify(Dialect::Generic, Endpoint::Other, 200, html, b""),
        None
    );
}

#[test]
fn an_event_is_classified_as_its_status_would_be() {
    for (data, fault) in [
        (anthropic("overloaded_error", "Overloaded"), Overloaded { wait: Option::None }),
        (anthropic("rate_limit_error", "x"), RateLimited { wait: Option::None }),
        (anthropic("api_error", "x"), Broken { wait: Option::None }),
        (anthropic("timeout_error", "x"), Broken { wait: Option::None }),
        (anthropic("invalid_request_error", "x"), BadRequest),
        (anthropic("invalid_request_error", "Your credit balance is too low"), OutOfMoney { wait: Option::None }),
        (anthropic("authentication_error", "x"), KeyRejected),
        (anthropic("something_new", "x"), Broken { wait: Option::None }),
        (openai("server_error", "", "The server had an error"), Broken { wait: Option::None }),
        (openai("tokens", "rate_limit_exceeded", "x"), RateLimited { wait: Option::None }),
        (openai("insufficient_quota", "insufficient_quota", "x"), OutOfMoney { wait: Option::None }),
        (r#"{"error":{"code":429,"message":"upstream"}}"#.to_owned(), RateLimited { wait: Option::None }),
        (r#"{"error":{"code":200}}"#.to_owned(), Broken { wait: Option::None }),
        (r#"{"type":"error","code":"rate_limit_exceeded","message":"x"}"#.to_owned(), RateLimited { wait: Option::None }),
        (r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#.to_owned(), Broken { wait: Option::None }),
        ("{".to_owned(), Broken { wait: Option::None }),
    ] {
        assert_eq!(in_stream(&[], ProviderError::read(data.as_bytes())), fault, "{data}");
    }
}

#[test]
fn every_error_may_need_its_body() {
    for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
        assert!(!needs_body(dialect, 200) && !needs_body(dialect, 301));
        assert!(needs_body(dialect, 400) && needs_body(dialect, 529));
    }
}

proptest! {
    #[test]
    fn any_answer_has_one_fault(
        status in any::<u16>(),
        value in "\\PC{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            let fault = classify(dialect, Endpoint::Inference, status, |_| Some(&value), &body);
            prop_assert_eq!(fault == None, status == 304 || (200..300).contains(&status));
        }
    }
}
