//! Web pages: those of other sites are kept out, and those that the policy names get leave.

use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::stage::Plan;
use crate::support::wire::Answer;

fn open(host: &str, headers: &[(&str, &str)]) -> Request {
    let request = Api::Messages
        .request(false)
        .without("x-api-key")
        .without("host")
        .header("Host", host);
    let headers = headers.iter();
    headers.fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_no_page_of_another_site_is_served() {
    let stage = Plan::new().open().build().await;
    for (host, headers) in [
        ("localhost", &[("origin", "http://93.184.216.34")][..]),
        (
            "localhost",
            &[("origin", "http://[2606:2800:220:1:248:1893:25c8:1946]")],
        ),
        ("localhost", &[("origin", "http://[evil.example]")]),
        (
            "localhost",
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
        ),
        (
            "localhost",
            &[
                ("origin", "http://localhost"),
                ("origin", "http://evil.example"),
            ],
        ),
        ("93.184.216.34", &[]),
        ("[evil.example]", &[]),
        ("0.0.0.0:8080", &[]),
    ] {
        let answer = stage.ask(&open(host, headers)).await;
        assert_eq!(answer.status, 403, "{host} {headers:?}: {}", answer.text());
    }
    let get = Request::new("GET", "/v1/models").header("sec-fetch-site", "cross-site");
    assert_eq!(stage.ask(&get).await.status, 403);
    assert_eq!(stage.control().counters().requests, 0);
    for (host, headers) in [
        ("localhost:8080", &[][..]),
        ("[::1]:8080", &[]),
        (
            "127.0.0.1",
            &[
                ("origin", "http://localhost:3000"),
                ("sec-fetch-site", "cross-site"),
            ],
        ),
        ("localhost", &[("sec-fetch-site", "same-origin")]),
    ] {
        let answer = stage.ask(&open(host, headers)).await;
        assert_eq!(answer.status, 200, "{host} {headers:?}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    stage.is_unharmed().await;
}

fn preflight(origin: &str) -> Request {
    Request::new("OPTIONS", "/v1/messages")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-api-key, content-type")
}

fn leave(answer: &Answer) -> (&str, &str) {
    let origin = answer.header("access-control-allow-origin");
    (origin, answer.header("access-control-allow-headers"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_the_policy_names_get_leave_and_no_others() {
    const APP: &str = "https://app.example";
    let stage = Plan::new()
        .setting("cors_origins = [\"https://app.example\"]")
        .build()
        .await;
    let answer = stage.ask(&preflight(APP)).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(leave(&answer), (APP, "x-api-key, content-type"));
    let answer = stage.ask(&preflight("https://evil.example")).await;
    assert!(answer.status >= 400);
    assert_eq!(leave(&answer), ("", ""));
    assert_eq!(stage.control().counters().requests, 0);

    for (key, status) in [(CLIENT_KEY, 200), ("kw_unknown", 401)] {
        for (origin, told) in [(APP, APP), ("https://evil.example", "")] {
            let request = Api::Messages
                .request(false)
                .without("x-api-key")
                .header("x-api-key", key)
                .header("origin", origin);
            let answer = stage.ask(&request).await;
            assert_eq!(
                (answer.status, leave(&answer).0),
                (status, told),
                "{origin}"
            );
        }
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_leave_unless_the_policy_says_so() {
    let stage = Plan::new().build().await;
    let answer = stage.ask(&preflight("https://app.example")).await;
    assert!(answer.status >= 400, "{}", answer.status);
    assert_eq!(leave(&answer), ("", ""));
}
