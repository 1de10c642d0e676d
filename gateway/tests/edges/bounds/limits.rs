//! Limits: held to, told, and waited for.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_which_limit_whose_and_until_when_in_every_dialect() {
    let stage = bounded("[[tenant.limit]]\nrequests_per_minute = 1")
        .build()
        .await;
    let mut first = true;
    for api in [Api::Messages, Api::Chat, Api::Responses] {
        let answer = stage.ask(&impatient(api)).await;
        if std::mem::take(&mut first) {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let told = |name: &str| answer.header(&format!("anthropic-ratelimit-requests-{name}"));
            assert_eq!((told("limit"), told("remaining")), ("1", "0"));
            assert!(told("reset").ends_with('Z'), "{}", told("reset"));
            assert_eq!(answer.header("anthropic-ratelimit-tokens-limit"), "");
            let again = stage.ask(&impatient(api)).await;
            check(api, &again);
            continue;
        }
        check(api, &answer);
    }
    let free = stage.ask(&with_key(Api::Messages, FREE)).await;
    assert_eq!(free.status, 200, "{}", free.text());
    assert_eq!(free.header("anthropic-ratelimit-requests-limit"), "");
    let line = r#"keyweir_tenant_limits_total{action="refused",limit="tenant_requests",tenant="tester"} 3"#;
    assert!(metric(&stage, line).await);
    assert_eq!(stage.control().counters().requests, 2);
    stage.is_quiet().await;
}

fn check(api: Api, answer: &Answer) {
    let kind = match api {
        Api::Messages => "rate_limit_error",
        _ => "rate_limit_exceeded",
    };
    let text = answer.text();
    assert_eq!(answer.status, 429, "{text}");
    let message = answer.json()["error"]["message"].clone();
    let message = message.as_str().expect("a message");
    assert!(text.contains(kind) || text.contains("requests"), "{text}");
    assert!(
        message.starts_with(
            "the limit of 1 requests per minute of tenant tester is used up; try again in "
        ),
        "{message}"
    );
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.header("x-should-retry"), "");
    let prefix = match api {
        Api::Messages => "anthropic-ratelimit-requests-limit",
        _ => "x-ratelimit-limit-requests",
    };
    assert_eq!(answer.header(prefix), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_lack_is_waited_for() {
    // One each second, and sixty at once.
    let stage = bounded("[[tenant.limit]]\nrequests_per_minute = 3000")
        .build()
        .await;
    for _ in 0..3 {
        stage.serves(Api::Messages).await;
    }
    let limits = "[[tenant.limit]]\nrequests_per_minute = 60\nconcurrency = 1";
    let stage = bounded(limits).build().await;
    for _ in 0..61 {
        stage.serves(Api::Messages).await;
    }
    let line = r#"keyweir_tenant_limits_total{action="waited",limit="any",tenant="tester"} 1"#;
    assert!(metric(&stage, line).await);
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_fit_need_not_be_sent_again() {
    let limits = "[[tenant.limit]]\nmodels = [\"claude-*\"]\ninput_tokens_per_minute = 1";
    let stage = bounded(limits).build().await;
    let answer = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!(
        answer
            .text()
            .contains("for claude-* is smaller than this request"),
        "{}",
        answer.text()
    );
    // Another model is not bounded.
    stage.serves(Api::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_bounds_its_members_together_and_a_reload_keeps_what_was_used() {
    let group = |requests: u32| {
        format!(
            "\n[[tenant_group]]\nid = \"team\"\n[[tenant_group.limit]]\nrequests_per_minute = {requests}\n"
        )
    };
    let plan = |requests| {
        Plan::new()
            .open()
            .and(&tenant("tester", CLIENT_KEY, "group = \"team\""))
            .and(&tenant("peer", PEER, "group = \"team\""))
            .and(&group(requests))
    };
    let stage = plan(2).build().await;
    for key in [CLIENT_KEY, PEER] {
        assert_eq!(stage.ask(&with_key(Api::Messages, key)).await.status, 200);
    }
    let refused = stage.ask(&with_key(Api::Messages, PEER)).await;
    assert!(
        refused.text().contains("of group team is used up"),
        "{}",
        refused.text()
    );
    let policy = plan(2000).policy(stage.provider.base_url());
    stage.gateway.files.write("keys.toml", &policy);
    let reloaded = stage.gateway.reload().await.text();
    assert!(reloaded.contains("limits 2 requests/min"), "{reloaded}");
    // As empty as it was, and filled a thousand times as fast.
    let answer = stage
        .ask(&with_key(Api::Messages, CLIENT_KEY).without("x-keyweir-patience"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let remaining: u64 = answer
        .header("anthropic-ratelimit-requests-remaining")
        .parse()
        .expect("told");
    assert!(remaining < 1900, "{remaining}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_may_expire_before_its_tenant_does() {
    use keyweir_policy::config::secret::ClientKeyHash;
    let (old, fresh) = (ClientKeyHash::of(CLIENT_KEY), ClientKeyHash::of(FREE));
    let keys = format!(
        "\n[[tenant]]\nid = \"tester\"\nclient_keys = [{{ hash = \"{old}\", expires = \"2026-01-01\" }}, \"{fresh}\"]\n"
    );
    let stage = Plan::new().open().and(&keys).build().await;
    let answer = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(
        answer.text().contains("this client key has expired"),
        "{}",
        answer.text()
    );
    let answer = stage.ask(&with_key(Api::Messages, FREE)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_whose_limit_refused_a_request_and_what_its_client_was_told() {
    let group =
        "[[tenant_group]]\nid = \"research\"\n[[tenant_group.limit]]\nrequests_per_minute = 1\n";
    let stage = bounded("group = \"research\"").and(group).build().await;
    stage.serves(Api::Chat).await;

    let refused = stage.ask(&impatient(Api::Chat)).await;

    assert_eq!(refused.status, 429, "{}", refused.text());
    let told = refused.json()["error"]["message"].clone();
    let words = told.as_str().expect("a message");
    assert!(words.contains("of group research"), "{words}");
    let id = refused.header("x-keyweir-request-id").to_owned();
    let explained = stage.gateway.explained(&id).await;
    assert_eq!(explained["refusal"], told, "{explained}");
    stage.gateway.writes(&id).await;
    let lines = stage.gateway.access_log();
    let line = lines.iter().find(|line| line["request_id"] == id.as_str());
    assert_eq!(line.expect("its line")["refusal"], told);
    assert!(lines[0].get("refusal").is_none(), "{}", lines[0]);
    let admin = stage.gateway.admin.to_string();
    let files = Files::new("");
    let ended = run(&files, &["explain", &id, "--admin", &admin]).await;
    let says = format!("it was told: {words}");
    assert!(ended.stdout.contains(&says), "{}", ended.stdout);
}
