//! What clients and operators are told of what became of requests and keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::api::Api;
use crate::support::scripted::{Scripted, Seen, ask, json};
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
    let messages = gateway.messages();
    let mut lines = messages.lines();
    let opened = lines.find(|line| line.contains("its breaker is open"));
    for part in [
        "the provider answers with errors",
        "\"status\":500",
        "\"said\":\"no\"",
        "\"probed_in_secs\":",
    ] {
        assert!(opened.expect("told").contains(part), "{part}: {opened:?}");
    }
    assert!(!told("its breaker is closed"));
    is_well.store(true, Ordering::Relaxed);
    asked_until("its breaker is closed").await;
    until("once", || {
        gateway.messages().matches("its breaker is closed").count() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_refuses_a_request_after_others_is_told_in_its_words_too() {
    let is_well = Arc::new(AtomicBool::new(true));
    let well = Arc::clone(&is_well);
    let script = move |_: &Seen| match well.load(Ordering::Relaxed) {
        true => json(200, "", GOOD),
        false => json(401, "", r#"{"error":{"message":"invalid key"}}"#),
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("openai", 5, "").await;
    for _ in 0..20 {
        let answer = ask(&gateway, &Api::Chat.request(false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    is_well.store(false, Ordering::Relaxed);

    // Others were served a moment ago, and it is told the same by one key after the other.
    let answer = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!(answer.status, 503, "{}", answer.text());
    let told = || {
        let messages = gateway.messages();
        let lines = messages.lines().map(str::to_owned);
        let of_keys = lines.filter(|line| line.contains("the provider refused this key once"));
        of_keys.collect::<Vec<_>>()
    };
    until("two are told", || told().len() >= 2).await;
    for line in told() {
        for part in [
            "\"status\":401",
            "\"said\":\"invalid key\"",
            "replace its secret",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_said_is_told_as_long_as_it_is_what_speaks_against_a_key_or_an_account() {
    const SECRET: &str = "sk-scripted-0-p-Wd5nRb8kQp2mZs7yTc3vLf6x";
    let turn = Arc::new(AtomicUsize::new(0));
    let turns = Arc::clone(&turn);
    let script = move |_: &Seen| match turns.load(Ordering::Relaxed) {
        0 => {
            let said = format!("Incorrect API key: {SECRET}. {}", "so it goes ".repeat(99));
            let body = serde_json::json!({"error": {"message": said, "code": "invalid_api_key"}});
            json(401, "", &body.to_string())
        }
        1 => json(200, "", GOOD),
        _ => json(
            429,
            "",
            r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
        ),
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("openai", 1, "").await;
    let asked = async || ask(&gateway, &Api::Chat.request(false)).await.status;
    let explained = async || {
        let model = "gpt-a";
        gateway.admin(&format!("/explain?model={model}")).await
    };

    assert_eq!(asked().await, 503);
    let status = gateway.status().await;
    let why = &status["providers"][0]["keys"][0]["why"];
    assert_eq!(why["status"], 401, "{status}");
    let said = why["said"].as_str().expect("words");
    assert!(said.starts_with("Incorrect API key: "), "{said}");
    assert!(said.len() <= 300, "{said}");
    let explanation = explained().await;
    let of_key = &explanation.json()["providers"][0]["accounts"][0]["keys"][0];
    assert_eq!(of_key["out"]["why"]["status"], 401, "{of_key}");
    assert_eq!(of_key["out"]["why"]["said"], said, "{of_key}");
    for told in [status.to_string(), explanation.text(), gateway.messages()] {
        assert!(!told.contains(&SECRET[4..]), "{told}");
    }

    turn.store(1, Ordering::Relaxed);
    let reset = gateway.ask_admin("POST", "/keys/p-0-key/reset").await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    assert_eq!(asked().await, 200);
    assert!(!gateway.status().await.to_string().contains("Incorrect"));

    turn.store(2, Ordering::Relaxed);
    assert_eq!(asked().await, 503);
    let status = gateway.status().await;
    let why = &status["providers"][0]["accounts"][0]["why"];
    assert_eq!(why["reason"], "out_of_money", "{status}");
    assert_eq!(why["said"], "You exceeded your current quota", "{status}");
    let of_key = &status["providers"][0]["keys"][0]["why"];
    assert_eq!(of_key["said"], why["said"], "{status}");
    let explanation = explained().await.json();
    let out = &explanation["providers"][0]["accounts"][0]["out"];
    assert_eq!(out["why"]["said"], why["said"], "{explanation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_401_of_a_pools_only_key_is_told_to_operators_in_the_providers_words() {
    let rejected = r#"{"error":{"message":"Incorrect API key provided: KEY. Find it at example.com",
        "type":"invalid_request_error","code":"invalid_api_key"}}"#;
    const SECRET: &str = "sk-scripted-0-p-Wd5nRb8kQp2mZs7yTc3vLf6x";
    let rejected = rejected.replace("KEY", SECRET);
    let provider = Scripted::start(move |_| json(401, "", &rejected)).await;
    let gateway = provider.gateway("openai", 1, "").await;

    let first = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!(first.status, 503, "{}", first.text());
    assert!(
        first
            .text()
            .contains("the provider rejected the gateway's own API key (not yours)")
    );
    assert!(
        first.text().contains("\"provider_key_rejected\""),
        "{}",
        first.text()
    );
    until("it is told", || gateway.messages().contains("p-0-key")).await;
    let messages = gateway.messages();
    let mut lines = messages.lines();
    let line = lines.find(|line| line.contains("p-0-key")).expect("told");
    for told in [
        "WARN",
        "the provider refused this key once",
        "replace its secret",
        "Incorrect API key provided: ",
        "Find it at example.com",
        "\"status\":401",
        "\"probed_in_secs\":2",
    ] {
        assert!(line.contains(told), "{told}: {line}");
    }

    // The next one's word takes it out, and later ones are told the same as the first.
    let answers = [
        ask(&gateway, &Api::Chat.request(false)).await,
        ask(&gateway, &Api::Chat.request(false)).await,
    ];
    for answer in &answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            answer.text().contains("\"provider_key_rejected\""),
            "{}",
            answer.text()
        );
    }
    assert_eq!(answers[1].header("x-should-retry"), "false");
    until("it is out", || {
        gateway.messages().contains("the provider rejects this key")
    })
    .await;
    assert!(!gateway.messages().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_money_is_told_to_clients_as_the_gateways() {
    let spent = r#"{"error":{"message":"You exceeded your current quota, please check your plan",
        "type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let provider = Scripted::start(|_| json(429, "", spent)).await;
    let gateway = provider.gateway("openai", 1, "").await;

    for _ in 0..3 {
        let answer = ask(&gateway, &Api::Chat.request(false)).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            answer.text().contains("\"provider_account_unavailable\""),
            "{}",
            answer.text()
        );
    }
    until("it is told", || {
        let messages = gateway.messages();
        messages.contains("the provider refused this account once")
            && messages.contains("top it up")
            && messages.contains("You exceeded your current quota")
    })
    .await;
}
