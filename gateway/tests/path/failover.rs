//! What goes wrong with one key, and the client never sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use simulated_provider::{Account, Fault, FaultRule, Lie, Limits, Moment, Provider};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::house::{Answer, House, MESSAGE, Plan, http1, serve_before};

fn faults() -> Vec<Fault> {
    let retry_after_secs = None;
    vec![
        Fault::RateLimited { retry_after_secs },
        Fault::RateLimitedBare,
        Fault::RampLimited { retry_after_secs },
        Fault::TooLargeForLimit,
        Fault::Revoked,
        Fault::OutOfCredit,
        Fault::SpendLimit,
        Fault::SpendLimitEnforced,
        Fault::BillingError,
        Fault::OrganizationDisabled,
        Fault::ModelForbidden,
        Fault::Overloaded { retry_after_secs },
        Fault::InternalError,
        Fault::TimedOut,
        Fault::EdgePage { status: 502 },
        Fault::EdgeJson {
            status: 520,
            retry_after_secs,
        },
        Fault::Garbage,
        Fault::GarbageOnWire,
        Fault::Reset {
            at: Moment::BeforeHead,
            connection: false,
        },
        Fault::EarlyAnswer {
            status: 429,
            drain: true,
        },
        Fault::EarlyAnswer {
            status: 429,
            drain: false,
        },
    ]
}

async fn each_fault_is_hidden(upstream: &'static str) {
    for fault in faults() {
        let house = Plan::new().upstream(upstream).build().await;
        house
            .control()
            .fault(FaultRule::from(fault.clone()).times(1));

        let answer = house.ask(&http1(), house.message(&[])).await;

        assert_eq!(answer.status, 200, "{fault:?}: {}", answer.body);
        assert_eq!(answer.attempts(), 2, "{fault:?}");
        assert_eq!(answer.json()["type"], "message", "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_only_a_refusals_words_tell_is_known_from_then_on() {
    let mut told =
        Account::new("one", ["sk-one"]).with(Limits::three(60, 600_000, 60_000).burst(2.0));
    told.lies = vec![Lie::AllMissing];
    let house = Plan::with(vec![told, Account::new("two", ["sk-two"])])
        .build()
        .await;
    let known = || async {
        let (_, status) = house.admin("/status").await;
        status.contains(r#""limit_per_minute": 60.0"#)
    };
    assert!(!known().await);

    for _ in 0..40 {
        let answer = house.ask(&http1(), house.message(&[])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        if house.control().counters().key("sk-one").refused > 0 {
            break;
        }
    }

    assert!(known().await, "{:?}", house.admin("/status").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_one_key_another_answers_over_http1() {
    each_fault_is_hidden("1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_one_key_another_answers_over_http2() {
    each_fault_is_hidden("2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_mistake_comes_back_as_the_provider_said_it_and_costs_one_attempt() {
    let house = Plan::new().build().await;
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: too few"},"request_id":"req_1"}"#;
    house.control().fault(Fault::Answer {
        status: 400,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("request-id".into(), "req_1".into()),
        ],
        body: body.into(),
    });

    let answer = house.ask(&http1(), house.message(&[])).await;

    assert_eq!((answer.status, answer.body.as_str()), (400, body));
    assert_eq!(answer.header("request-id"), "req_1");
    assert_eq!(answer.attempts(), 1);
    assert_eq!(house.control().counters().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_key_revoked_the_client_is_told_in_its_dialect_and_when_to_come_back() {
    let house = Plan::new().build().await;
    house.control().fault(Fault::Revoked);
    let client = http1();

    let first = house.ask(&client, house.message(&[])).await;
    let second = house.ask(&client, house.message(&[])).await;
    let third = house.ask(&client, house.message(&[])).await;

    for answer in [&first, &second, &third] {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.error_type(), "api_error");
        let wait: u64 = answer.header("retry-after").parse().expect("whole seconds");
        assert!(wait >= 1);
    }
    // One request alone takes no pool out: both keys were tried by two, and no more by the third.
    assert_eq!(house.control().counters().requests, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_is_a_clear_answer() {
    // Nobody listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let plan = Plan::with(vec![Account::new("one", ["sk-one"])]);
    let gateway = serve_before(&format!("http://{address}"), &plan).await;

    let answer = ask_at(gateway.clear[0]).await;

    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("cannot be reached"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_a_clear_answer() {
    let plan = Plan::with(vec![Account::new("one", ["sk-one"])]);
    let gateway = serve_before("http://name.invalid", &plan).await;

    let answer = ask_at(gateway.clear[0]).await;

    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("does not resolve"), "{}", answer.body);
}

async fn ask_at(address: std::net::SocketAddr) -> Answer {
    let request = http::Request::post(format!("http://{address}/v1/messages"))
        .header("anthropic-version", "2023-06-01")
        .body(crate::house::full(MESSAGE))
        .expect("valid");
    Answer::read(http1().request(request).await.expect("answered")).await
}

/// A provider that answers the first request of each connection, and closes on the second.
async fn forgetful_provider() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if matches!(socket.read(&mut buffer).await, Ok(1..)) {
                    seen.fetch_add(1, Ordering::SeqCst);
                    let body = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}"#;
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = socket.write_all(answer.as_bytes()).await;
                    // The next request's first byte ends it.
                    let _ = socket.read(&mut buffer[..1]).await;
                }
            });
        }
    });
    (format!("http://{address}"), seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_that_was_closed_is_nobodys_fault() {
    let (base_url, seen) = forgetful_provider().await;
    let plan = Plan::with(vec![Account::new("one", ["sk-one"])]);
    let gateway = serve_before(&base_url, &plan).await;

    for request in 1..=5 {
        let answer = ask_at(gateway.clear[0]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.attempts(), 1);
        assert_eq!(seen.load(Ordering::SeqCst), request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_restarts_is_found_again_without_a_failed_attempt() {
    for upstream in ["1.1", "2"] {
        let plan = Plan::with(vec![Account::new("one", ["sk-one"])]).upstream(upstream);
        let mut world = plan.world.clone();
        let house = plan.build().await;
        let client = http1();
        for _ in 0..3 {
            assert_eq!(house.ask(&client, house.message(&[])).await.status, 200);
        }
        let House { provider, gateway } = house;
        world.port = provider.addr().port();
        provider.shutdown().await;
        let provider = Provider::start(world)
            .await
            .expect("the port is free again");
        let house = House { provider, gateway };

        let answer = house.ask(&client, house.message(&[])).await;

        assert_eq!(
            (answer.status, answer.attempts()),
            (200, 1),
            "{}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_creates_something_is_sent_once_more_after_a_lost_connection_and_not_again() {
    let house = Plan::new().build().await;
    let reset = Fault::Reset {
        at: Moment::BeforeHead,
        connection: false,
    };
    house.control().fault(reset);
    let batch = house.post("/v1/messages/batches", r#"{"requests":[]}"#, &[]);

    let answer = house.ask(&http1(), batch).await;

    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(house.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_is_what_came_but_for_credentials_and_connection_headers() {
    let house: House = Plan::with(vec![Account::new("one", ["sk-one"])])
        .build()
        .await;
    let request = house.post(
        "/v1/messages?beta=true&x=%2F",
        MESSAGE,
        &[
            ("authorization", "Bearer client"),
            ("cookie", "a=b"),
            ("anthropic-workspace-id", "w"),
            ("anthropic-beta", "one, two"),
            ("x-unknown", "kept"),
            ("connection", "x-hop"),
            ("x-hop", "dropped"),
            ("x-keyweir-patience", "5"),
        ],
    );

    house.ask(&http1(), request).await;

    let seen = house.control().last_request().expect("it arrived");
    assert_eq!(seen.uri, "/v1/messages?beta=true&x=%2F");
    assert_eq!(seen.body, MESSAGE);
    assert_eq!(seen.header("x-api-key"), Some("sk-one"));
    assert_eq!(seen.header("anthropic-beta"), Some("one, two"));
    assert_eq!(seen.header("x-unknown"), Some("kept"));
    assert_eq!(
        seen.header("host"),
        Some(house.provider.addr().to_string().as_str())
    );
    for gone in [
        "authorization",
        "cookie",
        "anthropic-workspace-id",
        "x-hop",
        "x-keyweir-patience",
    ] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
}
