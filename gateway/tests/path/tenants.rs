//! Who may call.

use keyweir_policy::config::secret::ClientKeyHash;

use crate::house::{Plan, http1};

fn with_tenants() -> Plan {
    let mut plan = Plan::new();
    let hash = |key| ClientKeyHash::of(key);
    plan.more = format!(
        "\n[[tenant]]\nid = \"search\"\nclient_keys = [\"{}\"]\nmodels = [\"claude-*\"]\n\
         [[tenant]]\nid = \"gone\"\nclient_keys = [\"{}\"]\nexpires = \"2020-01-01\"\n",
        hash("kw-search"),
        hash("kw-gone"),
    );
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_opens_in_either_header_and_nothing_else_does() {
    let house = with_tenants().build().await;
    let client = http1();
    for headers in [
        [("x-api-key", "kw-search")],
        [("authorization", "Bearer kw-search")],
    ] {
        let answer = house.ask(&client, house.message(&headers)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for (headers, says) in [
        (&[][..], "no API key"),
        (
            &[("x-api-key", "kw-wrong")],
            "does not know this client key",
        ),
        (&[("authorization", "Basic kw-search")], "no API key"),
        (&[("x-api-key", "sk-one")], "does not know this client key"),
        (&[("x-api-key", "kw-gone")], "expired"),
        (
            &[("x-api-key", "sk-ant-oat01-secret")],
            "consumer subscription",
        ),
    ] {
        let answer = house.ask(&client, house.message(headers)).await;
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(answer.error_type(), "authentication_error");
        assert!(answer.body.contains(says), "{headers:?}: {}", answer.body);
        assert!(!answer.body.contains("sk-"), "{}", answer.body);
    }
    let (_, metrics) = house.admin("/metrics").await;
    let line = r#"keyweir_requests_total{endpoint="inference",outcome="answered",provider="sim",tenant="search"} 2"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gets_its_models_only() {
    let house = with_tenants().build().await;
    let body = r#"{"model":"other-1","max_tokens":4,"messages":[]}"#;

    let answer = house
        .ask(
            &http1(),
            house.post("/v1/messages", body, &[("x-api-key", "kw-search")]),
        )
        .await;

    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.error_type(), "permission_error");

    let batch = r#"{"requests":[
        {"custom_id":"a","params":{"model":"claude-1","max_tokens":4,"messages":[]}},
        {"custom_id":"b","params":{"model":"other-1","max_tokens":4,"messages":[]}}]}"#;
    let key = [("x-api-key", "kw-search")];
    let hidden = house.post("/v1/messages/batches", batch, &key);
    let answer = house.ask(&http1(), hidden).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("other-1"), "{}", answer.body);
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_other_sites_pages_are_kept_out() {
    let house = Plan::new().build().await;
    let client = http1();
    for (header, expected) in [
        (("origin", "http://localhost:3000"), 200),
        (("origin", "https://evil.example"), 403),
        (("origin", "null"), 403),
        (("host", "evil.example"), 403),
        (("host", "localhost:8080"), 200),
    ] {
        let answer = house.ask(&client, house.message(&[header])).await;
        assert_eq!(answer.status, expected, "{header:?}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_the_gateway_listens_to_nobody_else() {
    let plan = Plan::new();
    let text = plan
        .policy("http://127.0.0.1:1")
        .replace("listen = [\"127.0.0.1:0\"]", "listen = [\"0.0.0.0:0\"]");
    let files = [("keys.toml", text.as_str())];
    let parsed = keyweir_policy::config::file::parse(&files, std::time::SystemTime::now());
    // Either the policy file's reader says so already, or the gateway does.
    if let Ok((policy, _)) = parsed {
        let started =
            keyweir::server::serve::start(policy, &keyweir::server::serve::Options::default())
                .await;
        let error = started.err().expect("it refuses");
        assert!(error.to_string().contains("without tenants"), "{error}");
    }
}
