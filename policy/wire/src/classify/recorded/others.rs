use super::{NO_WAIT, judge, secs};
use keyweir_terms::fault::Fault::*;

#[test]
fn openrouter() {
    judge(&[
        (
            402,
            &[],
            r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 16384 tokens, but can only afford 3919. To increase, visit the settings","code":402,"metadata":{"provider_name":null}}}"#,
            TooLargeForLimit,
        ),
        (
            402,
            &[],
            r#"{"error":{"message":"Prompt tokens limit exceeded: 15000 > 12000.","code":402}}"#,
            TooLargeForLimit,
        ),
        (
            402,
            &[],
            r#"{"error":{"message":"Insufficient credits. Add more credits","code":402}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            403,
            &[],
            r#"{"error":{"message":"Key limit exceeded (monthly limit).","code":403}}"#,
            KeyRejected,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["violence"]}}}"#,
            BadRequest,
        ),
        (
            429,
            &[("date", "Sun, 22 Nov 2026 02:00:00 GMT")],
            r#"{"error":{"message":"Rate limit exceeded: free-models-per-min.","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"16","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1795312830000"}}}}"#,
            RateLimited { wait: secs(30) },
        ),
        (
            408,
            &[],
            r#"{"error":{"message":"Your request timed out","code":408}}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            502,
            &[],
            r#"{"error":{"message":"Provider returned error","code":502}}"#,
            Broken { wait: NO_WAIT },
        ),
    ]);
}

#[test]
fn alibaba() {
    judge(&[
        (
            400,
            &[],
            r#"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing.","request_id":"r"}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"error":{"code":"Arrearage","param":null,"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"code":"Throttling.BurstRate","message":"Request rate increased too quickly."}"#,
            RampLimited { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded, please try again later."}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"code":"PostpaidBillOverdue","message":"The postpaid bill is overdue."}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            403,
            &[],
            r#"{"error":{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}}"#,
            ModelDenied,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":"data_inspection_failed","message":"Input data may contain inappropriate content."}}"#,
            BadRequest,
        ),
        (
            401,
            &[],
            r#"{"code":"InvalidApiKey","message":"Invalid API-key provided."}"#,
            KeyRejected,
        ),
    ]);
}

#[test]
fn alibaba_words_a_minutes_limit_with_openais_code() {
    judge(&[
        (
            429,
            &[],
            r#"{"error":{"message":"Allocated quota exceeded, please increase your quota limit.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Request rate increased too quickly. To ensure system stability, please adjust your client logic.","type":"limit_burst_rate","code":"limit_burst_rate"}}"#,
            RampLimited { wait: NO_WAIT },
        ),
    ]);
}

#[test]
fn openrouter_without_any_credit() {
    judge(&[(
        402,
        &[],
        r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0. To increase, visit the settings","code":402}}"#,
        OutOfMoney { wait: NO_WAIT },
    )]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn xai_groq_mistral_deepseek() {
    judge(&[
        (
            403,
            &[],
            r#"{"code":"The caller does not have permission to execute the specified operation","error":"Your team 0000 has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            403,
            &[],
            r#"{"code":"The caller does not have permission","error":"Your newly created team doesn't have any credits yet."}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from the console."}"#,
            KeyRejected,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Organization has been restricted. Please reach out to support if you believe this was in error.","type":"invalid_request_error","code":"organization_restricted"}}"#,
            AccountDisabled,
        ),
        (
            413,
            &[],
            r#"{"error":{"message":"Request too large for model","type":"tokens","code":"rate_limit_exceeded"}}"#,
            TooLargeForLimit,
        ),
        (
            424,
            &[],
            r#"{"error":{"message":"Failed to authenticate with the MCP server","type":"invalid_request_error"}}"#,
            BadRequest,
        ),
        (498, &[], "", Overloaded { wait: NO_WAIT }),
        (
            429,
            &[("retry-after", "2")],
            r#"{"error":{"message":"Rate limit reached for model in organization on tokens per minute (TPM): Limit 6000, Used 5800, Requested 900. Please try again in 7s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
            RateLimited { wait: secs(2) },
        ),
        (
            403,
            &[],
            r#"{"message":"Inactive subscription or usage limit reached"}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            429,
            &[],
            r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            402,
            &[],
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":{"message":"Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.","type":"service_unavailable_error"}}"#,
            Overloaded { wait: NO_WAIT },
        ),
    ]);
}

#[test]
fn bedrock() {
    judge(&[
        (
            429,
            &[(
                "x-amzn-errortype",
                "ThrottlingException:http://internal.amazon.com/",
            )],
            r#"{"message":"Too many tokens, please wait before trying again."}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            400,
            &[("x-amzn-errortype", "ThrottlingException")],
            r#"{"message":"Rate exceeded"}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"__type":"ServiceQuotaExceededException","message":"quota"}"#,
            RateLimited { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"__type":"ValidationException","message":"malformed input"}"#,
            BadRequest,
        ),
        (
            403,
            &[],
            r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#,
            KeyRejected,
        ),
        (
            403,
            &[],
            r#"{"__type":"AccessDeniedException","message":"You don't have access to the model with the specified model ID."}"#,
            ModelDenied,
        ),
        (
            424,
            &[("x-amzn-errortype", "ModelErrorException")],
            r#"{"message":"The request failed due to an error while processing the model."}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            408,
            &[("x-amzn-errortype", "ModelTimeoutException")],
            "{}",
            Broken { wait: NO_WAIT },
        ),
        (
            429,
            &[("x-amzn-errortype", "ModelNotReadyException")],
            r#"{"message":"Model is not ready"}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            503,
            &[("x-amzn-errortype", "ServiceUnavailableException")],
            r#"{"message":"Too many connections"}"#,
            Overloaded { wait: NO_WAIT },
        ),
    ]);
}

#[test]
fn servers_that_run_a_model_themselves() {
    judge(&[
        (
            404,
            &[],
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            ModelDenied,
        ),
        (
            404,
            &[],
            r#"{"error":"model 'llama9' not found, try pulling it first"}"#,
            ModelDenied,
        ),
        (
            429,
            &[],
            r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
            Overloaded { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            503,
            &[],
            r#"{"error":"Model x is currently loading","estimated_time":20.0}"#,
            Broken { wait: secs(20) },
        ),
        (
            501,
            &[],
            r#"{"error":{"code":501,"message":"This server does not support embeddings","type":"not_supported_error"}}"#,
            BadRequest,
        ),
        (
            422,
            &[],
            r#"{"error":"Input validation error","error_type":"validation"}"#,
            BadRequest,
        ),
    ]);
}
