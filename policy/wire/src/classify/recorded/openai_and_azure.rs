use super::{NO_WAIT, judge, secs};
use keyweir_terms::fault::Fault::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn openai() {
    judge(&[
        // A restricted key, at an endpoint that it may not use.
        (
            401,
            &[],
            r#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.model.images.request. Check that you have the correct role and, if you're using a restricted API key, that it has the necessary scopes.","type":"invalid_request_error","param":null,"code":null}}"#,
            ScopeMissing,
        ),
        (
            403,
            &[],
            r#"{"error":{"message":"You have insufficient permissions for this operation.","type":"invalid_request_error","param":null,"code":null}}"#,
            ScopeMissing,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Incorrect API key provided: sk-x.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            KeyRejected,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        // A code says more than a wait does.
        (
            429,
            &[("retry-after", "5")],
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            OutOfMoney { wait: secs(5) },
        ),
        // A wait says more than words do.
        (
            429,
            &[("retry-after", "5")],
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}"#,
            RateLimited { wait: secs(5) },
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}"#,
            OutOfMoney { wait: NO_WAIT },
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The encrypted content gAAAA...= could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#,
            ReferenceUnknown,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Previous response with id 'resp_x' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#,
            ReferenceUnknown,
        ),
        (
            404,
            &[],
            r#"{"error":{"message":"Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.","type":"invalid_request_error","param":"input","code":null}}"#,
            ReferenceUnknown,
        ),
        (
            403,
            &[],
            r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}"#,
            Broken { wait: NO_WAIT },
        ),
        (409, &[], r#"{"error":{"message":"conflict"}}"#, BadRequest),
        (
            409,
            &[("x-should-retry", "true")],
            r#"{"error":{"message":"lock timeout"}}"#,
            Broken { wait: NO_WAIT },
        ),
        (
            424,
            &[],
            r#"{"error":{"message":"Error retrieving tool list from MCP server","type":"external_connector_error","code":"http_error"}}"#,
            BadRequest,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"maximum context length is 8192 tokens","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ContextTooLong,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130011 tokens.","type":"invalid_request_error","param":"messages","code":null}}"#,
            ContextTooLong,
        ),
        (
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 215000 tokens > 200000 maximum"}}"#,
            ContextTooLong,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
            ContextTooLong,
        ),
        // What quotes the request is not the provider's own word.
        (
            400,
            &[],
            r#"{"error":{"message":"Invalid value: 'prompt is too long'","type":"invalid_request_error","code":"invalid_value"}}"#,
            BadRequest,
        ),
    ]);
}

#[test]
fn azure_under_high_demand() {
    judge(&[(
        429,
        &[],
        r#"{"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load. Please retry after 20 seconds."}}"#,
        Overloaded { wait: secs(20) },
    )]);
}

#[test]
fn azure() {
    judge(&[
        (
            429,
            &[("retry-after-ms", "250"), ("retry-after", "1")],
            r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit. Please retry after 26 seconds."}}"#,
            RateLimited {
                wait: Some(std::time::Duration::from_millis(250)),
            },
        ),
        (
            429,
            &[("x-ms-retry-after-ms", "500")],
            r#"{"error":{"code":"429","message":"slow"}}"#,
            RateLimited {
                wait: Some(std::time::Duration::from_millis(500)),
            },
        ),
        (
            429,
            &[],
            r#"{"error":{"code":"429","message":"Rate limit is exceeded. Please retry after 26 seconds."}}"#,
            RateLimited { wait: secs(26) },
        ),
        (
            404,
            &[],
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ModelDenied,
        ),
        (
            401,
            &[],
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            KeyRejected,
        ),
        (
            403,
            &[],
            r#"{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}"#,
            AccountDisabled,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
            BadRequest,
        ),
        (
            408,
            &[],
            r#"{"error":{"code":"Timeout","message":"The operation was timeout."}}"#,
            Broken { wait: NO_WAIT },
        ),
    ]);
}
