//! What providers do wrong: invisible as long as the client has seen nothing of the answer, and
//! afterwards an error event of the dialect and an end that nobody takes for a good one.

mod before_an_answer;
mod cut_streams;
mod framing;
mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use simulated_provider::{Fault, FaultRule, Moment};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::api::{APIS, Api, Request};
use crate::support::fake::Fake;
use crate::support::frames::{self, Frames};
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, find};
use crate::support::{PROMPT, until};

const UPSTREAMS: [&str; 2] = ["1.1", "2"];

fn plan(upstream: &'static str) -> Plan {
    Plan::new().upstream(upstream).set(
        "[gateway.timeouts]\nhead = \"1s\"\nstream_idle = \"1s\"\nsend = \"1s\"\n\
         [gateway.stream]\nhold_head = \"20s\"",
    )
}

const fn reset(at: Moment) -> Fault {
    Fault::Reset {
        at,
        connection: false,
    }
}

const fn stall(at: Moment) -> Fault {
    Fault::Stall { at, secs: None }
}

fn error_event(after_chunks: u64, error: &str) -> Fault {
    Fault::ErrorEvent {
        after_chunks,
        error: Some(error.to_owned()),
    }
}

/// Asks while every answer fails.
async fn all_fail(api: Api, fault: Fault) -> Answer {
    let stage = plan("1.1")
        .set("[waiting]\npatience = \"0s\"")
        .build()
        .await;
    stage.control().fault(fault);
    let watch = Watch::start();
    let answer = stage.ask(&api.request(true)).await;
    watch.within(PROMPT * 2);
    stage.is_quiet().await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_key_failing_the_client_is_told_what_is_wrong_in_its_dialect() {
    let retry_after_secs = None;
    for (fault, statuses) in [
        (Fault::RateLimited { retry_after_secs }, vec![429]),
        (Fault::RateLimitedBare, vec![429]),
        (Fault::Revoked, vec![503]),
        (Fault::OutOfCredit, vec![503]),
        (Fault::Overloaded { retry_after_secs }, vec![503, 529]),
        (Fault::InternalError, vec![500, 503]),
        (reset(Moment::BeforeHead), vec![503]),
        (stall(Moment::BeforeHead), vec![503, 504]),
        (Fault::GarbageOnWire, vec![503]),
        (Fault::CleanEnd { after_chunks: 0 }, vec![503]),
        (error_event(0, "overloaded_error"), vec![503, 529]),
    ] {
        for api in [Api::Messages, Api::Chat] {
            let answer = all_fail(api, fault.clone()).await;
            let what = format!("{fault:?}, {api:?}: {} {}", answer.status, answer.text());
            assert!(statuses.contains(&answer.status), "{what}");
            assert!(answer.whole, "{what}");
            let error = &answer.json()["error"];
            assert!(
                error["message"].is_string() && error["type"].is_string(),
                "{what}"
            );
            assert_eq!(
                answer.json()["type"] == "error",
                api == Api::Messages,
                "{what}"
            );
            for secret in ["sk-ant", "sk-proj", "claude-one", "gpt-one", "127.0.0.1"] {
                assert!(!answer.text().contains(secret), "{what}");
            }
            if answer.status == 429 {
                let wait: u64 = answer.header("retry-after").parse().expect("whole seconds");
                assert!((1..=130).contains(&wait), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_the_clients_is_passed_on_as_the_provider_said_it() {
    let stage = plan("1.1").build().await;
    let said = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.0: \u00fc  odd   spaces"},"request_id":"req_1"} "#;
    for status in [400, 409, 413, 422] {
        stage.control().fault(
            FaultRule::from(Fault::Answer {
                status,
                headers: vec![
                    ("request-id".into(), "req_1".into()),
                    ("x-should-retry".into(), "false".into()),
                    ("anthropic-organization-id".into(), "org_secret".into()),
                    ("set-cookie".into(), "__cf=1".into()),
                ],
                body: said.into(),
            })
            .times(1),
        );
        let answer = stage.ask(&Api::Messages.request(true)).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, said));
        assert_eq!(answer.attempts(), 1);
        assert_eq!(answer.header("request-id"), "req_1");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert_eq!(answer.header("anthropic-organization-id"), "");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // And costs no key anything.
    let status = stage.gateway.status().await;
    for key in status["providers"][0]["keys"].as_array().expect("a list") {
        assert_eq!(key["state"], "serving", "{key}");
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fails_for_one_model_serves_the_others() {
    let stage = plan("1.1").build().await;
    stage.control().fault(FaultRule {
        model: Some("claude-a".to_owned()),
        ..FaultRule::from(Fault::ModelForbidden)
    });
    let denied = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(denied.status, 403, "{}", denied.text());

    let other = Api::Messages.body(false).replace("claude-a", "claude-b");
    let served = stage.ask(&Api::Messages.request(false).body(other)).await;

    assert_eq!(
        (served.status, served.attempts()),
        (200, 1),
        "{}",
        served.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_one_provider_does_the_other_serves() {
    let stage = plan("1.1").build().await;
    let only_claude = |fault: Fault| FaultRule {
        path: Some("/v1/messages".to_owned()),
        ..FaultRule::from(fault)
    };
    stage
        .control()
        .fault(only_claude(stall(Moment::BeforeHead)));
    let mut struggling = Vec::new();
    for _ in 0..20 {
        let mut wire = stage.connect().await;
        wire.send(Api::Messages.request(true).bytes()).await;
        struggling.push(wire);
    }
    let watch = Watch::start();
    for _ in 0..20 {
        stage.serves(Api::Chat).await;
    }
    watch.within(PROMPT);
    drop(struggling);
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_reach_the_client_while_it_waits_for_the_first_word() {
    let stage = Plan::new()
        .set("[gateway.stream]\nhold_head = \"200ms\"")
        .build()
        .await;
    let request: Request = Api::Messages
        .request(true)
        .header("x-sim-head-ms", "0")
        .header("x-sim-first-token-ms", "60000")
        .header("x-sim-ping-interval-ms", "100");
    let mut wire = stage.connect().await;
    wire.send(request.bytes()).await;

    let mut answer = wire.head().await;
    wire.body(&mut answer, |text| text.matches("event: ping").count() >= 5)
        .await;

    assert_eq!(answer.status, 200);
    assert_eq!(Api::Messages.contents(&answer.text()), 0);
    drop(wire);
    stage.is_unharmed().await;
}
