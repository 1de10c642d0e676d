//! What clients and operators are told of what became of requests and keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::api::Api;
use crate::support::scripted::{Scripted, ask, json};
use crate::support::until;

const GOOD: &str = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
const BAD: &str = r#"{"error":{"message":"no","type":"server_error"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_how_often_and_how_long_it_was_tried() {
    let provider = Scripted::start(|_| json(429, "", BAD)).await;
    let gateway = provider.gateway("openai", 1, "").await;
    let request = Api::Chat.request(false).header("x-keyweir-patience", "2");

    let answer = ask(&gateway, &request).await;

    assert_eq!(answer.status, 429, "{}", answer.text());
    let header = |name: &str| answer.header(name).parse::<u64>().ok();
    let sent = provider.seen().len() as u64;
    assert!(sent > 1, "{sent}");
    assert_eq!(header("x-keyweir-attempts"), Some(sent));
    let waited = header("x-keyweir-waited-ms").expect("it waited");
    assert!((1..=2_500).contains(&waited), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_closes_again_is_told_like_one_that_opened() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let provider =
        Scripted::start(
            move |seen| match seen.account() == 1 || well.load(Ordering::Relaxed) {
                true => json(200, "", GOOD),
                false => json(500, "", BAD),
            },
        )
        .await;
    let gateway = provider.gateway("openai", 2, "").await;
    let told = |what: &str| {
        let messages = gateway.messages();
        messages
            .lines()
            .any(|line| line.contains("p-0-key") && line.contains(what))
    };
    let asked_until = async |what: &str| {
        let asking = async {
            while !told(what) {
                let request = Api::Chat.request(false);
                assert_eq!(ask(&gateway, &request).await.status, 200);
            }
        };
        let in_time = tokio::time::timeout(crate::support::PATIENCE, asking).await;
        assert!(in_time.is_ok(), "not told: {what}: {}", gateway.messages());
    };
    asked_until("its breaker is open").await;
    assert!(!told("its breaker is closed"));
    is_well.store(true, Ordering::Relaxed);
    asked_until("its breaker is closed").await;
    until("once", || {
        gateway.messages().matches("its breaker is closed").count() == 1
    })
    .await;
}
