//! Redis over TLS, with certificates on both sides, and with a user of its own.

use rcgen::CertificateParams;

use crate::house::{House, Plan, count};
use crate::redis::{Redis, free_port};
use crate::support::program::{Files, run};
use crate::support::tls::{Authority, Own, authority, signed};

/// What the manual says of rights: the command that makes a user.
const MANUAL: &str = include_str!("../../../docs/replicas.md");
/// The user's password in it.
const PASSWORD: &str = "user-Xk2mQ9vTn4LsB7dR";

/// A Redis that is reached over TLS by whom `authority` knows (and in clear by the test), its address, and
/// a plan of gateways that trust it.
async fn secured(authority: &Authority) -> (Redis, Plan) {
    let folder = tempfile::tempdir().expect("a folder");
    let told = CertificateParams::new(["localhost".to_owned()]).expect("right");
    let Own { cert, key } = signed(authority, told);
    for (name, text) in [("ca", authority.pem()), ("crt", cert), ("key", key)] {
        std::fs::write(folder.path().join(format!("tls.{name}")), text).expect("written");
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let port = free_port();
    let files = [
        path("tls.ca"),
        path("tls.crt"),
        path("tls.key"),
        port.to_string(),
    ];
    let redis = Redis::within(
        folder,
        &[
            "--tls-ca-cert-file",
            &files[0],
            "--tls-cert-file",
            &files[1],
            "--tls-key-file",
            &files[2],
            "--tls-port",
            &files[3],
            "--tls-auth-clients",
            "yes",
        ],
    )
    .await;
    let plan = Plan::new()
        .urls(&[format!("rediss://localhost:{port}")])
        .store("ca_file = \"ca.pem\"")
        .file("ca.pem", &authority.pem());
    (redis, plan)
}

/// A certificate for gateways, of `authority`, beside the policy.
fn with_certificate(plan: Plan, authority: &Authority) -> Plan {
    let own = signed(authority, CertificateParams::default());
    plan.store("cert_file = \"own.pem\"\nkey_file = \"own.key\"")
        .file("own.pem", &own.cert)
        .file("own.key", &own.key)
}

async fn until_told(house: &House, reason: &str, why: &str) {
    for gateway in 0..house.gateways.len() {
        house
            .until_shared(gateway, &format!("{reason}: {why}"), |shared| {
                let told = shared["why"].as_str().unwrap_or_default();
                shared["heard"] == false && shared["reason"] == reason && told.contains(why)
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_and_redis_show_one_another_certificates() {
    let authority = authority("redis");
    let (redis, plan) = secured(&authority).await;
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60";
    let plan = with_certificate(plan.tenant(limit), &authority);
    let house = plan.before(redis, 2).await;
    house.all_hear().await;
    assert_eq!(count(&house.message(0, 40).await, 200), 40);
    house.until_heard(1).await;
    let served = count(&house.message(1, 60).await, 200);
    assert!(
        (15..=30).contains(&served),
        "{served}: of twenty that were left, and what flowed in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_it_is_told_which_fields_are_missing() {
    let (redis, plan) = secured(&authority("redis")).await;
    let house = plan.before(redis, 1).await;
    until_told(&house, "unreachable", "name cert_file and key_file").await;
    assert_eq!(house.message(0, 5).await, [200; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_replaced_is_shown_at_the_next_connection() {
    let right = authority("redis");
    let (redis, plan) = secured(&right).await;
    let plan = with_certificate(plan, &authority("others"));
    let house = plan.before(redis, 2).await;
    until_told(&house, "unreachable", "").await;
    let own = signed(&right, CertificateParams::default());
    for gateway in &house.gateways {
        gateway.files.write("own.pem", &own.cert);
        gateway.files.write("own.key", &own.key);
    }
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_certificate_is_not_believed_is_told_nothing() {
    let right = authority("redis");
    let (redis, plan) = secured(&right).await;
    let plan = with_certificate(plan, &right);
    let plan = plan.file("ca.pem", &authority("others").pem());
    let house = plan.before(redis, 1).await;
    until_told(
        &house,
        "unreachable",
        "TLS failed: invalid peer certificate",
    )
    .await;
    let clients = house.redis.ask("INFO commandstats").expect("it answers");
    assert!(!clients.contains("cmdstat_eval"), "{clients}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_looks_at_the_files_and_asks_redis() {
    let right = authority("redis");
    let (redis, plan) = secured(&right).await;
    let house = with_certificate(plan, &right).before(redis, 0).await;
    let files = Files::new(house.policy());
    files.write("ca.pem", &right.pem());
    let check = async |how: &str| {
        let ended = run(&files, &["check", how, "keys.toml"]).await;
        (ended.status.success(), ended.stdout + &ended.stderr)
    };
    let (is_fine, told) = check("--secrets").await;
    assert!(!is_fine, "{told}");
    assert!(
        told.contains("gateway.shared.redis: ") && told.contains("own.pem"),
        "{told}"
    );

    let foreign = signed(&authority("others"), CertificateParams::default());
    files.write("own.pem", &foreign.cert);
    files.write("own.key", &foreign.key);
    let (is_fine, told) = check("--secrets").await;
    assert!(is_fine, "it is one: {told}");
    let (is_fine, told) = check("--live").await;
    assert!(!is_fine, "{told}");
    assert!(
        told.contains("gateway.shared.redis: it cannot be reached"),
        "{told}"
    );

    let own = signed(&right, CertificateParams::default());
    files.write("own.pem", &own.cert);
    files.write("own.key", &own.key);
    let (is_fine, told) = check("--live").await;
    assert!(is_fine, "{told}");
}

/// The command of the manual that makes a user.
fn user_of_manual() -> String {
    let (_, rest) = MANUAL.split_once("`ACL SETUSER ").expect("it is there");
    let (rights, _) = rest.split_once('`').expect("it ends");
    assert!(rights.starts_with("keyweir on >PASSWORD "), "{rights}");
    let rights = rights.replace("PASSWORD", PASSWORD);
    // Of the usual prefix.
    format!("ACL SETUSER {}", rights.replace("{PREFIX}", "{keyweir}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_the_rights_that_the_manual_says_and_no_others() {
    let redis = Redis::start().await;
    assert_eq!(redis.ask(&user_of_manual()).as_deref(), Some("+OK\r\n"));
    let plan =
        Plan::new().store("username = \"keyweir\"\npassword = { file = \"redis.password\" }");
    let house = plan.guarded(redis, PASSWORD, 2).await;
    house.all_hear().await;
    let budget = house.message(0, 5).await;
    assert_eq!(budget, [200; 5]);
    house.until_heard(1).await;

    for right in ["+evalsha", "+@hash"] {
        let taken = right.replacen('+', "-", 1);
        let ask = |command: String| house.redis.ask(&command).expect("it answers");
        ask(format!("ACL SETUSER keyweir {taken}"));
        until_told(&house, "permission", "too few rights").await;
        assert_eq!(house.message(0, 5).await, [200; 5]);
        ask(format!("ACL SETUSER keyweir {right}"));
        house.all_hear().await;
    }
}
