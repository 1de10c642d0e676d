//! Answers whose framing is wrong, or has no end.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn informational_answers_without_end_are_no_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    for (hints, status) in [(3, 200), (50, 200), (1000, 503)] {
        let fake = Fake::start(format!("{}{head}", hint.repeat(hints))).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
        assert_eq!(answer.status, status, "{hints}: {}", answer.text());
    }
}

/// A provider that speaks HTTP/2 and answers every request with hints, without end.
async fn hints_over_http2() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(socket);
                let read =
                    async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await };
                let write = async move {
                    let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
                    writer.write_all(&settings).await?;
                    let hint = frames::block(&[(":status", "103"), ("link", "</a>")]);
                    let hint = frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &hint);
                    loop {
                        // As slow as it takes for each to be seen by itself.
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                        writer.write_all(&hint).await?;
                    }
                };
                let _: (_, std::io::Result<()>) = tokio::join!(read, write);
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn informational_answers_without_end_are_no_answer_over_http2() {
    let address = hints_over_http2().await;
    let tables = format!(
        "\n[[provider]]\nid = \"fake\"\ndialect = \"anthropic\"\nhttp = \"2\"\n\
         base_url = \"http://{address}\"\n[[account]]\nid = \"fake\"\nprovider = \"fake\"\n\
         [[account.key]]\nid = \"fake-key\"\nsecret = \"sk-fake-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n"
    );
    let stage = Plan::new().and(&tables).build().await;
    let request = Api::Messages.request(false).path("/fake/v1/messages");
    // Long before the time in which an answer's head has to come.
    let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
    Api::Messages.check_refusal(&answer, 503, "api_error");
    stage.is_unharmed().await;
}

/// A provider that speaks HTTP/2, allows one stream on each connection and none after its answer. Counts
/// the connections that it has.
async fn no_second_stream(open: Arc<AtomicUsize>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let open = Arc::clone(&open);
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::SeqCst);
                let _ = answer_once(Frames::of(socket)).await;
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    address
}

/// Answers the first stream of a connection, and says with the answer that there shall be no other.
async fn answer_once(mut provider: Frames) -> Option<()> {
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    const STREAMS: u8 = 3;
    provider.read_preface().await?;
    provider.send(frames::SETTINGS, 0, 0, &[]).await;
    while let Some(frame) = provider.next().await {
        if frame.kind == frames::DATA && frame.flags & frames::END_STREAM != 0 {
            let none = [0, STREAMS, 0, 0, 0, 0];
            provider.send(frames::SETTINGS, 0, 0, &none).await;
            let head = frames::block(&[(":status", "200"), ("content-type", "application/json")]);
            let stream = frame.stream;
            provider
                .send(frames::HEADERS, frames::END_HEADERS, stream, &head)
                .await;
            let body = br#"{"type":"message","role":"assistant","content":[],"usage":{}}"#;
            provider
                .send(frames::DATA, frames::END_STREAM, stream, body)
                .await;
        }
    }
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_allows_no_more_streams_is_left_for_another() {
    let open = Arc::new(AtomicUsize::new(0));
    let address = no_second_stream(Arc::clone(&open)).await;
    let tables = format!(
        "\n[[provider]]\nid = \"fake\"\ndialect = \"anthropic\"\nhttp = \"2\"\n\
         base_url = \"http://{address}\"\n[[account]]\nid = \"fake\"\nprovider = \"fake\"\n\
         [[account.key]]\nid = \"fake-key\"\nsecret = \"sk-fake-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n"
    );
    let stage = Plan::new().and(&tables).build().await;
    let request = Api::Messages.request(false).path("/fake/v1/messages");
    let request = request.header("x-keyweir-patience", "0");
    let watch = Watch::start();
    for _ in 0..3 {
        let answer = stage.ask(&request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        until("the connections to be closed but for one", || {
            open.load(Ordering::SeqCst) <= 1
        })
        .await;
    }
    // Nobody waited for the connection to take what it said it would not.
    watch.within(PROMPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_not_taken_for_a_whole_one_because_of_its_chunks() {
    let body = "{\"type\":\"message\",\"content\":[]}";
    let half = format!("11\r\n{}\r\n", &body[..0x11]);
    let rest = format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len() - 0x11, &body[0x11..]);
    for (what, chunks) in [
        ("an empty size", format!("{half}\r\n\r\n")),
        ("a line feed in an extension", format!("{half}1;a\n{rest}")),
        (
            "a line feed for a size's end",
            format!("{half}1\n}}\r\n0\r\n\r\n"),
        ),
    ] {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
        let fake = Fake::start(format!("{head}\r\n\r\n{chunks}")).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
        Api::Messages.check_refusal(&answer, 503, "api_error");
        stage.is_unharmed().await;
        assert!(!fake.seen().is_empty(), "{what}");
    }
}

/// A body in chunks of one byte.
fn in_bytes(content_type: &str, body: &str) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for byte in body.bytes() {
        answer.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_chunks_of_one_byte_costs_what_its_length_does() {
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(200_000));
    let event = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\"{}\"}}}}\n\n\
         event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n",
        "x".repeat(200_000)
    );
    for (content_type, body) in [("application/json", body), ("text/event-stream", event)] {
        let fake = Fake::start(in_bytes(content_type, &body)).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let before = stage.gateway.cpu_time();
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, body),
            "{content_type}"
        );
        let took = stage.gateway.cpu_time() - before;
        // Summed up anew for each piece, it would be minutes in a build without optimization.
        assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    }
}
