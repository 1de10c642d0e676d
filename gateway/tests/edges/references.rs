//! What a body names or quotes that only one account knows or can read.

use crate::support::api::Request;
use crate::support::program::Program;
use crate::support::scripted::{Act, Scripted, Seen, ask, events, json, open_gateway};
use crate::support::wire::Answer;

const ACCOUNTS: usize = 3;

fn post(path: &str, body: &str) -> Request {
    Request::new("POST", path)
        .header("content-type", "application/json")
        .body(body)
}

async fn respond(gateway: &Program, body: &str) -> Answer {
    ask(gateway, &post("/v1/responses", body)).await
}

/// The account that `mark` in a request's body is followed by the number of.
fn maker(seen: &Seen, mark: &str) -> Option<usize> {
    let text = seen.text();
    let (_, rest) = text.split_once(mark)?;
    rest[..1].parse().ok()
}

/// A provider whose accounts know what they made, and nothing else.
fn stateful(seen: &Seen) -> Vec<Act> {
    let (account, number) = (seen.account(), seen.number);
    let foreign = |mark| maker(seen, mark).is_some_and(|maker| maker != account);
    if foreign("gAAAA-") {
        return json(
            400,
            "",
            r#"{"error":{"message":"The encrypted content gAAAA...= could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#,
        );
    }
    if foreign("resp_") {
        return json(
            400,
            "",
            r#"{"error":{"message":"Previous response with id 'resp_x' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#,
        );
    }
    let item = format!(
        r#"{{"type":"reasoning","id":"rs_{number}","summary":[],"encrypted_content":"gAAAA-{account}-{number}"}}"#
    );
    let answer = format!(
        r#"{{"id":"resp_{account}_{number}","object":"response","status":"completed","output":[{item}]}}"#
    );
    if !seen.text().contains(r#""stream":true"#) {
        return json(200, "", &answer);
    }
    events(&format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{{\"id\":\"resp_{account}_{number}\"}}}}\n\n\
         event: response.output_item.done\ndata: {{\"type\":\"response.output_item.done\",\"item\":{item}}}\n\n\
         event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{answer}}}\n\n"
    ))
}

#[tokio::test]
async fn sealed_reasoning_stays_with_its_account() {
    for stream in [false, true] {
        let provider = Scripted::start(stateful).await;
        let gateway = provider.gateway("openai", ACCOUNTS, "").await;
        for conversation in 0..6 {
            let mut input = format!(r#"{{"role":"user","content":"plan {conversation}"}}"#);
            for turn in 0..4 {
                let body =
                    format!(r#"{{"model":"m","store":false,"stream":{stream},"input":[{input}]}}"#);
                let answer = respond(&gateway, &body).await;
                assert_eq!(answer.status, 200, "{turn}: {}", answer.text());
                let text = answer.text();
                let (_, sealed) = text.split_once("gAAAA-").expect("reasoning");
                let (sealed, _) = sealed.split_once('"').expect("its end");
                input.push_str(&format!(
                    r#",{{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"gAAAA-{sealed}"}}"#
                ));
            }
        }
        // Learned, not sought: nobody was asked in vain.
        assert_eq!(provider.seen().len(), 6 * 4, "stream: {stream}");
    }
}

#[tokio::test]
async fn sealed_reasoning_waits_for_its_account() {
    let script = |seen: &Seen| match seen.number {
        1 => json(
            429,
            "retry-after: 1\r\n",
            r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ),
        _ => stateful(seen),
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("openai", ACCOUNTS, "").await;
    let first = respond(&gateway, r#"{"model":"m","input":"x"}"#).await;
    let item = first.json()["output"][0].to_string();

    let body = format!(r#"{{"model":"m","input":[{item}]}}"#);
    let answer = respond(&gateway, &body).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let accounts: Vec<_> = provider.seen().iter().map(Seen::account).collect();
    assert!(accounts.iter().all(|account| *account == accounts[0]));
}

#[tokio::test]
async fn what_another_process_made_is_sought_and_then_known() {
    let provider = Scripted::start(stateful).await;
    let gateway = provider.gateway("openai", ACCOUNTS, "").await;
    for (number, body) in [
        r#"{"model":"m","input":"x","previous_response_id":"resp_2_0"}"#,
        r#"{"model":"m","input":[{"type":"reasoning","summary":[],"encrypted_content":"gAAAA-1-0"}]}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let answer = respond(&gateway, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.attempts() as usize, ACCOUNTS - number);

        let answer = respond(&gateway, body).await;
        assert_eq!((answer.status, answer.attempts()), (200, 1));
    }
}

#[tokio::test]
async fn what_nobody_knows_is_told_in_the_providers_words() {
    let provider = Scripted::start(stateful).await;
    let gateway = provider.gateway("openai", ACCOUNTS, "").await;

    let body = r#"{"model":"m","input":"x","previous_response_id":"resp_9_0"}"#;
    let answer = respond(&gateway, body).await;

    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(
        answer.json()["error"]["code"],
        "previous_response_not_found"
    );
    assert_eq!(provider.seen().len(), ACCOUNTS);
}

#[tokio::test]
async fn gemini_files_are_used_where_they_are() {
    let script = |seen: &Seen| {
        let account = seen.account();
        if seen.target().starts_with("/upload/") {
            let name = format!("files/{account}-{}", seen.number);
            return json(
                200,
                "",
                &format!(
                    r#"{{"file":{{"name":"{name}","uri":"https://generativelanguage.googleapis.com/v1beta/{name}"}}}}"#
                ),
            );
        }
        let asked = format!("{}{}", seen.target(), seen.text());
        let (_, file) = asked.split_once("files/").expect("a file");
        if file.starts_with(&account.to_string()) {
            return json(
                200,
                "",
                r#"{"candidates":[{"content":{},"finishReason":"STOP"}]}"#,
            );
        }
        json(
            403,
            "",
            r#"{"error":{"code":403,"message":"You do not have permission to access the File x or it may not exist.","status":"PERMISSION_DENIED"}}"#,
        )
    };
    let provider = Scripted::start(script).await;
    let more = "credential = \"x-goog-api-key\"\ndialect = \"generic\"";
    let tables = provider.tables("gem", more, ACCOUNTS);
    let gateway = open_gateway("", &tables).await;
    for _ in 0..6 {
        let upload = Request::new("POST", "/gem/upload/v1beta/files?uploadType=media")
            .header("content-type", "image/png")
            .body("PNG");
        let file = ask(&gateway, &upload).await.json()["file"].clone();
        let uri = &file["uri"];
        let body = format!(r#"{{"contents":[{{"parts":[{{"fileData":{{"fileUri":{uri}}}}}]}}]}}"#);
        let call = post("/gem/v1beta/models/gemini:generateContent", &body);
        assert_eq!(ask(&gateway, &call).await.status, 200);
        let path = format!("/gem/v1beta/{}", file["name"].as_str().expect("a name"));
        assert_eq!(ask(&gateway, &Request::new("GET", &path)).await.status, 200);
    }
    // Of another process.
    let body = r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/2-x"}}]}]}"#;
    let call = post("/gem/v1beta/models/gemini:generateContent", body);
    assert_eq!(ask(&gateway, &call).await.status, 200);
    let get = Request::new("GET", "/gem/v1beta/files/2-y");
    assert_eq!(ask(&gateway, &get).await.status, 200);
}
