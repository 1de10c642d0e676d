//! Credentials on their way: a client's never reaches a provider, and the pool's never a client.

use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::fake::Fake;
use crate::support::frames::{self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS};
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, find};

/// What [`Fake::tables`] gives the provider `far` as its key.
const KEY: &str = "sk-fake-far-Wd5nRb8kQp2mZs7yTc3vLf6x";
/// Letters of it that tell its kind.
const KIND: usize = 12;

async fn stage_with(answer: impl Into<Vec<u8>>, dialect: &str) -> (Stage, Fake) {
    let fake = Fake::start(answer).await;
    let stage = Plan::new()
        .set("[retry]\nattempts_max = 1\n[waiting]\npatience = \"0s\"")
        .and(&fake.tables("far", dialect))
        .build()
        .await;
    (stage, fake)
}

fn far(api: Api, stream: bool) -> Request {
    api.request(stream).path(&format!("/far{}", api.path()))
}

fn good() -> String {
    let body = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}"#;
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_credential_reaches_no_provider_however_it_is_spelt() {
    let (stage, fake) = stage_with(good(), "anthropic").await;
    let queries = [
        "key",
        "%6bey",
        "%6Bey",
        "%256bey",
        "api_key",
        "api%5fkey",
        "oauth_token",
        "bearer_token",
        "access_token",
        "accessToken",
        "id_token",
        "X-Amz-Security-Token",
        "sig",
        "$httpHeaders",
    ];
    let headers = [
        "x-auth-token",
        "x-access-token",
        "cf-aig-authorization",
        "x-amz-security-token",
        "x-litellm-api-key",
        "sec-websocket-protocol",
        "x-functions-key",
        "helicone-auth",
        "chatgpt-account-id",
    ];
    let mut query = "beta=true".to_owned();
    for name in queries {
        query.push_str(&format!("&{name}=clients-own-secret"));
    }
    let mut request = far(Api::Messages, false)
        .path(&format!("/far/v1/messages?{query}&last=1"))
        .header("idempotency-key", "stays-1")
        .header("anthropic-beta", "stays-2")
        .header("x-http-method-override", "clients-own-secret");
    for name in headers {
        request = request.header(name, "clients-own-secret");
    }

    let answer = stage.ask(&request).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = fake.seen().concat();
    assert!(
        find(&seen, b"clients-own-secret").is_none(),
        "{}",
        String::from_utf8_lossy(&seen)
    );
    for stays in [
        "POST /v1/messages?beta=true&last=1 HTTP",
        "stays-1",
        "stays-2",
        KEY,
    ] {
        assert!(find(&seen, stays.as_bytes()).is_some(), "{stays}");
    }
    assert!(find(&seen, CLIENT_KEY.as_bytes()).is_none());
}

fn holds_no_trace(answer: &Answer) {
    let mut text = answer.text();
    for (name, value) in &answer.headers {
        text.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(value)));
    }
    let secret = KEY.rsplit('-').next().expect("a part");
    for at in 0..secret.len() - 10 {
        assert!(!text.contains(&secret[at..at + 10]), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_quotes_the_pools_key_loses_it() {
    let half = &KEY[..30];
    for status in [
        "400 Bad Request",
        "404 Not Found",
        "403 Forbidden",
        "413 Too Large",
        "422 No",
    ] {
        for chunked in [false, true] {
            let body = format!(
                r#"{{"error":{{"code":403,"message":"no {KEY} here, nor {half}***","status":"INVALID_ARGUMENT"}}}}"#
            );
            let framed = if chunked {
                let (one, two) = body.split_at(body.find(KEY).expect("quoted") + 15);
                format!(
                    "transfer-encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
                    one.len(),
                    two.len()
                )
            } else {
                format!("content-length: {}\r\n\r\n{body}", body.len())
            };
            let (stage, _fake) = stage_with(
                format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nrequest-id: for {KEY}\r\n\
                     x-api-key: {KEY}\r\nauthorization: Bearer {KEY}\r\napi-key: {KEY}\r\n\
                     x-goog-api-key: {KEY}\r\n{framed}"
                ),
                "openai",
            )
            .await;

            let answer = stage.ask(&far(Api::Chat, false)).await;

            assert!(answer.status >= 400 && answer.whole, "{}", answer.status);
            holds_no_trace(&answer);
            for name in ["x-api-key", "authorization", "api-key", "x-goog-api-key"] {
                assert_eq!(answer.header(name), "", "{status}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_answer_that_quotes_the_pools_key_loses_it() {
    let body = format!(
        r#"{{"type":"message","content":[{{"type":"text","text":"{KEY}"}}],"usage":{{"input_tokens":1}}}}"#
    );
    let head = format!("content-type: application/json\r\nrequest-id: {KEY}\r\nx-api-key: {KEY}");
    let whole = format!(
        "HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (stage, _fake) = stage_with(whole, "anthropic").await;
    let answer = stage.ask(&far(Api::Messages, false)).await;
    assert_eq!(answer.status, 200);
    holds_no_trace(&answer);
    assert_eq!(answer.text(), body.replace(KEY, &"*".repeat(KEY.len())));

    let beginning = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: {KEY}\r\nconnection: close\r\n\r\n\
         event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"{KEY}\",\"usage\":{{\"input_tokens\":1}}}}}}\n\n\
         event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"x\"}}}}\n\n"
    );
    let error = format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":\"bad {KEY}\"}}}}\n\n"
    );
    let fake = Fake::paused(&beginning, &error).await;
    let stage = Plan::new()
        .and(&fake.tables("far", "anthropic"))
        .build()
        .await;
    let mut wire = stage.connect().await;
    wire.send(far(Api::Messages, true).bytes()).await;
    let mut answer = wire.head().await;
    wire.body(&mut answer, |text| text.contains("text_delta"))
        .await;
    fake.go_on();
    wire.body(&mut answer, |_| false).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("api_error"), "{}", answer.text());
    holds_no_trace(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_any_kind_that_quotes_the_pools_key_loses_it() {
    let long = "x".repeat(3 << 20);
    let (first, second) = KEY.split_at(20);
    let chunked = |text: &str| {
        let at = text.find(KEY).expect("quoted") + first.len();
        let (one, two) = text.split_at(at);
        format!(
            "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            one.len(),
            two.len()
        )
    };
    assert!(second.len() > 8);
    let echo = format!("GET / HTTP/1.1\nauthorization: Bearer {KEY}\nx: y\n");
    let json = format!("{{\"text\":\"{long}\",\"headers\":\"{KEY}\"}}");
    for (headers, body) in [
        ("content-type: text/plain", &echo),
        ("content-type: text/html", &echo),
        ("content-type: application/x-ndjson", &echo),
        ("content-type: application/octet-stream", &echo),
        ("content-type: application/json", &json),
    ] {
        let sent = chunked(body);
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\ntransfer-encoding: chunked\r\n\r\n");
        let (stage, _fake) = stage_with(head + &sent, "generic").await;
        let request = Request::new("GET", "/far/headers").header("x-api-key", CLIENT_KEY);

        let answer = stage.ask(&request).await;

        assert_eq!((answer.status, answer.whole), (200, true), "{headers}");
        // What tells a key's kind is no secret, and has passed where it came in a piece of its own.
        let text = answer.text();
        let expected = body.replace(KEY, &"*".repeat(KEY.len()));
        let mut letters = text.bytes().zip(expected.bytes()).zip(body.bytes());
        let is_right = |((got, hidden), sent)| got == hidden || (got == sent && hidden == b'*');
        assert!(
            text.len() == body.len() && letters.all(is_right),
            "{headers}"
        );
        let is_seen = |at: usize| text.contains(&KEY[at..at + 10]);
        assert!(!(KIND..KEY.len() - 9).any(is_seen), "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pools_key_that_is_quoted_in_another_spelling_is_lost() {
    let spelled = |spell: fn(u8) -> String| KEY.bytes().map(spell).collect::<String>();
    let escaped = spelled(|byte| format!("\\u{byte:04x}"));
    // printf 'Bearer %s' "$KEY" | base64 -w0
    let base64 = "QmVhcmVyIHNrLWZha2UtZmFyLVdkNW5SYjhrUXAybVpzN3lUYzN2TGY2eA==".to_owned();
    for quoted in [escaped, base64, spelled(|byte| format!("{byte:02x}"))] {
        let json =
            format!(r#"{{"type":"message","echo":"{quoted}","usage":{{"input_tokens":1}}}}"#);
        let error = format!(r#"{{"type":"error","error":{{"type":"x","message":"{quoted}"}}}}"#);
        let event = format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"{quoted}\",\"usage\":{{\"input_tokens\":1}}}}}}\n\n\
             event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{quoted}\"}}}}\n\n\
             event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}}}}\n\n\
             event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        );
        for (status, kind, stream, body) in [
            (200, "application/json", false, &json),
            (400, "application/json", false, &error),
            (200, "text/event-stream", true, &event),
            (200, "text/plain", false, &quoted),
        ] {
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} Told\r\ncontent-type: {kind}\r\nrequest-id: {quoted}");
            let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
            let generic = kind == "text/plain";
            let dialect = if generic { "generic" } else { "anthropic" };
            let (stage, _fake) = stage_with(answer, dialect).await;
            let request = match generic {
                true => Request::new("GET", "/far/headers").header("x-api-key", CLIENT_KEY),
                false => far(Api::Messages, stream),
            };

            let answer = stage.ask(&request).await;

            assert_eq!(answer.status, status, "{}", answer.text());
            assert_eq!(answer.body.len(), length, "{}", answer.text());
            let told =
                answer.text() + &String::from_utf8_lossy(answer.header("request-id").as_bytes());
            // The last letters of the secret, whatever base64 ends in.
            let end = &quoted[quoted.len() - 24..quoted.len() - 8];
            assert!(!told.contains(end), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_shown_twice_opens_nothing() {
    let stage = Plan::new().build().await;
    for (api, name) in [(Api::Messages, "x-api-key"), (Api::Chat, "authorization")] {
        let (_, key) = api.credential(CLIENT_KEY);
        for other in [key.as_str(), "Bearer another", "x"] {
            let answer = stage.ask(&api.request(false).header(name, other)).await;
            assert_eq!(answer.status, 401, "{other}: {}", answer.text());
            assert!(
                answer.text().contains("more than once"),
                "{}",
                answer.text()
            );
        }
    }
    let mut client = Frames::connect(stage.gateway.address).await;
    let block = frames::request("/v1/messages", &[("x-api-key", "another")]);
    client.send(HEADERS, END_HEADERS, 1, &block).await;
    let body = Api::Messages.body(false);
    client.send(DATA, END_STREAM, 1, body.as_bytes()).await;
    let head = client.wait_for(HEADERS, 1).await.expect("an answer");
    assert!(!frames::is_ok(&head));
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generic_provider_gets_nothing_that_does_not_name_it() {
    let (stage, fake) = stage_with(good(), "generic").await;
    for (method, path, status) in [
        ("POST", "/v1/videos", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/wp-login.php", 404),
        ("PUT", "/v1/chat/completions", 405),
        ("POST", "/far/key/generate", 403),
        ("GET", "/far/api/v1/auth/keys", 403),
        ("GET", "/far/v1/billing", 403),
        ("GET", "/far/user/info", 403),
        ("POST", "/far/team/new", 403),
        ("GET", "/far/organization/list", 403),
    ] {
        let request = Api::Chat.request(false).method(method).path(path);
        let answer = stage.ask(&request).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    assert!(fake.seen().is_empty());
    let answer = stage
        .ask(&Api::Chat.request(false).path("/far/v1/videos"))
        .await;
    assert_eq!((answer.status, fake.seen().len()), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_in_a_models_place_is_written_nowhere() {
    let stage = Plan::new().log("trace").build().await;
    let body = format!(r#"{{"model":"{CLIENT_KEY}","max_tokens":8,"messages":[]}}"#);
    let batch = format!(r#"{{"requests":[{{"custom_id":"1","params":{body}}}]}}"#);
    let deployment = format!("/openai/deployments/{CLIENT_KEY}/chat/completions");
    for (path, body) in [
        ("/v1/messages", body.as_str()),
        ("/v1/chat/completions", &body),
        ("/v1/messages/batches", &batch),
        (&deployment, r#"{"messages":[]}"#),
    ] {
        let request = Request::new("POST", path)
            .header("content-type", "application/json")
            .header("anthropic-version", "2023-06-01")
            .header("x-api-key", CLIENT_KEY)
            .body(body);
        let answer = stage.ask(&request).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        assert!(!answer.text().contains(CLIENT_KEY), "{}", answer.text());
    }
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
    let pages = ["/status", "/metrics", "/usage?by=model"];
    for page in pages {
        let said = stage.gateway.admin(page).await.text();
        assert!(!said.contains(CLIENT_KEY), "{page}: {said}");
    }
    let written = stage.gateway.written();
    assert!(!written.contains(CLIENT_KEY), "{written}");
}
