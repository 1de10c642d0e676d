//! Load balancers in front of the gateway, and clients that claim to be some.

use std::time::Duration;

use serde_json::Value;

use crate::support::api::{Api, Request};
use crate::support::stage::{Plan, Stage};
use crate::support::wire::Wire;
use crate::support::{in_time, until};

/// Version 2, `PROXY`, TCP over IPv4 from 192.0.2.7:4711 to 127.0.0.1:80, with 3 bytes of a TLV.
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x07\x7f\0\0\x01\x12\x67\0\x50\x04\0\0";
/// Version 2, `LOCAL`: the load balancer's own.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn trusting(more: &str) -> Plan {
    Plan::new().set(&format!(
        "[gateway.proxies]\ntrusted = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n{more}"
    ))
}

/// Whose requests the access log tells of.
async fn clients(stage: &Stage, count: usize) -> Vec<String> {
    until("the access log has its lines", || {
        stage.gateway.access_log().len() >= count
    })
    .await;
    let client = |line: &Value| line["client"].as_str().unwrap_or_default().to_owned();
    stage.gateway.access_log().iter().map(client).collect()
}

fn forwarded(by: &[&str]) -> Request {
    let request = Api::Messages.request(false);
    by.iter().fold(request, |request, value| {
        request.header("x-forwarded-for", value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxys_word_for_the_client_is_taken() {
    let stage = trusting("").build().await;
    for by in [
        &["192.0.2.7"][..],
        &["203.0.113.5, 192.0.2.7, 10.0.0.3"],
        &["nonsense", "2001:db8::7"],
        &["\u{ff}"],
        &[],
    ] {
        assert_eq!(stage.ask(&forwarded(by)).await.status, 200, "{by:?}");
    }
    let expected = [
        "192.0.2.7",
        "192.0.2.7",
        "2001:db8::7",
        "127.0.0.1",
        "127.0.0.1",
    ];
    assert_eq!(clients(&stage, 5).await, expected);
    let provider = stage.control().requests();
    assert!(
        provider
            .iter()
            .all(|request| !format!("{request:?}").contains("x-forwarded")),
        "the provider is not told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_says_for_whom_it_speaks_holds_nothing_that_others_need() {
    let more = "proxy_protocol = true\n[gateway.limits]\nconnections_max = 8";
    let stage = trusting(more).build().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut wire = stage.connect().await;
        wire.send(b"PROXY TCP4 ").await;
        silent.push(wire);
    }
    let became = |page: &str, name: &str| {
        let mut lines = page.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<u64>().expect("a number"))
    };
    in_time("each has a place, or has given way", async {
        loop {
            let page = stage.gateway.admin("/metrics").await.text();
            let places = became(&page, "keyweir_connections_unauthenticated");
            let closed = became(&page, "keyweir_connections_unauthenticated_closed_total");
            let refused = became(&page, "keyweir_connections_refused_total");
            if places + closed + refused >= 40 {
                // Those that arrive while others go may be a few more than eight.
                assert!((1..=16).contains(&places), "{places}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let (answer, _) = stage
        .send([V2, &Api::Messages.request(false).bytes()].concat())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_word_is() {
    let stage = Plan::new()
        .set("[gateway.proxies]\ntrusted = [\"10.0.0.0/8\"]\nproxy_protocol = true")
        .build()
        .await;
    assert_eq!(stage.ask(&forwarded(&["192.0.2.7"])).await.status, 200);
    // A forged header is no request; without one, who is no proxy is served as ever.
    for header in [V2, b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"] {
        let forged = [header, &Api::Messages.request(false).bytes()].concat();
        let (answer, _) = stage.send(forged).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let clients = clients(&stage, 3).await;
    assert!(
        clients.iter().all(|client| client == "127.0.0.1"),
        "{clients:?}"
    );
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_protocols_header_says_who_the_client_is() {
    let stage = trusting("proxy_protocol = true").build().await;
    let request = Api::Messages.request(false).bytes();
    let headers: [(&[u8], &str); 5] = [
        (V2, "192.0.2.7"),
        (LOCAL, "127.0.0.1"),
        (b"PROXY TCP4 192.0.2.8 127.0.0.1 4711 80\r\n", "192.0.2.8"),
        (b"PROXY TCP6 2001:db8::8 ::1 4711 80\r\n", "2001:db8::8"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ];
    for (header, client) in headers {
        for piece in [header.len() + request.len(), 1, 20] {
            let mut wire = stage.connect().await;
            for piece in [header, &request].concat().chunks(piece) {
                wire.send(piece).await;
            }
            let answer = wire.answer().await;
            assert_eq!(answer.status, 200, "{client}: {}", answer.text());
            // It comes once; the next request of the connection has none.
            wire.send(&request).await;
            assert_eq!(wire.answer().await.status, 200, "{client}");
        }
    }
    let expected: Vec<_> = headers
        .iter()
        .flat_map(|(_, client)| [*client; 6])
        .collect();
    assert_eq!(clients(&stage, 30).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_sends_no_header_is_not_served() {
    let stage = trusting("proxy_protocol = true\n[gateway.timeouts]\nclient_header = \"1s\"")
        .build()
        .await;
    let request = Api::Messages.request(false).bytes();
    let endless = [b"PROXY TCP4 ".as_slice(), &b"1".repeat(10_000)].concat();
    let large = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".as_slice(),
        &[0; 70_000],
    ]
    .concat();
    for bytes in [
        request.as_slice(),
        b"PROXY TCP4 192.0.2.8 127.0.0.1 4711\r\n",
        b"PROXY TCP4 192.0.2.8 127.0.0.1 4711 80\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
        &endless,
        &large,
        // And nothing more: it does not come in time.
        b"PROXY ",
        b"",
    ] {
        let mut wire = stage.connect().await;
        wire.send(bytes).await;
        assert!(
            ended_silently(&mut wire).await,
            "{:?}",
            &bytes[..bytes.len().min(40)]
        );
    }
    let mut served = stage.connect().await;
    served.send([V2, &request].concat()).await;
    assert_eq!(served.answer().await.status, 200);
}

/// Whether the connection ends without a word.
async fn ended_silently(wire: &mut Wire) -> bool {
    let answer = tokio::time::timeout(Duration::from_secs(20), wire.answer()).await;
    answer.is_ok_and(|answer| answer.status == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_sends_no_header_is_told_of_and_one_that_only_looks_is_not() {
    let stage = trusting("proxy_protocol = true").build().await;
    let count = |page: &str, name: &str| {
        let mut lines = page.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .expect("it is there")
            .parse::<u64>()
            .expect("a number")
    };
    for _ in 0..5 {
        drop(stage.connect().await);
    }
    let (answer, _) = stage
        .send([V2, &Api::Messages.request(false).bytes()].concat())
        .await;
    assert_eq!(answer.status, 200);
    let page = stage.gateway.admin("/metrics").await.text();
    assert_eq!(count(&page, "keyweir_proxy_headers_missing_total"), 0);

    let mut wire = stage.connect().await;
    wire.send(Api::Messages.request(false).bytes()).await;
    wire.is_closed().await;
    let page = stage.gateway.admin("/metrics").await.text();
    assert_eq!(count(&page, "keyweir_proxy_headers_missing_total"), 1);
    assert_eq!(count(&page, "keyweir_connections_refused_total"), 0);
    let status = stage.gateway.admin("/status").await.text();
    assert!(
        status.contains("do not begin with a header of the PROXY protocol"),
        "{status}"
    );
}
