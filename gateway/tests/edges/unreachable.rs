//! Providers that cannot be connected to, or do not prove who they are.

use simulated_provider::{Account, Provider, RunningProvider, Tls, World};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::api::Api;
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage};
use crate::support::{PROMPT, tls, until};

const KEY: &str = "sk-ant-api03-Wd5nRb8kQp2mZs7yTc3vLf6x";

/// A stage with one more provider, whose requests come by its name.
async fn stage_with(base_url: &str, lines: &str, files: &[(&str, &str)]) -> Stage {
    let mut plan = Plan::new()
        .set("[gateway.timeouts]\nconnect = \"500ms\"\n[waiting]\npatience = \"0s\"")
        .and(&format!(
            "\n[[provider]]\nid = \"far\"\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n{lines}\n\
             [[account]]\nid = \"far\"\nprovider = \"far\"\n\
             [[account.key]]\nid = \"far-key\"\nsecret = {{ file = \"far.key\" }}\n"
        ))
        .file("far.key", KEY);
    for (name, text) in files {
        plan = plan.file(name, text);
    }
    plan.build().await
}

/// Holds a request to the far provider to be refused clearly, and the near ones to serve beside.
async fn is_unreachable(stage: &Stage, says: &str) {
    let request = Api::Messages.request(true).path("/far/v1/messages");
    let watch = Watch::start();

    let (answer, ()) = tokio::join!(stage.ask(&request), stage.serves(Api::Messages));

    let message = Api::Messages.check_refusal(&answer, 503, "api_error");
    assert!(message.contains("cannot be reached"), "{message}");
    assert!(message.contains(says), "{message}");
    watch.within(PROMPT * 2);
    // The operator is told, too.
    until("it is in the log", || {
        let written = stage.gateway.written();
        written
            .lines()
            .any(|line| line.contains("far") && line.contains(says))
    })
    .await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_told_to_client_and_operator() {
    let stage = stage_with("https://provider.invalid", "", &[]).await;
    is_unreachable(&stage, "does not resolve").await;
    let status = stage.gateway.status().await;
    assert_eq!(status["providers"][2]["resolved"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_refused_is_told() {
    // Nobody listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let stage = stage_with(&format!("http://{address}"), "", &[]).await;
    is_unreachable(&stage, "refused").await;
    // However often it is tried.
    for _ in 0..20 {
        let request = Api::Messages.request(false).path("/far/v1/messages");
        let answer = stage.ask(&request).await;
        let message = Api::Messages.check_refusal(&answer, 503, "api_error");
        assert!(message.contains("cannot be reached"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_never_answered_is_given_up() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = deaf.local_addr().expect("bound");
    let stage = stage_with(&format!("https://{address}"), "", &[]).await;
    is_unreachable(&stage, "").await;
    // What was connected is closed again.
    let (mut socket, _) = deaf.accept().await.expect("it came");
    let mut hello = Vec::new();
    let _ = socket.read_to_end(&mut hello).await;
    assert_eq!(hello.first(), Some(&0x16));
}

async fn secured(tls: Tls) -> RunningProvider {
    let world = World {
        tls: Some(tls),
        ..World::new(vec![Account::new("far", [KEY])])
    };
    Provider::start(world).await.expect("it starts")
}

fn named(names: &[&str]) -> Tls {
    Tls {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        ..Tls::default()
    }
}

const CA: &str = "ca_file = \"ca.pem\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_authority_that_was_given_is_trusted_over_either_http() {
    let far = secured(Tls::default()).await;
    let ca = far.ca_pem().expect("it has one");
    for base_url in [
        far.base_url().to_owned(),
        far.base_url().replace("127.0.0.1", "localhost"),
    ] {
        for http in ["auto", "1.1", "2"] {
            let lines = format!("{CA}\nhttp = \"{http}\"");
            let stage = stage_with(&base_url, &lines, &[("ca.pem", ca)]).await;
            for stream in [false, true] {
                let request = Api::Messages.request(stream).path("/far/v1/messages");
                let answer = stage.ask(&request).await;
                assert_eq!(answer.status, 200, "{base_url} {http}: {}", answer.text());
            }
        }
    }
    assert_eq!(far.control().counters().requests, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_do_not_verify_are_refused_and_no_key_is_sent() {
    let unknown = secured(Tls::default()).await;
    let other = tls::certificate().cert;
    let misnamed = secured(named(&["elsewhere.example"])).await;
    let expired = secured(Tls {
        expired: true,
        ..Tls::default()
    })
    .await;
    for (what, far, ca, says) in [
        (
            "an unknown authority",
            &unknown,
            Some(other.as_str()),
            "UnknownIssuer",
        ),
        (
            "another name",
            &misnamed,
            misnamed.ca_pem(),
            "not valid for name",
        ),
        ("expired", &expired, expired.ca_pem(), "expired"),
    ] {
        let ca = ca.expect("it has one");
        let stage = stage_with(far.base_url(), CA, &[("ca.pem", ca)]).await;
        is_unreachable(&stage, "certificate").await;
        // However long clients would wait, and however often they ask: no wait cures it.
        let request = Api::Messages.request(false).path("/far/v1/messages");
        for _ in 0..5 {
            let request = request.clone().header("x-keyweir-patience", "600");
            let watch = Watch::start();
            let answer = stage.ask(&request).await;
            let message = Api::Messages.check_refusal(&answer, 503, "api_error");
            assert!(message.contains("certificate"), "{message}");
            assert!(answer.header("x-keyweir-waited-ms").is_empty(), "{what}");
            watch.within(PROMPT * 2);
        }
        stage.gateway.writes(says).await;
        assert_eq!(far.control().counters().requests, 0, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_in_clear_where_tls_is_said_gets_no_key() {
    let far = Provider::start(World::new(vec![Account::new("far", [KEY])]))
        .await
        .expect("it starts");
    let base_url = far.base_url().replace("http:", "https:");
    let stage = stage_with(&base_url, "", &[]).await;
    is_unreachable(&stage, "").await;
    assert_eq!(far.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_comes_back_is_used_again() {
    let world = |port| World {
        port,
        ..World::new(vec![Account::new("far", [KEY])])
    };
    let far = Provider::start(world(0)).await.expect("it starts");
    let (base_url, port) = (far.base_url().to_owned(), far.addr().port());
    let stage = stage_with(&base_url, "", &[]).await;
    let request = Api::Messages.request(false).path("/far/v1/messages");
    assert_eq!(stage.ask(&request).await.status, 200);

    far.shutdown().await;
    assert_eq!(stage.ask(&request).await.status, 503);

    let far = Provider::start(world(port)).await.expect("it starts again");
    let back = async {
        while stage.ask(&request).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    crate::support::in_time("it is used again", back).await;
    assert!(far.control().counters().requests >= 1);
    stage.is_unharmed().await;
}
