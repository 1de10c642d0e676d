//! Operators hold, trip and reset keys and accounts.

use crate::support::api::{Api, Request};
use crate::support::stage::Plan;
use crate::support::wire::Wire;
use crate::{account, key, schema};

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_key_finishes_its_stream_and_takes_no_more_until_it_is_resumed() {
    let stage = Plan::new().build().await;
    let mut wire = stage.connect().await;
    let slow = Api::Messages
        .request(true)
        .header("x-sim-output-tokens", "40")
        .header("x-sim-chunk-interval-ms", "20");
    wire.send(slow.bytes()).await;
    let mut stream = wire.head().await;
    assert_eq!(stream.status, 200);
    let status = stage.gateway.status().await;
    let keys = ["claude-one-key", "claude-two-key"];
    let busy = keys
        .into_iter()
        .find(|id| key(&status, id)["requests_running"] == 1);
    let busy = busy.expect("one serves it");

    let answer = stage
        .gateway
        .ask_admin("POST", &format!("/keys/{busy}/drain"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = answer.json();
    assert_eq!(
        (&said["state"], &said["requests_running"]),
        (&"held".into(), &1.into())
    );
    for _ in 0..6 {
        stage.serves(Api::Messages).await;
    }
    wire.body(&mut stream, |_| false).await;
    assert!(
        Api::Messages.is_complete(&stream.text()),
        "{}",
        stream.text()
    );
    let secret = stage
        .gateway
        .files
        .path()
        .join(busy.replace("-key", ".key"));
    let secret = std::fs::read_to_string(secret).expect("it is there");
    let requests = stage.control().requests();
    let with_it = requests
        .iter()
        .filter(|it| it.header("x-api-key") == Some(secret.trim()));
    assert_eq!(with_it.count(), 1, "only the stream");

    let status = stage.gateway.status().await;
    assert_eq!(key(&status, busy)["why"]["reason"], "held");
    schema::holds(&status);
    let metrics = stage.gateway.admin("/metrics").await.text();
    assert!(
        metrics.contains("keyweir_keys{provider=\"claude\",state=\"held\"} 1"),
        "{metrics}"
    );
    stage.gateway.writes("held by an operator").await;

    let answer = stage
        .gateway
        .ask_admin("POST", &format!("/keys/{busy}/resume"))
        .await;
    assert_eq!(answer.json()["state"], "serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_do_what_their_account_does() {
    let stage = Plan::new().build().await;
    for (action, state, reason) in [
        ("drain", "held", "held"),
        ("resume", "serving", ""),
        ("trip", "out", "operator"),
        ("reset", "serving", ""),
    ] {
        let path = format!("/accounts/gpt-one/{action}");
        let answer = stage.gateway.ask_admin("POST", &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let status = stage.gateway.status().await;
        schema::holds(&status);
        let told = key(&status, "gpt-one-key");
        assert_eq!(told["state"], state, "{action}: {told}");
        match reason {
            "" => assert!(told["why"].is_null(), "{action}: {told}"),
            _ => assert_eq!(
                (&told["why"]["reason"], &told["why"]["of_account"]),
                (&reason.into(), &true.into()),
                "{action}: {told}"
            ),
        }
        // What an alert on a provider of which no key serves goes by.
        let metrics = stage.gateway.admin("/metrics").await.text();
        let keys = if state == "serving" { 2 } else { 1 };
        let count = format!("keyweir_keys{{provider=\"gpt\",state=\"{state}\"}} {keys}\n");
        assert!(metrics.contains(&count), "{action}: {metrics}");
    }
    // What speaks against a key itself is told, whatever its account does.
    for path in ["/accounts/gpt-one/trip", "/keys/gpt-one-key/drain"] {
        stage.gateway.ask_admin("POST", path).await;
    }
    let told = key(&stage.gateway.status().await, "gpt-one-key");
    assert_eq!(told["state"], "held", "{told}");
    assert!(told["why"]["of_account"].is_null(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_done_takes_no_words_that_nobody_knows() {
    let stage = Plan::new().build().await;
    for path in ["/keys/gpt-one-key/drain?for=10m", "/reload?dry_run=true"] {
        let answer = stage.gateway.ask_admin("POST", path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(
            answer.text().contains("there are none"),
            "{}",
            answer.text()
        );
    }
    let told = key(&stage.gateway.status().await, "gpt-one-key");
    assert_eq!(told["state"], "serving", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_survives_a_reload() {
    let stage = Plan::new().build().await;
    stage
        .gateway
        .ask_admin("POST", "/accounts/claude-one/drain")
        .await;
    let path = stage.gateway.files.path().join("keys.toml");
    let policy = std::fs::read_to_string(&path).expect("it is there");
    stage.gateway.files.write(
        "keys.toml",
        &format!("[waiting]\npatience = \"7s\"\n{policy}"),
    );
    let answer = stage.gateway.reload().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = stage.gateway.status().await;
    assert_eq!(account(&status, "claude-one")["state"], "held");
    let reloaded = status["events"].as_array().expect("a list").iter();
    let mut texts = reloaded.map(|it| it["text"].as_str().expect("text"));
    assert!(texts.any(|it| it.contains("reloaded") && it.contains("patience")));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_held_clients_are_refused_at_once() {
    let stage = Plan::new().build().await;
    for name in ["claude-one", "claude-two"] {
        let answer = stage
            .gateway
            .ask_admin("POST", &format!("/accounts/{name}/drain"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = stage.ask(&Api::Messages.request(false)).await;
    let message = Api::Messages.check_refusal(&answer, 503, "api_error");
    assert!(
        message.contains("no key of the pool can serve"),
        "{message}"
    );
    stage.serves(Api::Chat).await;
    stage
        .gateway
        .ask_admin("POST", "/accounts/claude-two/resume")
        .await;
    stage.serves(Api::Messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tripped_is_out_until_it_is_reset() {
    let stage = Plan::new().build().await;
    let answer = stage
        .gateway
        .ask_admin("POST", "/keys/gpt-one-key/trip")
        .await;
    assert_eq!(answer.json()["state"], "out", "{}", answer.text());
    let told = key(&stage.gateway.status().await, "gpt-one-key");
    assert_eq!(told["why"]["reason"], "operator", "{told}");
    let answer = stage
        .gateway
        .ask_admin("POST", "/keys/gpt-one-key/reset")
        .await;
    assert_eq!(answer.json()["state"], "serving", "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_told_what_is_right() {
    let stage = Plan::new().build().await;
    for (method, path, status, part) in [
        (
            "POST",
            "/keys/nobody/drain",
            404,
            "no key of the policy in force has the id \"nobody\"",
        ),
        ("POST", "/accounts/claude-one-key/drain", 404, "no account"),
        (
            "POST",
            "/keys/claude-one-key/melt",
            404,
            "drain, resume, trip or reset",
        ),
        ("GET", "/keys/claude-one-key/drain", 405, "only POST"),
        ("DELETE", "/status", 405, "only GET, HEAD"),
        ("GET", "/reload", 405, "only POST"),
        ("GET", "/nothing", 404, "/status"),
    ] {
        let answer = stage.gateway.ask_admin(method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(
            answer.text().contains(part),
            "{method} {path}: {}",
            answer.text()
        );
        assert_eq!(
            !answer.header("allow").is_empty(),
            status == 405,
            "{method} {path}"
        );
    }
    let from_a_page = Request::new("POST", "/keys/claude-one-key/drain")
        .header("origin", "http://evil.example")
        .header("connection", "close");
    let mut wire = Wire::connect(stage.gateway.admin).await;
    wire.send(from_a_page.bytes()).await;
    assert_eq!(wire.answer().await.status, 403);
    assert_eq!(
        key(&stage.gateway.status().await, "claude-one-key")["state"],
        "serving"
    );
}
