//! The admin listener over TLS, and who shows a certificate there.

use std::net::SocketAddr;

use rcgen::CertificateParams;
use simulated_provider::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::api::Request;
use crate::support::in_time;
use crate::support::program::{Ended, Files, run};
use crate::support::stage::{Plan, Stage};
use crate::support::tls::{Authority, Own, authority, certificate, connect, signed};
use crate::support::wire::Wire;

const TOKEN: &str = "operators-9ZkQ2mWcR7tYb4LsKd8Z";
const TLS: &str = "[gateway.admin_tls]\ncert_file = \"admin.crt\"\nkey_file = \"admin.key\"\n";
const CLIENT_CA: &str = "client_ca_file = \"operators.crt\"\n";

/// A certificate of `authority`. Expired, if that is said.
fn of(authority: &Authority, is_expired: bool) -> Own {
    let mut told = CertificateParams::default();
    if is_expired {
        told.not_before = rcgen::date_time_ymd(2020, 1, 1);
        told.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    signed(authority, told)
}

/// A gateway of which `settings` are beside its certificate, and of whose operators `authority` speaks for some.
async fn stage(settings: &str, authority: &Authority) -> Stage {
    let own = certificate();
    let mut plan = Plan::new()
        .set(&format!("{TLS}{CLIENT_CA}"))
        .setting(settings)
        .file("admin.token", TOKEN)
        .file("admin.crt", &own.cert)
        .file("admin.key", &own.key)
        .file("operators.crt", &authority.pem());
    for account in &mut plan.world.accounts {
        account.limits = vec![Limits::three(600, 1_000_000, 1_000_000)];
    }
    for (name, Own { cert, key }) in [
        ("me", of(authority, false)),
        ("old", of(authority, true)),
        (
            "foreign",
            of(&crate::support::tls::authority("others"), false),
        ),
    ] {
        plan = plan
            .file(&format!("{name}.crt"), &cert)
            .file(&format!("{name}.key"), &key);
    }
    plan.build().await
}

fn address(stage: &Stage) -> String {
    format!("https://localhost:{}", stage.gateway.admin.port())
}

/// Holds or resumes a key, showing the certificate of `name`.
async fn operate(stage: &Stage, files: &Files, action: &str, name: Option<&str>) -> Ended {
    let path = |name: &str| stage.gateway.files.path().join(name).display().to_string();
    let mut all = ["keys", action, "claude-one-key", "--admin"]
        .map(str::to_owned)
        .to_vec();
    all.extend([address(stage), "--admin-ca".to_owned(), path("admin.crt")]);
    if let Some(name) = name {
        let files = [path(&format!("{name}.crt")), path(&format!("{name}.key"))];
        let [cert, key] = files;
        all.extend([
            "--admin-cert".to_owned(),
            cert,
            "--admin-key".to_owned(),
            key,
        ]);
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    run(files, &all).await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_certificate_or_the_token_opens_the_listener_and_nothing_else() {
    let operators = authority("operators");
    let stage = stage("admin_token = { file = \"admin.token\" }", &operators).await;
    let stranger = Files::new("");
    let with_token = Files::new("").variable("KEYWEIR_ADMIN_TOKEN", TOKEN);
    for (files, name) in [
        (&stranger, Some("me")),
        (&with_token, None),
        (&with_token, Some("me")),
    ] {
        let ended = operate(&stage, files, "drain", name).await;
        assert_eq!(
            ended.stdout, "claude-one-key: held; requests still running: 0\n",
            "{}",
            ended.stderr
        );
    }
    let ended = operate(&stage, &stranger, "resume", None).await;
    let complaint = ended.complaint();
    assert!(
        complaint.contains("or a client certificate of gateway.admin_tls.client_ca_file"),
        "{complaint}"
    );
    assert!(
        complaint.contains("--admin-cert") && complaint.contains("KEYWEIR_ADMIN_TOKEN"),
        "{complaint}"
    );
    // A wrong one ends the handshake, whatever else is shown.
    for name in ["foreign", "old"] {
        let ended = operate(&stage, &with_token, "resume", Some(name)).await;
        let complaint = ended.complaint();
        assert!(
            complaint.contains("no answer from https://localhost:")
                && complaint.contains("seems not to believe the client certificate")
                && complaint.contains(&format!("{name}.crt")),
            "{name}: {complaint}"
        );
    }
    let ca = stage
        .gateway
        .files
        .path()
        .join("admin.crt")
        .display()
        .to_string();
    let address = address(&stage);
    for (arguments, is_well) in [
        (
            &[
                "healthcheck",
                "--ready",
                "--admin",
                &address,
                "--admin-ca",
                &ca,
            ][..],
            true,
        ),
        (&["healthcheck", "--admin", &address], false),
        (&["healthcheck", &stage.gateway.admin.to_string()], false),
    ] {
        let ended = run(&stranger, arguments).await;
        assert_eq!(
            ended.status.success(),
            is_well,
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let port = stage.gateway.admin.port();
    for (admin, with_ca, expected) in [
        (
            format!("localhost:{port}"),
            false,
            "speaks no HTTP in clear; where gateway.admin_tls makes it TLS",
        ),
        (
            format!("https://localhost:{port}"),
            false,
            "name the file of its authority with --admin-ca",
        ),
        (
            format!("https://127.0.0.1:{port}"),
            true,
            "ask for a name that is in it",
        ),
    ] {
        let mut all = vec!["top", "--admin", &admin];
        if with_ca {
            all.extend(["--admin-ca", &ca]);
        }
        let ended = run(&with_token, &all).await;
        assert!(
            ended.complaint().contains(expected),
            "{admin}: {}",
            ended.stderr
        );
    }
    let ended = run(
        &with_token,
        &["top", "--admin", &address, "--admin-ca", &ca],
    )
    .await;
    assert!(
        ended.stdout.contains("key claude-one-key: held"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    // When the certificate ends is told, like that of the clients' listener.
    let own = Own {
        cert: std::fs::read_to_string(&ca).expect("it is there"),
        key: String::new(),
    };
    let mut wire = connect(stage.gateway.admin, &own, b"http/1.1").await;
    let request = Request::new("GET", "/metrics")
        .header("connection", "close")
        .header("authorization", format!("Bearer {TOKEN}"));
    wire.send(request.bytes()).await;
    let metrics = wire.answer().await.text();
    let expiry = "keyweir_certificate_expiry_timestamp_seconds{listener=\"operators\"}";
    assert!(metrics.contains(expiry), "{metrics}");
    assert!(!stage.gateway.written().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_a_certificate_opens_it() {
    let stage = stage("", &authority("operators")).await;
    let files = Files::new("").variable("KEYWEIR_ADMIN_TOKEN", TOKEN);
    let ended = operate(&stage, &files, "drain", None).await;
    let complaint = ended.complaint();
    assert!(
        complaint.contains("a client certificate of gateway.admin_tls.client_ca_file is needed"),
        "{complaint}"
    );
    let ended = operate(&stage, &files, "drain", Some("me")).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    // Who speaks in clear is told nothing, and a handshake that never comes holds nobody up.
    let mut in_clear = TcpStream::connect(stage.gateway.admin)
        .await
        .expect("it listens");
    let request = Request::new("GET", "/status").bytes();
    in_clear.write_all(&request).await.expect("written");
    let mut told = Vec::new();
    let ended = in_time("the end of the connection", in_clear.read_to_end(&mut told)).await;
    assert!(
        ended.is_err() || !String::from_utf8_lossy(&told).contains("HTTP"),
        "{told:?}"
    );
    let mut silent: Vec<Wire> = Vec::new();
    for _ in 0..300 {
        silent.push(Wire::connect(stage.gateway.admin).await);
    }
    // The first ones have given way.
    assert!(silent[0].is_closed().await);
    let ended = operate(&stage, &files, "resume", Some("me")).await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// Waits until it is as `is_well` says whether the certificate of `name` opens the listener.
async fn until_opened(stage: &Stage, name: &str, is_well: bool) {
    let files = Files::new("");
    let wait = async {
        while operate(stage, &files, "resume", Some(name))
            .await
            .status
            .success()
            != is_well
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    in_time(&format!("{name} opens it: {is_well}"), wait).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_and_authority_are_followed() {
    let stage = stage("", &authority("operators")).await;
    until_opened(&stage, "me", true).await;
    let others = authority("others");
    let Own { cert, key } = of(&others, false);
    let files = &stage.gateway.files;
    files.write("you.crt", &cert);
    files.write("you.key", &key);
    until_opened(&stage, "you", false).await;
    files.write("operators.crt", &others.pem());
    until_opened(&stage, "you", true).await;
    until_opened(&stage, "me", false).await;
    // A mistake leaves what is in force.
    files.write("operators.crt", "scribbles");
    stage
        .gateway
        .writes("operators.crt: holds no PEM certificate")
        .await;
    until_opened(&stage, "you", true).await;
    files.write("operators.crt", &others.pem());
    let fresh = certificate();
    files.write("admin.key", &fresh.key);
    files.write("admin.crt", &fresh.cert);
    stage
        .gateway
        .writes("operators are shown another certificate, which is good until")
        .await;
    until_opened(&stage, "you", true).await;
    let admin: SocketAddr = stage.gateway.admin;
    let mut wire = connect(admin, &fresh, b"http/1.1").await;
    let request = Request::new("GET", "/healthz").header("connection", "close");
    wire.send(request.bytes()).await;
    assert_eq!(wire.answer().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_make_nothing_are_named_before_there_is_a_start() {
    let own = certificate();
    let plan = Plan::new().set(&format!("{TLS}{CLIENT_CA}"));
    let files = plan.files("http://127.0.0.1:9");
    let complains = async |command: &[&str], expected: &str| {
        let ended = run(&files, command).await;
        let complaint = ended.complaint();
        assert!(complaint.contains(expected), "{command:?}: {complaint}");
    };
    let (serve, check) = (
        ["serve", "--policy", "keys.toml"],
        ["check", "--secrets", "keys.toml"],
    );
    complains(&serve, "admin.crt: ").await;
    complains(&check, "admin.crt: ").await;
    files.write("admin.crt", &own.cert);
    files.write("admin.key", &certificate().key);
    complains(&serve, "admin.key: is not the key of the certificate").await;
    files.write("admin.key", &own.key);
    complains(&serve, "operators.crt: ").await;
    files.write("operators.crt", "scribbles");
    complains(&serve, "operators.crt: holds no PEM certificate").await;
    complains(&check, "operators.crt: holds no PEM certificate").await;
}
