//! Who may ask, for what, and how they are turned away.

use crate::support::api::{APIS, Api, CLIENT_KEY, Request};
use crate::support::stage::{KEYS, Plan, tenant};

const NARROW: &str = "kw_narrow0000000000000000000000000000000000000";
const EXPIRED: &str = "kw_expired000000000000000000000000000000000000";

fn plan() -> Plan {
    Plan::new()
        .and(&tenant(
            "narrow",
            NARROW,
            "models = [\"claude-h*\", \"gpt-mini\"]",
        ))
        .and(&tenant("expired", EXPIRED, "expires = \"2020-01-01\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_client_key_nobody_is_served_and_each_dialect_says_so() {
    let stage = plan().build().await;
    let (_, provider_key) = KEYS[0];
    for api in APIS {
        let anonymous = api
            .request(false)
            .without("x-api-key")
            .without("authorization");
        let with = |name: &str, value: &str| anonymous.clone().header(name, value);
        for (what, request) in [
            ("none", anonymous.clone()),
            ("an unknown one", with("x-api-key", "kw_unknown")),
            (
                "an unknown one as a token",
                with("authorization", "Bearer kw_unknown"),
            ),
            ("an empty one", with("x-api-key", "")),
            ("an empty token", with("authorization", "Bearer ")),
            (
                "another scheme",
                with("authorization", &format!("Basic {CLIENT_KEY}")),
            ),
            ("no scheme", with("authorization", CLIENT_KEY)),
            (
                "one that lacks its end",
                with("x-api-key", &CLIENT_KEY[..40]),
            ),
            (
                "one with more at its end",
                with("x-api-key", &format!("{CLIENT_KEY}x")),
            ),
            (
                "one in other letters",
                with("x-api-key", &CLIENT_KEY.to_lowercase()),
            ),
            ("a provider's key", with("x-api-key", provider_key)),
            (
                "in a cookie",
                with("cookie", &format!("x-api-key={CLIENT_KEY}")),
            ),
            (
                "in the path",
                anonymous
                    .clone()
                    .path(&format!("{}?key={CLIENT_KEY}", api.path())),
            ),
            ("an expired one", with("x-api-key", EXPIRED)),
        ] {
            let answer = stage.ask(&request).await;
            assert_eq!(answer.status, 401, "{api:?}, {what}: {}", answer.text());
            let kind = match api {
                Api::Messages => "authentication_error",
                Api::Chat | Api::Responses => "invalid_request_error",
            };
            let message = api.check_refusal(&answer, 401, kind);
            assert_eq!(answer.header("x-should-retry"), "false", "{what}");
            assert!(
                !message.contains(CLIENT_KEY) && !message.contains(EXPIRED),
                "{message}"
            );
            if what == "an expired one" {
                assert!(message.contains("expired"), "{message}");
            }
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_is_taken_in_either_style() {
    let stage = plan().build().await;
    for api in APIS {
        let anonymous = api
            .request(false)
            .without("x-api-key")
            .without("authorization");
        for (name, value) in [
            ("x-api-key", CLIENT_KEY.to_owned()),
            ("authorization", format!("Bearer {CLIENT_KEY}")),
            ("Authorization", format!("bearer  {CLIENT_KEY} ")),
        ] {
            let answer = stage.ask(&anonymous.clone().header(name, &value)).await;
            assert_eq!(answer.status, 200, "{api:?} {name}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriptions_token_is_refused_for_what_it_is() {
    let stage = plan().build().await;
    for token in [
        "sk-ant-oat01-0123456789abcdef",
        "sk-ant-ort01-0123456789abcdef",
    ] {
        for (name, value) in [
            ("authorization", format!("Bearer {token}")),
            ("x-api-key", token.to_owned()),
        ] {
            let request = Api::Messages
                .request(false)
                .without("x-api-key")
                .header(name, &value);
            let answer = stage.ask(&request).await;
            let message = Api::Messages.check_refusal(&answer, 401, "authentication_error");
            assert!(message.contains("subscription"), "{message}");
            assert!(!message.contains("0123456789"), "{message}");
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gets_its_models_and_no_others() {
    let stage = plan().build().await;
    for (api, model, expected) in [
        (Api::Messages, "claude-haiku-4-5", 200),
        (Api::Messages, "claude-opus-4-5", 403),
        (Api::Messages, "CLAUDE-HAIKU", 403),
        (Api::Messages, "x/claude-haiku", 403),
        (Api::Chat, "gpt-mini", 200),
        (Api::Chat, "gpt-mini-2", 403),
        (Api::Responses, "gpt-5", 403),
    ] {
        let body = api
            .body(false)
            .replace("claude-a", model)
            .replace("gpt-a", model);
        let request = api
            .request(false)
            .without("x-api-key")
            .without("authorization");
        let (name, value) = api.credential(NARROW);
        let answer = stage.ask(&request.header(name, &value).body(body)).await;
        assert_eq!(answer.status, expected, "{model}: {}", answer.text());
        if expected == 403 {
            let message = api.check_refusal(&answer, 403, "permission_error");
            assert!(message.contains(model), "{message}");
        }
    }
    assert_eq!(stage.control().counters().requests, 2);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_in_one_body_do_not_get_past_a_tenants_list() {
    let stage = plan().build().await;
    for body in [
        r#"{"model":"claude-haiku","model":"claude-opus","max_tokens":1,"messages":[]}"#,
        r#"{"model":"claude-haiku","mode\u006c":"claude-opus","max_tokens":1,"messages":[]}"#,
        r#"{"model":"claude-opus","model":"claude-haiku","max_tokens":1,"messages":[]}"#,
    ] {
        let request = Api::Messages.request(false).without("x-api-key");
        let answer = stage
            .ask(&request.header("x-api-key", NARROW).body(body))
            .await;
        // The provider may take either for the one that counts.
        assert!(
            [400, 403].contains(&answer.status),
            "{body}: {}",
            answer.status
        );
    }
    assert_eq!(stage.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_not_administered_through_the_gateway() {
    let stage = plan().build().await;
    for path in [
        "/v1/organizations/me",
        "/v1/organizations/api_keys",
        "/v1/organizations/workspaces/w/members",
        "/v1/oauth/token",
        "/api/oauth/claude_cli/create_api_key",
        "/claude/v1/organizations/me",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let request = Api::Messages.request(false).method(method).path(path);
            let answer = stage.ask(&request).await;
            Api::Messages.check_refusal(&answer, 403, "permission_error");
        }
    }
    for path in [
        "/v1/organization/admin_api_keys",
        "/gpt/v1/organization/users",
        "/v1/admin/keys",
    ] {
        let answer = stage.ask(&Api::Chat.request(false).path(path)).await;
        Api::Chat.check_refusal(&answer, 403, "permission_error");
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_around_the_list_of_paths() {
    let stage = plan().build().await;
    for path in [
        "/v1/models/../organizations/me",
        "/v1/models/..%2forganizations/me",
        "/v1/models/%2e%2e/organizations/me",
        "/v1/models/%2e%2e%2forganizations%2fme",
        "/v1/models/.%2e/organizations/me",
        "/v1/models/%252e%252e/organizations/me",
        "/v1/models/..;/organizations/me",
        "/v1/models/..\\organizations\\me",
        "/v1/./organizations/me",
        "//v1/organizations/me",
        "/v1//organizations/me",
        "/v1/models//../organizations",
        "/v1/messages/batches/../../organizations/me",
        "/v1/files/x/../../organizations/content",
        "/claude/../v1/organizations/me",
        "/claude//v1/organizations/me",
        "/claude/claude/v1/organizations/me",
        "/v1/org%61nizations/me",
        "/v1/models/a%00b",
        "/v1/models/a%0d%0ax-api-key:%20y",
        "http://localhost/v1/../v1/organizations/me",
    ] {
        for api in [Api::Messages, Api::Chat] {
            let request = Request::new("GET", path);
            let (name, value) = api.credential(CLIENT_KEY);
            let mut request = request.header(name, &value);
            if api == Api::Messages {
                request = request.header("anthropic-version", "2023-06-01");
            }
            let answer = stage.ask(&request).await;
            assert!(
                [400, 403, 404].contains(&answer.status),
                "{path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    assert_eq!(
        stage.control().counters().requests,
        0,
        "{:?}",
        stage.control().requests()
    );
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_a_web_page_cannot_use_the_gateway() {
    let stage = Plan::new().open().build().await;
    let request = |host: &str| {
        Api::Messages
            .request(false)
            .without("x-api-key")
            .without("host")
            .header("Host", host)
    };
    for (what, request) in [
        (
            "a page of another site",
            request("localhost").header("origin", "https://evil.example"),
        ),
        (
            "a sandboxed page",
            request("localhost").header("origin", "null"),
        ),
        ("a name that was rebound", request("evil.example")),
        (
            "a name that looks like ours",
            request("localhost.evil.example:8080"),
        ),
    ] {
        let answer = stage.ask(&request).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text());
        Api::Messages.check_refusal(&answer, 403, "permission_error");
    }
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}
