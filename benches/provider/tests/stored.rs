//! Files, batches and models: stored for the account that made them.

mod client;

use std::time::Duration;

use bytes::Bytes;
use client::{anthropic, openai, send, start, with};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use simulated_provider::{Account, Clock, Provider, World};

fn world() -> World {
    World::new(vec![
        Account::new("a", ["a1", "a2"]),
        Account::new("b", ["b1"]),
    ])
}

fn form(content: &str) -> String {
    format!(
        "--edge\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\
         Content-Type: text/plain\r\n\r\n{content}\r\n--edge--\r\n"
    )
}

fn upload(request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    with(
        request,
        "content-type",
        "multipart/form-data; boundary=edge",
    )
}

#[tokio::test]
async fn files_are_uploaded_read_and_deleted_by_their_account() {
    let provider = start(world()).await;
    type Make = fn(&str, Method, &str, String) -> Request<Full<Bytes>>;
    for make in [anthropic as Make, openai as Make] {
        let request = upload(make("a1", Method::POST, "/v1/files", form("some text")));
        let file = send(provider.addr(), request).await.expect("an answer");
        assert_eq!(file.status, 200, "{}", file.body);
        let id = file.json()["id"].as_str().expect("an id").to_owned();
        let get = |key: &str, method: Method, rest: &str| {
            send(
                provider.addr(),
                make(key, method, &format!("/v1/files/{id}{rest}"), String::new()),
            )
        };
        let content = get("a2", Method::GET, "/content").await.expect("an answer");
        assert_eq!(content.body, "some text");
        assert_eq!(
            get("a2", Method::GET, "").await.expect("an answer").status,
            200
        );
        assert_eq!(
            get("b1", Method::GET, "").await.expect("an answer").status,
            404
        );
        assert_eq!(
            get("b1", Method::DELETE, "")
                .await
                .expect("an answer")
                .status,
            404
        );
        let all = make("a1", Method::GET, "/v1/files?limit=5", String::new());
        let all = send(provider.addr(), all).await.expect("an answer").json();
        assert_eq!(all["data"][0]["id"], id);
        assert_eq!(
            get("a1", Method::DELETE, "")
                .await
                .expect("an answer")
                .status,
            200
        );
        assert_eq!(
            get("a1", Method::GET, "").await.expect("an answer").status,
            404
        );
    }
    let no_form = anthropic("a1", Method::POST, "/v1/files", "not a form");
    assert_eq!(
        send(provider.addr(), no_form)
            .await
            .expect("an answer")
            .status,
        400
    );
}

#[tokio::test]
async fn anthropic_batch_is_processed_and_its_results_are_the_accounts() {
    let clock = Clock::manual();
    let world = World {
        batch_secs: 60.0,
        path_prefix: "/prefix".into(),
        ..world()
    };
    let provider = Provider::start_at(world, clock.clone())
        .await
        .expect("a free port");
    let root = "/prefix/v1/messages/batches";
    let body = json!({ "requests": [
        { "custom_id": "one", "params": { "model": "m" } },
        { "custom_id": "two", "params": { "model": "m" } },
    ] });
    let request = anthropic("a1", Method::POST, root, body.to_string());
    let batch = send(provider.addr(), request)
        .await
        .expect("an answer")
        .json();
    assert_eq!(batch["processing_status"], "in_progress");
    assert_eq!(batch["results_url"], Value::Null);
    let path = format!("{root}/{}", batch["id"].as_str().expect("an id"));
    let get =
        |key: &str, path: String| send(provider.addr(), anthropic(key, Method::GET, &path, ""));

    clock.advance(Duration::from_secs(60));
    let batch = get("a2", path.clone()).await.expect("an answer").json();
    assert_eq!(batch["processing_status"], "ended");
    assert_eq!(batch["request_counts"]["succeeded"], 2);
    let url = batch["results_url"].as_str().expect("a URL");
    assert!(url.starts_with(provider.base_url()));
    let results = url
        .split_once(&provider.addr().to_string())
        .expect("its own")
        .1
        .to_owned();
    let lines = get("a1", results.clone()).await.expect("an answer").body;
    let ids: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["custom_id"].clone())
        .collect();
    assert_eq!(ids, ["one", "two"]);
    assert_eq!(get("b1", results).await.expect("an answer").status, 404);
    assert_eq!(get("b1", path).await.expect("an answer").status, 404);
    let listed = get("a1", root.to_owned()).await.expect("an answer").json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn batch_can_be_cancelled() {
    let clock = Clock::manual();
    let world = World {
        batch_secs: 60.0,
        ..world()
    };
    let provider = Provider::start_at(world, clock.clone())
        .await
        .expect("a free port");
    let body = json!({ "requests": [{ "custom_id": "one", "params": {} }] }).to_string();
    let request = anthropic("a1", Method::POST, "/v1/messages/batches", body);
    let batch = send(provider.addr(), request)
        .await
        .expect("an answer")
        .json();
    let path = format!(
        "/v1/messages/batches/{}",
        batch["id"].as_str().expect("an id")
    );
    let cancel = anthropic("a1", Method::POST, &format!("{path}/cancel"), "");
    let batch = send(provider.addr(), cancel)
        .await
        .expect("an answer")
        .json();
    assert_eq!(batch["processing_status"], "canceling");
    clock.advance(Duration::from_secs(1));
    let results = anthropic("a1", Method::GET, &format!("{path}/results"), "");
    let results = send(provider.addr(), results).await.expect("an answer");
    assert!(results.body.contains("canceled"), "{}", results.body);
}

#[tokio::test]
async fn openai_batch_makes_a_file_of_results() {
    let provider = start(world()).await;
    let line = json!({ "custom_id": "one", "method": "POST", "url": "/v1/chat/completions",
                       "body": { "model": "gpt" } });
    let request = upload(openai(
        "a1",
        Method::POST,
        "/v1/files",
        form(&line.to_string()),
    ));
    let file = send(provider.addr(), request)
        .await
        .expect("an answer")
        .json();
    let body = json!({ "input_file_id": file["id"], "endpoint": "/v1/chat/completions",
                       "completion_window": "24h" })
    .to_string();
    let foreign = openai("b1", Method::POST, "/v1/batches", body.clone());
    assert_eq!(
        send(provider.addr(), foreign)
            .await
            .expect("an answer")
            .status,
        400
    );
    let request = openai("a1", Method::POST, "/v1/batches", body);
    let batch = send(provider.addr(), request)
        .await
        .expect("an answer")
        .json();
    assert_eq!(batch["status"], "completed");
    let output = batch["output_file_id"].as_str().expect("a file");
    let path = format!("/v1/files/{output}/content");
    let results = send(provider.addr(), openai("a2", Method::GET, &path, "")).await;
    assert!(
        results
            .expect("an answer")
            .body
            .contains("\"custom_id\":\"one\"")
    );
}

#[tokio::test]
async fn models_are_listed_in_both_dialects() {
    let models = vec!["claude-a".into(), "claude-b".into(), "gpt-*".into()];
    let provider = start(World { models, ..world() }).await;
    let get = |request| send(provider.addr(), request);
    let page = anthropic("a1", Method::GET, "/v1/models?limit=1", "");
    let page = get(page).await.expect("an answer").json();
    assert_eq!(
        (&page["data"][0]["id"], &page["has_more"]),
        (&json!("claude-a"), &json!(true))
    );
    let list = get(openai("a1", Method::GET, "/v1/models", ""))
        .await
        .expect("an answer")
        .json();
    assert_eq!(list["object"], "list");
    for (model, status) in [("claude-a", 200), ("gpt-9", 200), ("other", 404)] {
        let path = format!("/v1/models/{model}");
        let got = get(anthropic("a1", Method::GET, &path, ""))
            .await
            .expect("an answer");
        assert_eq!(got.status, status);
        let got = get(openai("a1", Method::GET, &path, ""))
            .await
            .expect("an answer");
        assert_eq!(got.status, status);
    }
    let hello = anthropic("a1", Method::HEAD, "/api/hello", "");
    assert_eq!(get(hello).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn endpoints_have_limits_of_their_own() {
    let account = Account {
        count_tokens_per_minute: Some(60),
        ..Account::new("a", ["k"]).with(simulated_provider::Limits::three(20, 60_000, 60_000))
    };
    let provider = Provider::start_at(World::new(vec![account]), Clock::manual())
        .await
        .expect("a free port");
    let body = client::hello(false).to_string();
    let path = "/v1/messages/count_tokens";
    for status in [200, 200, 200, 429] {
        let request = anthropic("k", Method::POST, path, body.clone());
        let got = send(provider.addr(), request).await.expect("an answer");
        assert_eq!(got.status, status);
        if status == 200 {
            assert!(got.json()["input_tokens"].as_u64() > Some(0));
        }
    }
    let message = anthropic("k", Method::POST, "/v1/messages", body);
    assert_eq!(
        send(provider.addr(), message)
            .await
            .expect("an answer")
            .status,
        200
    );
    let files = anthropic("k", Method::GET, "/v1/files", "");
    assert_eq!(
        send(provider.addr(), files)
            .await
            .expect("an answer")
            .status,
        200
    );
}
