//! Providers that take a request and say nothing: they are left for another in time, and the access
//! log tells of each.

use std::time::Duration;

use crate::support::api::Api;
use crate::support::program::{Program, Watch};
use crate::support::scripted::{Act, Scripted, Seen, ask, json, open_gateway, stream_head};
use crate::support::{PROMPT, until};

const STREAM: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const SHORT: &str = "[gateway.timeouts]\nfirst_token = \"1s\"\n";

fn silent() -> [Vec<Act>; 3] {
    let head = || stream_head("content-type: text/event-stream\r\n");
    let blank = Act::Send(b"2\r\n\n\n\r\n".to_vec());
    [
        vec![Act::Hold],
        vec![head(), Act::Hold],
        vec![head(), blank, Act::Hold],
    ]
}

async fn log(gateway: &Program) -> serde_json::Value {
    until("the request is logged", || !gateway.access_log().is_empty()).await;
    gateway.access_log()[0].clone()
}

#[tokio::test]
async fn a_silent_stream_is_left_for_another_key() {
    for first in silent() {
        let script = move |seen: &Seen| match seen.number {
            0 => first.clone(),
            _ => crate::support::scripted::events(STREAM),
        };
        let provider = Scripted::start(script).await;
        let gateway = provider.gateway("openai", 2, SHORT).await;
        let watch = Watch::start();

        let answer = ask(&gateway, &Api::Chat.request(true)).await;

        assert_eq!((answer.status, answer.attempts()), (200, 2));
        assert!(answer.whole && answer.text() == STREAM);
        watch.within(PROMPT);
        let line = log(&gateway).await;
        let failed = &line["failed"][0];
        assert_eq!(failed["fault"], "timed_out", "{line}");
        assert!(failed["ms"].as_u64() >= Some(1_000), "{line}");
        assert_eq!(failed["provider"], "p", "{line}");
        assert!(
            failed["key"]
                .as_str()
                .is_some_and(|key| key.starts_with("p-"))
        );
        assert_eq!(line["failed"][1], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn a_silent_provider_is_left_for_the_fallback() {
    for first in silent() {
        let down = Scripted::start(move |_| first.clone()).await;
        let backup = Scripted::start(|_| crate::support::scripted::events(STREAM)).await;
        let dialect = "dialect = \"openai\"";
        let tables = format!(
            "{}{}\n[[fallback]]\nmodels = [\"gpt-*\"]\nsteps = [{{ provider = \"two\" }}]\n",
            down.tables("one", dialect, 1),
            backup.tables("two", dialect, 1),
        );
        let settings = format!("[retry]\nattempts_max = 1\n{SHORT}");
        let gateway = open_gateway(&settings, &tables).await;

        let answer = ask(&gateway, &Api::Chat.request(true)).await;

        assert!(answer.whole && answer.text() == STREAM, "{}", answer.text());
        assert_eq!(backup.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_whole_answer_has_as_long_as_its_cap_on_output_takes() {
    let slow = |span: u64| {
        let mut acts = vec![Act::Pause(Duration::from_millis(span))];
        acts.extend(json(
            200,
            "",
            r#"{"choices":[{"message":{"content":"hello"}}]}"#,
        ));
        acts
    };
    let provider = Scripted::start(move |_| slow(3_000)).await;
    let gateway = provider.gateway("openai", 1, SHORT).await;

    // 64 tokens take 7 s.
    let answer = ask(&gateway, &Api::Chat.request(false)).await;
    assert_eq!((answer.status, answer.attempts()), (200, 1));

    // One takes none, but each time-out doubles the next.
    let body = Api::Chat.body(false).replace("64", "1");
    let answer = ask(&gateway, &Api::Chat.request(false).body(body)).await;
    assert_eq!(
        (answer.status, answer.attempts()),
        (200, 2),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_stream_with_a_fallback_leaves_a_silent_provider_soon_and_a_slow_one_is_given_the_time() {
    // Two accounts: none but the first that is asked is asked at all.
    let slow = Scripted::start(|_| {
        let mut acts = vec![Act::Pause(Duration::from_millis(1_500))];
        acts.extend(crate::support::scripted::events(STREAM));
        acts
    })
    .await;
    let backup = Scripted::start(|_| crate::support::scripted::events(STREAM)).await;
    let dialect = "dialect = \"openai\"";
    let tables = format!(
        "{}{}\n[[fallback]]\nmodels = [\"gpt-*\"]\nsteps = [{{ provider = \"two\" }}]\n",
        slow.tables("one", dialect, 2),
        backup.tables("two", dialect, 1),
    );
    let settings = "[gateway.timeouts]\nfirst_token_fallback = \"1s\"\n";
    let gateway = open_gateway(settings, &tables).await;

    for (attempts, at_the_slow, at_the_backup) in [(2, 1, 1), (1, 2, 1), (1, 3, 1)] {
        let answer = ask(&gateway, &Api::Chat.request(true)).await;

        assert!(answer.whole && answer.text() == STREAM, "{}", answer.text());
        assert_eq!(answer.attempts(), attempts);
        assert_eq!(slow.seen().len(), at_the_slow);
        assert_eq!(backup.seen().len(), at_the_backup);
    }
}
