//! Rows of the operator's before the table that says whose fault an answer is: they hold for error
//! answers, for errors in a 200 and for errors in a stream, and for their provider alone.

use crate::support::api::Api;
use crate::support::scripted::{Act, Scripted, ask, events, json, open_gateway};

const ROWS: &str = "dialect = \"openai\"\n\
    [[provider.classify]]\ncode = \"quota.daily\"\ncharged_as = \"rate_limited\"\n\
    [[provider.classify]]\nstatus = 400\nbegins = \"plan * ended\"\ncharged_as = \"out_of_money\"\n\
    [[provider.classify]]\nstatus = 503\ncharged_as = \"bad_request\"\n";
const HELLO: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;
const STREAM: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const DAILY: &str =
    r#"{"error":{"message":"No more today","type":"invalid_request_error","code":"Quota.Daily"}}"#;
const ENDED: &str =
    r#"{"error":{"message":"Plan gold ended","type":"invalid_request_error","code":null}}"#;

/// How the first account answers: as an error, in a 200, and in a stream.
fn told(error: &str) -> [(bool, Vec<Act>); 3] {
    [
        (false, json(400, "", error)),
        (false, json(200, "", error)),
        (true, events(&format!("data: {error}\n\n"))),
    ]
}

fn good(stream: bool) -> Vec<Act> {
    match stream {
        true => events(STREAM),
        false => json(200, "", HELLO),
    }
}

#[tokio::test]
async fn a_row_of_the_operators_stands_before_the_table_wherever_the_error_is_told() {
    for error in [DAILY, ENDED] {
        for (stream, first) in told(error) {
            let script = move |account: usize| match account {
                0 => first.clone(),
                _ => good(stream),
            };
            let provider = Scripted::start(move |seen| script(seen.account())).await;
            let gateway = open_gateway("", &provider.tables("p", ROWS, 2)).await;

            let mut attempts = Vec::new();
            // Which of the two is asked first is drawn.
            for _ in 0..40 {
                let answer = ask(&gateway, &Api::Chat.request(stream)).await;
                assert_eq!(answer.status, 200, "{error}: {}", answer.text());
                assert!(answer.text().contains("hello"), "{}", answer.text());
                attempts.push(answer.attempts());
            }

            // The account is out of it after the first time.
            attempts.retain(|attempts| *attempts == 2);
            assert_eq!(attempts.len(), 1, "{error} {stream}");
        }
    }
}

#[tokio::test]
async fn without_such_a_row_the_table_holds() {
    for (stream, first) in told(DAILY) {
        let provider = Scripted::start(move |_| first.clone()).await;
        let gateway = provider.gateway("openai", 2, "").await;

        let answer = ask(&gateway, &Api::Chat.request(stream)).await;

        assert_eq!((answer.status, answer.attempts()), (400, 1), "{stream}");
    }
}

#[tokio::test]
async fn a_row_may_make_a_breakdown_the_requests() {
    let error = r#"{"error":{"message":"No such voice","type":"server_error","code":null}}"#;
    let provider = Scripted::start(move |_| json(503, "", error)).await;
    let gateway = open_gateway("", &provider.tables("p", ROWS, 2)).await;

    let answer = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!((answer.status, answer.attempts()), (503, 1));
    assert_eq!(answer.text(), error);
}

#[tokio::test]
async fn a_row_holds_for_its_own_provider_alone() {
    let [one, two] = [
        Scripted::start(|_| json(400, "", DAILY)).await,
        Scripted::start(|_| json(400, "", DAILY)).await,
    ];
    let tables = format!(
        "{}{}\n[[fallback]]\nmodels = [\"*\"]\nsteps = [{{ provider = \"two\" }}]\n",
        one.tables("one", ROWS, 1),
        two.tables("two", "dialect = \"openai\"", 1),
    );
    let gateway = open_gateway("[waiting]\npatience = \"0s\"\n", &tables).await;

    let answer = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!((answer.status, answer.attempts()), (400, 2));
    assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
    assert_eq!(answer.text(), DAILY);
}
