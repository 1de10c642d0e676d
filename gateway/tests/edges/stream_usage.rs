//! Usage of streams whose clients do not ask for it.

use crate::compression::coded;
use crate::support::api::{Api, CLIENT_KEY};
use crate::support::fake::Fake;
use crate::support::scripted::{Scripted, json};
use crate::support::stage::{Plan, Stage};
use crate::support::until;
use crate::support::wire::find;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// As OpenAI sends it where usage is asked for, and where it is not.
const ASKED: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}],\"usage\":null}\n\n\
     data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n\
     data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n\
     data: [DONE]\n\n";
const PLAIN: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n\
     data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
     data: [DONE]\n\n";

async fn stage(more: &str) -> (Stage, Fake) {
    let fake = Fake::start(format!("{HEAD}{ASKED}")).await;
    let tables = fake.tables("far", "openai");
    let tables = tables.replace(
        "dialect = \"openai\"",
        &format!("dialect = \"openai\"\n{more}"),
    );
    (Plan::new().and(&tables).build().await, fake)
}

async fn tokens(stage: &Stage) -> u64 {
    until("the request is logged", || {
        !stage.gateway.access_log().is_empty()
    })
    .await;
    stage.gateway.access_log()[0]["output_tokens"]
        .as_u64()
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_asked_for_and_hidden_from_clients_that_did_not_ask() {
    let body = r#"{"model":"gpt-a","stream":true,"messages":[]}"#;
    let (stage, fake) = stage("").await;
    let request = Api::Chat
        .request(true)
        .path("/far/v1/chat/completions")
        .body(body);
    let answer = stage.ask(&request).await;
    assert_eq!(answer.text(), PLAIN);
    let seen = fake.seen().concat();
    assert!(find(&seen, b"\"stream_options\":{\"include_usage\":true}").is_some());
    assert_eq!(tokens(&stage).await, 7);
    assert!(find(&seen, CLIENT_KEY.as_bytes()).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_is_charged_for_what_came_of_it() {
    let opening = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
         event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"forty letters and more, so ten tokens or so\"}}\n\n";
    let fake = Fake::start(format!("{HEAD}{opening}{}", delta.repeat(100))).await;
    let stage = Plan::new()
        .and(&fake.tables("far", "anthropic"))
        .build()
        .await;
    let request = Api::Messages.request(true).path("/far/v1/messages");
    let answer = stage.ask(&request).await;
    assert!(answer.text().contains("forty letters"), "{}", answer.text());
    let charged = tokens(&stage).await;
    assert!(charged >= 1000, "{charged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_gets_it_and_a_switch_leaves_requests_alone() {
    let asks =
        r#"{"model":"gpt-a","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let plain = r#"{"model":"gpt-a","stream":true,"messages":[]}"#;
    for (more, body) in [("", asks), ("stream_usage = false", plain)] {
        let (stage, fake) = stage(more).await;
        let request = Api::Chat
            .request(true)
            .path("/far/v1/chat/completions")
            .body(body);
        let answer = stage.ask(&request).await;
        assert_eq!(answer.text(), ASKED);
        assert!(
            find(&fake.seen().concat(), body.as_bytes()).is_some(),
            "{more}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_asked_for_in_plain_where_the_body_came_in_a_coding() {
    let (stage, fake) = stage("").await;
    // A body whose coded bytes have a brace in them, as most do.
    let body = (0..200).map(|at| {
        let text = format!("hello {at} there");
        format!(
            r#"{{"model":"gpt-a","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#
        )
    });
    let (coded, body) = body
        .map(|body| (coded("gzip", &body), body))
        .find(|(coded, _)| coded.contains(&b'{'))
        .expect("one has");
    let request = Api::Chat
        .request(true)
        .path("/far/v1/chat/completions")
        .header("content-encoding", "gzip")
        .body(coded);
    let answer = stage.ask(&request).await;
    assert_eq!(answer.text(), PLAIN);
    let seen = fake.seen().concat();
    let asking = body.replacen('{', "{\"stream_options\":{\"include_usage\":true},", 1);
    assert!(find(&seen, asking.as_bytes()).is_some());
    assert!(find(&seen, b"content-encoding").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_is_asked_for_usage_as_its_own_provider_takes_it() {
    for (first, second) in [(true, false), (false, true)] {
        let busy = Scripted::start(|_| {
            json(
                529,
                "",
                "{\"error\":{\"message\":\"x\",\"type\":\"overloaded\"}}",
            )
        })
        .await;
        let fake = Fake::start(format!("{HEAD}{}", if second { ASKED } else { PLAIN })).await;
        let tables = |tables: String, asks: bool| {
            tables.replacen(
                "dialect = \"openai\"",
                &format!("dialect = \"openai\"\nstream_usage = {asks}"),
                1,
            )
        };
        let fallback = "[[fallback]]\nmodels = [\"gpt-*\"]\nsteps = [{ provider = \"spare\" }]\n";
        let plan = Plan::new()
            .and(&tables(
                busy.tables("busy", "dialect = \"openai\"", 1),
                first,
            ))
            .and(&tables(fake.tables("spare", "openai"), second))
            .and(fallback);
        let stage = plan.build().await;
        let body = r#"{"model":"gpt-a","stream":true,"messages":[]}"#;
        let request = Api::Chat
            .request(true)
            .path("/busy/v1/chat/completions")
            .header("x-keyweir-patience", "1")
            .body(body);
        let answer = stage.ask(&request).await;
        assert_eq!(answer.text(), PLAIN, "{first} {second}");
        let asks = |seen: &[u8]| find(seen, b"stream_options").is_some();
        assert!(busy.seen().iter().all(|seen| asks(&seen.body) == first));
        assert_eq!(asks(&fake.seen().concat()), second);
        // Where nobody tells it, the piece that came is counted.
        let expected = if second { 7 } else { 1 };
        assert_eq!(tokens(&stage).await, expected);
    }
}
