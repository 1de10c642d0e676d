//! Providers that answer before a request is through, or take nothing of it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_comes_before_the_upload_is_through_is_seen() {
    let large = |api: Api| {
        let filler = "x".repeat(16 << 20);
        api.request(false)
            .body(api.body(false).replace("hello there", &filler))
    };
    for upstream in UPSTREAMS {
        for drain in [true, false] {
            let stage = Plan::new().upstream(upstream).build().await;
            let early = |status| Fault::EarlyAnswer { status, drain };
            for api in [Api::Messages, Api::Chat] {
                stage.control().fault(FaultRule::from(early(429)).times(1));
                let answer = stage.ask(&large(api)).await;
                let what = format!("{upstream}, drain: {drain}, {api:?}: {}", answer.text());
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(answer.attempts(), 2, "{what}");
            }
            // This one is the request's own fault: it is passed on.
            stage.control().fault(FaultRule::from(early(413)).times(1));
            let answer = stage.ask(&large(Api::Messages)).await;
            assert_eq!(
                answer.status,
                413,
                "{upstream}, drain: {drain}: {}",
                answer.text()
            );
            assert!(answer.whole && answer.json()["type"] == "error");
            stage.is_unharmed().await;
        }
    }
}

/// A provider that reads nothing on its first connection, and answers on the others.
async fn deaf_at_first() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.expect("it comes");
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 1 << 20];
            let mut left = None;
            while left != Some(0) {
                let Ok(count @ 1..) = socket.read(&mut buffer).await else {
                    return;
                };
                left = Some(left.map_or_else(|| rest_of(&buffer[..count]), |left| left - count));
            }
            let body = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
            let _ = socket.write_all(answer.as_bytes()).await;
            // By now the first must be given up.
            let mut byte = [0];
            while first.try_read(&mut byte).is_ok_and(|count| count == 1) {}
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, closed)
}

/// How much of the body that a head announces is still to come.
fn rest_of(beginning: &[u8]) -> usize {
    let end = find(beginning, b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&beginning[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let length: usize = length
        .split("\r\n")
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    length - (beginning.len() - end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_nothing_of_a_request_is_given_up() {
    let (address, answered) = deaf_at_first().await;
    let stage = Plan::new()
        .set("[gateway.timeouts]\nsend = \"1s\"")
        .and(&format!(
            "[[provider]]\nid = \"far\"\ndialect = \"anthropic\"\nbase_url = \"http://{address}\"\n\
             [[account]]\nid = \"far\"\nprovider = \"far\"\n\
             [[account.key]]\nid = \"far-1\"\nsecret = {{ file = \"far-1.key\" }}\n\
             [[account.key]]\nid = \"far-2\"\nsecret = {{ file = \"far-2.key\" }}\n"
        ))
        .file("far-1.key", "sk-ant-api03-Wd5nRb8kQp2mZs7yTc3vLf6x")
        .file("far-2.key", "sk-ant-api03-Jg4hMv9tXq1wCe7zUa2sKd5y")
        .build()
        .await;
    // More than the buffers on the way hold.
    let filler = "x".repeat(24 << 20);
    let body = Api::Messages.body(false).replace("hello there", &filler);
    let watch = Watch::start();

    let request = Api::Messages.request(false).path("/far/v1/messages");
    let answer = stage.ask(&request.body(body)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.attempts(), 2);
    until("the first is given up", || {
        answered.load(Ordering::SeqCst) == 1
    })
    .await;
    watch.within(PROMPT * 2);
    stage.is_unharmed().await;
}
