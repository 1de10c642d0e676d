//! Models by other names, and lists of those that a tenant may ask for.

use serde_json::Value;

use crate::support::api::{CLIENT_KEY, Request};
use crate::support::fake::Fake;
use crate::support::stage::{Plan, Stage, tenant};
use crate::support::wire::{Answer, find};

const NARROW: &str = "kw_narrow0000000000000000000000000000000000000";
const OWN: &str = "kw_own00000000000000000000000000000000000000000";

const ALIASES: &str = r#"
[[alias]]
name = "fast"
model = "gpt-a-mini"
dialect = "openai"
[[alias]]
name = "fast"
model = "claude-sim-small"
dialect = "anthropic"
[[alias]]
name = "secret"
model = "gpt-secret"
"#;

fn plan() -> Plan {
    let narrow = "models = [\"fast\", \"gpt-sim\"]";
    let own = "models = [\"gpt-*\"]\nalias = [{ name = \"fast\", model = \"gpt-own\" }]";
    Plan::new()
        .and(&tenant("narrow", NARROW, narrow))
        .and(&tenant("own", OWN, own))
        .and(ALIASES)
}

async fn post(stage: &Stage, path: &str, key: &str, body: &str) -> Answer {
    let mut request = Request::new("POST", path)
        .header("content-type", "application/json")
        .header("x-api-key", key)
        .body(body);
    if path.starts_with("/v1/messages") {
        request = request.header("anthropic-version", "2023-06-01");
    }
    stage.ask(&request).await
}

async fn get(stage: &Stage, path: &str, key: &str, is_anthropic: bool) -> Answer {
    let mut request = Request::new("GET", path).header("x-api-key", key);
    if is_anthropic {
        request = request.header("anthropic-version", "2023-06-01");
    }
    stage.ask(&request).await
}

fn sent(stage: &Stage) -> (String, Value) {
    let last = stage.control().last_request().expect("a request");
    let body = serde_json::from_str(&last.body).unwrap_or(Value::Null);
    (last.uri, body)
}

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str) -> String {
    format!(r#"{{"model":"{model}", "messages":[{{"role":"user","content":"hello fast"}}]}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_asked_for_as_its_model_whoever_serves_it() {
    let stage = plan().build().await;
    for (path, body, key, model) in [
        (CHAT, chat("fast"), CLIENT_KEY, "gpt-a-mini"),
        (CHAT, chat("fast"), OWN, "gpt-own"),
        (CHAT, chat("gpt-b"), CLIENT_KEY, "gpt-b"),
        (
            "/v1/messages",
            r#"{"model":"fast","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}"#
                .to_owned(),
            CLIENT_KEY,
            "claude-sim-small",
        ),
    ] {
        let answer = post(&stage, path, key, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.json()["model"], model, "what the provider said");
        assert_eq!(sent(&stage).1["model"], model);
    }
    let batch = r#"{"requests":[{"custom_id":"fast","params":{"model":"fast","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}}]}"#;
    let answer = post(&stage, "/v1/messages/batches", CLIENT_KEY, batch).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (_, body) = sent(&stage);
    assert_eq!(body["requests"][0]["custom_id"], "fast");
    assert_eq!(body["requests"][0]["params"]["model"], "claude-sim-small");
    // The simulated provider has no such path: what counts is what it was asked for.
    post(
        &stage,
        "/openai/deployments/fast/chat/completions",
        CLIENT_KEY,
        &chat("x"),
    )
    .await;
    let (uri, _) = sent(&stage);
    assert!(
        uri.ends_with("/deployments/gpt-a-mini/chat/completions"),
        "{uri}"
    );
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_a_slash_are_the_same_in_paths_as_in_bodies() {
    let alias = "[[alias]]\nname = \"team/fast\"\nmodel = \"vendor/gpt-a\"\n";
    let slashed = "models = [\"team/fast\", \"vendor/gpt-b\"]";
    let plan = Plan::new().and(alias);
    let stage = plan.and(&tenant("slashed", OWN, slashed)).build().await;
    for key in [CLIENT_KEY, OWN] {
        for (named, model) in [
            ("team%2Ffast", "vendor%2Fgpt-a"),
            ("team%2ffast", "vendor%2Fgpt-a"),
            ("vendor%2Fgpt-b", "vendor%2Fgpt-b"),
        ] {
            let path = format!("/openai/deployments/{named}/chat/completions");
            let before = stage.control().counters().requests;
            let body = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
            let answer = post(&stage, &path, key, body).await;
            assert_ne!(answer.status, 403, "{named}: {}", answer.text());
            assert_eq!(stage.control().counters().requests, before + 1, "{named}");
            let (uri, _) = sent(&stage);
            let expected = format!("/deployments/{model}/chat/completions");
            assert!(uri.ends_with(&expected), "{named}: {uri}");
        }
    }
    // What is counted, limited and routed by is the name, too.
    let status = stage.gateway.status().await.to_string();
    assert!(status.contains("\"vendor/gpt-b\""), "{status}");
    assert!(!status.to_lowercase().contains("%2f"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_use_an_alias_that_its_models_name_or_whose_model_they_match() {
    let stage = plan().build().await;
    for (key, model, status) in [
        (NARROW, "fast", 200),
        (NARROW, "gpt-sim", 200),
        (NARROW, "gpt-a-mini", 403),
        (NARROW, "secret", 403),
        (OWN, "fast", 200),
        (OWN, "secret", 200),
    ] {
        let answer = post(&stage, CHAT, key, &chat(model)).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    let entries = list["data"].as_array().expect("a list").iter();
    let id = |entry: &Value| entry["id"].as_str().expect("an id").to_owned();
    entries.map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_that_the_tenant_may_ask_for_and_asked_for_once() {
    let stage = plan().build().await;
    let path = "/v1/models";
    let all = get(&stage, path, CLIENT_KEY, false).await;
    assert_eq!(ids(&all), ["fast", "secret", "gpt-sim", "gpt-sim-mini"]);
    let entry = &all.json()["data"][0];
    for (field, value) in [("object", "model"), ("owned_by", "gpt")] {
        assert_eq!(entry[field], value, "{entry}");
    }
    assert!(entry["created"].is_u64(), "{entry}");
    assert_eq!(
        ids(&get(&stage, path, NARROW, false).await),
        ["fast", "gpt-sim"]
    );
    let own = get(&stage, path, OWN, false).await;
    assert_eq!(ids(&own), ["fast", "secret", "gpt-sim", "gpt-sim-mini"]);
    assert_eq!(stage.control().counters().requests, 1, "lists are kept");

    let claude = get(&stage, "/v1/models?limit=1000", CLIENT_KEY, true).await;
    let expected = ["fast", "secret", "claude-sim-large", "claude-sim-small"];
    assert_eq!(ids(&claude), expected);
    let list = claude.json();
    assert_eq!(list["has_more"], false);
    assert_eq!(
        (&list["first_id"], &list["last_id"]),
        (&"fast".into(), &"claude-sim-small".into())
    );
    let fast = &list["data"][0];
    assert_eq!(fast["type"], "model");
    assert_eq!(fast["display_name"], "fast (claude-sim-small)");
    let page = get(
        &stage,
        "/v1/models?limit=2&after_id=secret",
        CLIENT_KEY,
        true,
    )
    .await;
    assert_eq!(ids(&page), ["claude-sim-large", "claude-sim-small"]);

    for (path, key, status) in [
        ("/v1/models/gpt-sim", NARROW, 200),
        ("/v1/models/fast", NARROW, 200),
        ("/v1/models/gpt-sim-mini", NARROW, 404),
        ("/v1/models/nobody", NARROW, 404),
        // Whether it is there the provider says, which may know more names than it lists.
        ("/v1/models/nobody", CLIENT_KEY, 200),
        ("/gpt/v1/models/gpt-sim", CLIENT_KEY, 200),
    ] {
        let answer = get(&stage, path, key, false).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if status == 200 {
            let id = path.rsplit('/').next().expect("an id");
            assert_eq!(answer.json()["id"], id);
        }
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_asked_hides_no_other() {
    let dead = r#"
[[provider]]
id = "dead"
dialect = "openai"
base_url = "http://127.0.0.1:1"
models = ["dead-1", "dead-more-*"]
[[account]]
id = "dead-one"
provider = "dead"
key = [{ id = "dead-key", secret = { file = "gpt-one.key" } }]
"#;
    let stage = plan().and(dead).build().await;
    let all = get(&stage, "/v1/models", CLIENT_KEY, false).await;
    let expected = ["fast", "secret", "gpt-sim", "gpt-sim-mini"];
    assert_eq!(ids(&all)[..4], expected);
    // It is behind one that takes every model, so only its own path leads to it.
    let own = get(&stage, "/dead/v1/models", CLIENT_KEY, false).await;
    assert_eq!(ids(&own), ["dead-1"], "what the policy names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_never_answers_hides_none_behind_it_and_is_left_alone_then() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let silent = silent.expect("a port");
    let tables = format!(
        r#"
[[provider]]
id = "silent"
dialect = "openai"
base_url = "http://{}"
models = ["silent-*"]
[[account]]
id = "silent-one"
provider = "silent"
key = [{{ id = "silent-key", secret = {{ file = "gpt-two.key" }} }}]
"#,
        silent.local_addr().expect("bound")
    );
    let came = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counts = std::sync::Arc::clone(&came);
    let accepting = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((wire, _)) = silent.accept().await {
            counts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            kept.push(wire);
        }
    });
    let stage = plan().set(&tables).build().await;
    let path = "/v1/models";
    let expected = ["fast", "secret", "gpt-sim", "gpt-sim-mini"];
    assert_eq!(ids(&get(&stage, path, CLIENT_KEY, false).await), expected);
    let asked = came.load(std::sync::atomic::Ordering::Relaxed);
    assert!(asked > 0);
    for _ in 0..3 {
        assert_eq!(ids(&get(&stage, path, CLIENT_KEY, false).await), expected);
    }
    assert_eq!(came.load(std::sync::atomic::Ordering::Relaxed), asked);
    accepting.abort();
}

/// The tables of a provider that says nothing.
fn mute(number: usize, address: std::net::SocketAddr) -> String {
    format!(
        r#"
[[provider]]
id = "silent-{number}"
dialect = "openai"
base_url = "http://{address}"
models = ["silent-{number}-*"]
[[account]]
id = "silent-{number}"
provider = "silent-{number}"
key = [{{ id = "silent-{number}-key", secret = {{ file = "gpt-two.key" }} }}]
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_providers_are_slow_those_behind_them_are_listed_soon() {
    // Connections are taken by the system, and nobody reads them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("bound");
    let tables: String = (0..5).map(|number| mute(number, address)).collect();
    let stage = plan().set(&tables).build().await;
    // Two of them cost all the time that a client waits: they are not asked again by the next.
    let mut asked = 0;
    loop {
        let list = get(&stage, "/v1/models", CLIENT_KEY, false).await;
        if ids(&list).contains(&"gpt-sim".to_owned()) {
            break;
        }
        asked += 1;
        assert!(asked < 8, "those behind are never asked");
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_too_long_to_be_read_is_told() {
    let filler = "x".repeat(3 << 20);
    let list = format!(r#"{{"data":[{{"id":"huge-1","note":"{filler}"}}]}}"#);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let fake = Fake::start(format!(
        "{head}content-length: {}\r\n\r\n{list}",
        list.len()
    ))
    .await;
    let stage = plan().and(&fake.tables("huge", "openai")).build().await;
    let all = get(&stage, "/huge/v1/models", CLIENT_KEY, false).await;
    assert_eq!(all.status, 200, "{}", all.text());
    stage.gateway.writes("is longer than 2 MiB").await;
    let metrics = stage.gateway.admin("/metrics").await.text();
    let counted = r#"keyweir_list_pages_dropped_total{provider="huge"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn geminis_list_is_served_in_its_form() {
    let list = r#"{"models":[{"name":"models/gemini-1","displayName":"Gemini 1"},{"name":"models/other"}]}"#;
    let fake = Fake::start(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{list}",
        list.len()
    ))
    .await;
    let few = tenant(
        "few",
        "kw_few00000000000000000000000000000000000000000",
        "models = [\"gemini-*\"]",
    );
    let alias = "[[alias]]\nname = \"quick\"\nmodel = \"gemini-1\"\nprovider = \"gem\"\n";
    let plan = Plan::new().and(&few).and(alias);
    let stage = plan.and(&fake.tables("gem", "generic")).build().await;
    let key = "kw_few00000000000000000000000000000000000000000";
    let answer = get(&stage, "/gem/v1beta/models", key, false).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    let names: Vec<&str> = list["models"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    assert_eq!(names, ["models/quick", "models/gemini-1"]);
    let request = Request::new("POST", "/gem/v1beta/models/quick:generateContent")
        .header("content-type", "application/json")
        .header("x-api-key", key)
        .body(r#"{"contents":[]}"#);
    stage.ask(&request).await;
    let seen = fake.seen().concat();
    assert!(find(&seen, b"/v1beta/models/gemini-1:generateContent").is_some());
}
