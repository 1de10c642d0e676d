//! What passes through passes as it is; what is the client's or a key's own does not pass.

use crate::support::api::{APIS, Api, CLIENT_KEY, Request};
use crate::support::fake::Fake;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, find};

const MESSAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";

/// A stage with one more provider, which answers with `answer`.
async fn stage_with(answer: impl Into<Vec<u8>>, dialect: &str) -> (Stage, Fake) {
    let fake = Fake::start(answer).await;
    let stage = Plan::new().and(&fake.tables("far", dialect)).build().await;
    (stage, fake)
}

fn json(body: &str) -> String {
    format!("{MESSAGE}content-length: {}\r\n\r\n{body}", body.len())
}

const USAGE: &str = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}"#;

/// The lines of a request's head, and its body.
fn split(request: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let end = find(request, b"\r\n\r\n").expect("a head");
    let lines = request[..end].split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.trim_ascii_end().to_vec()).collect();
    (lines, &request[end + 4..])
}

/// The values of a header, as they were sent.
fn values(request: &[u8], name: &str) -> Vec<Vec<u8>> {
    let (lines, _) = split(request);
    let prefix = format!("{name}:");
    let of_name = |line: &Vec<u8>| {
        let has_it = line.len() >= prefix.len()
            && line[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes());
        has_it.then(|| line[prefix.len()..].trim_ascii().to_vec())
    };
    lines.iter().filter_map(of_name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_credentials_never_reach_the_provider_however_they_are_sent() {
    for (dialect, api) in [("anthropic", Api::Messages), ("openai", Api::Chat)] {
        let (stage, fake) = stage_with(json(USAGE), dialect).await;
        let secret = |what: &str| format!("client-secret-{what}");
        // The header that is read may be there but once; others are stripped however often they are.
        let (repeated, again) = match api {
            Api::Messages => ("authorization", secret("bare")),
            _ => ("x-api-key", secret("second")),
        };
        let all = api
            .request(false)
            .path(&format!(
                "/far{}?key={}&beta=true",
                api.path(),
                secret("query")
            ))
            .without("authorization")
            .without("x-api-key")
            .header("X-API-Key", CLIENT_KEY)
            .header("Authorization", format!("Bearer {CLIENT_KEY}"))
            .header(repeated, again)
            .header("Proxy-Authorization", format!("Basic {}", secret("proxy")))
            .header("Api-Key", secret("azure"))
            .header("X-Goog-Api-Key", secret("google"))
            .header("Ocp-Apim-Subscription-Key", secret("apim"))
            .header("Cookie", format!("session={}", secret("cookie")))
            .header("anthropic-workspace-id", secret("workspace"))
            .header("anthropic-organization-id", secret("organization"))
            .header("OpenAI-Organization", secret("organization"))
            .header("OpenAI-Project", secret("project"));

        let answer = stage.ask(&all).await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        let seen = fake.seen();
        let text = String::from_utf8_lossy(&seen[0]);
        assert!(!text.contains("client-secret"), "{text}");
        assert!(text.contains("?beta=true "), "{text}");
        assert!(!text.contains(&CLIENT_KEY[3..]), "{text}");
        let key = b"sk-fake-far-Wd5nRb8kQp2mZs7yTc3vLf6x".to_vec();
        match api {
            Api::Messages => {
                assert_eq!(values(&seen[0], "x-api-key"), [key]);
                assert!(values(&seen[0], "authorization").is_empty());
            }
            _ => {
                assert_eq!(
                    values(&seen[0], "authorization"),
                    [[b"Bearer ", &key[..]].concat()]
                );
                assert!(values(&seen[0], "x-api-key").is_empty());
            }
        }
        for once in ["host", "content-length"] {
            assert_eq!(values(&seen[0], once).len(), 1, "{once}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_with_anything_in_them_arrive_byte_for_byte() {
    let (stage, fake) = stage_with(json(USAGE), "anthropic").await;
    let bodies = [
        "{\"model\":\"claude-a\",\"unknown\":{\"deep\":[1,2.50,1e400,-0]},\"messages\":[]}",
        "  {\n\t\"messages\" : [ ] , \"model\" :\r\n \"claude-a\" }  \n",
        r#"{"model":"claude\u002da","text":"\u00fc \ud83d\ude00 \/ \b","messages":[]}"#,
        "{\"model\":\"claude-a\",\"text\":\"ü 😀 \u{2028} \u{7f}\",\"messages\":[]}",
        r#"{"x":1,"x":2,"model":"claude-a","big":123456789012345678901234567890,"messages":[]}"#,
    ];
    for body in bodies {
        for chunked in [false, true] {
            let mut request = Api::Messages
                .request(false)
                .path("/far/v1/messages")
                .body(body);
            if chunked {
                request = request.chunked();
            }
            let answer = stage.ask(&request).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
            let seen = fake.seen().pop().expect("it arrived");
            assert_eq!(split(&seen).1, body.as_bytes(), "chunked: {chunked}");
            assert!(values(&seen, "transfer-encoding").is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_headers_and_queries_arrive_as_they_were_sent() {
    let (stage, fake) = stage_with(json(USAGE), "anthropic").await;
    let request = Api::Messages
        .request(false)
        .path("/far/v1/messages?beta=true&b=%2F+%C3%BC&&=&c=a%20b")
        .header("anthropic-beta", "one-2026-01-01,two")
        .header("anthropic-beta", "three")
        .header("x-empty", "")
        .header("x-latin", b"caf\xe9 \xff")
        .header("X-Stainless-Lang", "python")
        .header("accept", "application/json; q=0.5, */*")
        .header("user-agent", "somebody/1.0 (like anybody)")
        .header("idempotency-key", "a b\tc");

    let answer = stage.ask(&request).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = fake.seen().pop().expect("it arrived");
    let (lines, _) = split(&seen);
    assert_eq!(
        String::from_utf8_lossy(&lines[0]),
        "POST /v1/messages?beta=true&b=%2F+%C3%BC&&=&c=a%20b HTTP/1.1"
    );
    for (name, expected) in [
        ("anthropic-beta", vec![&b"one-2026-01-01,two"[..], b"three"]),
        ("x-empty", vec![b""]),
        ("x-latin", vec![b"caf\xe9 \xff"]),
        ("x-stainless-lang", vec![b"python"]),
        ("accept", vec![b"application/json; q=0.5, */*"]),
        ("user-agent", vec![b"somebody/1.0 (like anybody)"]),
        ("idempotency-key", vec![b"a b\tc"]),
        ("anthropic-version", vec![b"2023-06-01"]),
        ("content-type", vec![b"application/json"]),
    ] {
        assert_eq!(values(&seen, name), expected, "{name}");
    }
    // Nothing was added that tells of who asked.
    for name in ["via", "x-forwarded-for", "forwarded", "x-real-ip"] {
        assert!(values(&seen, name).is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_arrive_as_they_were_sent_but_for_what_is_the_keys_own() {
    let body = "{ \"type\":\"message\",\n\"x\":\"\\u00fc\u{fc}\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1} }\n";
    let mut answer = MESSAGE.as_bytes().to_vec();
    for header in [
        &b"request-id: req_1"[..],
        b"Anthropic-New: one",
        b"anthropic-new: two",
        b"anthropic-latin: caf\xe9",
        b"x-unknown: not-on-the-list",
        b"location: https://elsewhere.example/not-on-the-list",
        b"refresh: 0; url=https://elsewhere.example/not-on-the-list",
        b"access-control-allow-origin: https://not-on-the-list.example",
        b"x-litellm-model-api-base: not-on-the-list",
        b"llm_provider-request-id: not-on-the-list",
        b"openai-project: not-on-the-list",
        b"anthropic-ratelimit-requests-limit: 4000",
        b"anthropic-ratelimit-requests-remaining: 3999",
        b"anthropic-ratelimit-unified-status: allowed",
        b"x-ratelimit-remaining-tokens: 7",
        b"anthropic-organization-id: org-of-the-key",
        b"openai-organization: org-of-the-key",
        b"set-cookie: __cf_bm=of-the-edge; path=/",
        b"strict-transport-security: max-age=1",
        b"alt-svc: h3=\":443\"",
        b"retry-after: 3",
    ] {
        answer.extend_from_slice(header);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    let (stage, _fake) = stage_with(answer, "anthropic").await;

    let answer = stage
        .ask(&Api::Messages.request(false).path("/far/v1/messages"))
        .await;

    assert_eq!((answer.status, answer.text().as_str()), (200, body));
    let all = |answer: &Answer, name: &str| -> Vec<Vec<u8>> {
        let of_name = answer.headers.iter().filter(|(other, _)| other == name);
        of_name.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(all(&answer, "anthropic-new"), [b"one", b"two"]);
    assert_eq!(all(&answer, "anthropic-latin"), [b"caf\xe9"]);
    assert_eq!(answer.header("request-id"), "req_1");
    for (name, value) in &answer.headers {
        let line = format!("{name}: {}", String::from_utf8_lossy(value));
        for own in [
            "ratelimit",
            "org-of-the-key",
            "of-the-edge",
            "not-on-the-list",
            "strict-transport",
            "alt-svc",
        ] {
            assert!(!line.contains(own), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streams_events_arrive_byte_for_byte_however_odd() {
    let stream = ": a comment\n\nevent: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\n\n\
         event: never_heard_of\ndata: {\"x\": [1,\ndata: 2]}\nid: 7\nretry: 10\n\n\
         event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\u{fc}\"}}\r\n\r\n\
         event: ping\ndata: {\"type\": \"ping\"}\n\n\n\n\
         event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n{stream}"
    );
    let (stage, _fake) = stage_with(answer, "anthropic").await;
    let answer = stage
        .ask(&Api::Messages.request(true).path("/far/v1/messages"))
        .await;
    assert_eq!(answer.text(), stream);
    assert!(answer.whole);
    assert_eq!(
        answer.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_two_framings_or_none_at_all_does_not_confuse_the_client() {
    let bodies = [
        (
            "both framings",
            "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "content-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
        ),
        ("a length that is none", "content-length: two\r\n\r\n{}"),
        ("a length too long", "content-length: 200\r\n\r\n{}"),
        (
            "chunks that are none",
            "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        ),
        (
            "a chunk that breaks off",
            "transfer-encoding: chunked\r\n\r\n20\r\n{}",
        ),
        ("an unknown coding", "transfer-encoding: gzip\r\n\r\n{}"),
        ("a header without a colon", "nonsense\r\n\r\n{}"),
        ("a folded header", "x-a: b\r\n c\r\n\r\n{}"),
    ];
    for (what, rest) in bodies {
        let fake = Fake::start(format!("{MESSAGE}{rest}")).await;
        let stage = Plan::new()
            .set("[retry]\nattempts_max = 1")
            .and(&fake.tables("far", "anthropic"))
            .build()
            .await;
        let mut wire = stage.connect().await;
        wire.send(
            Api::Messages
                .request(false)
                .path("/far/v1/messages")
                .bytes(),
        )
        .await;

        let answer = wire.answer().await;

        assert!(answer.whole, "{what}: {} {}", answer.status, answer.text());
        if answer.status == 200 {
            assert_eq!(answer.text().trim(), "{}", "{what}");
        } else {
            Api::Messages.check_refusal(&answer, 503, "api_error");
        }
        // And the connection is as good as before.
        wire.send(Api::Messages.request(false).bytes()).await;
        let next = wire.answer().await;
        assert!([0, 200].contains(&next.status), "{what}: {}", next.text());
        stage.is_quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_switch_redirect_or_inform_are_dealt_with() {
    let informed = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{}",
        json(USAGE)
    );
    let (stage, _fake) = stage_with(informed, "anthropic").await;
    let request = Api::Messages.request(false).path("/far/v1/messages");
    let answer = stage.ask(&request).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, USAGE));

    for head in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: https://evil.example/steal\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
    ] {
        let fake = Fake::start(head).await;
        let stage = Plan::new()
            .set("[retry]\nattempts_max = 1")
            .and(&fake.tables("far", "anthropic"))
            .build()
            .await;
        let answer = stage.ask(&request).await;
        assert!(answer.status >= 500, "{head}: {}", answer.status);
        assert_eq!(answer.header("location"), "", "{head}");
        assert_eq!(answer.json()["type"], "error", "{head}: {}", answer.text());
        stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_of_answers_are_bounded_too() {
    let flood = format!("{MESSAGE}x-filler: {}\r\n\r\n", "v".repeat(8 << 20));
    let many = format!("{MESSAGE}{}\r\n", "x-filler: v\r\n".repeat(10_000));
    for answer in [flood, many] {
        let fake = Fake::start(answer).await;
        let stage = Plan::new()
            .set("[retry]\nattempts_max = 1")
            .and(&fake.tables("far", "anthropic"))
            .build()
            .await;
        let request: Request = Api::Messages.request(false).path("/far/v1/messages");
        let answer = stage.ask(&request).await;
        Api::Messages.check_refusal(&answer, 503, "api_error");
        stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_that_cannot_be_read_are_not_asked_for() {
    let stage = Plan::new().build().await;
    for api in APIS {
        let request = api
            .request(true)
            .header("accept-encoding", "gzip, br, zstd");
        assert_eq!(stage.ask(&request).await.status, 200);
        let seen = stage.control().last_request().expect("it arrived");
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
    }
}
