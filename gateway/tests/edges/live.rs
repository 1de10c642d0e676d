//! `keyweir check --live`: what asking the providers shows of each key.

use simulated_provider::{Account, Fault, FaultRule, Provider, Tls, World};
use tokio::net::TcpListener;

use crate::support::fake::Fake;
use crate::support::program::{Ended, Files, Watch, run};
use crate::support::stage::{KEYS, Plan};
use crate::support::{PROMPT, tls};

/// The secrets of [`Fake::tables`] have this in them.
const FAKE_SECRET: &str = "Wd5nRb8kQp2mZs7yTc3vLf6x";

async fn live(files: &Files, more: &[&str]) -> Ended {
    let ended = run(files, &[&["check", "--live", "keys.toml"], more].concat()).await;
    for (_, secret) in KEYS {
        let part = &secret[secret.len() - 12..];
        assert!(!ended.stdout.contains(part) && !ended.stderr.contains(part));
    }
    assert!(
        !ended.stdout.contains(&FAKE_SECRET[..10]),
        "{}",
        ended.stdout
    );
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

/// The line of `key`, without its name.
fn line<'a>(ended: &'a Ended, key: &str) -> &'a str {
    let mut lines = ended.stdout.lines().map(str::trim);
    let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no line of {key}: {}", ended.stdout))
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_work_are_told_with_their_organizations_and_models() {
    for upstream in ["1.1", "2"] {
        let mut plan = Plan::new().upstream(upstream);
        for (account, organization) in plan.world.accounts.iter_mut().zip(["a", "b", "c", "d"]) {
            account.organization = format!("org-{organization}");
        }
        let provider = Provider::start(plan.world.clone())
            .await
            .expect("it starts");

        let ended = live(&plan.files(provider.base_url()), &[]).await;

        assert_eq!(
            ended.status.code(),
            Some(0),
            "{}{}",
            ended.stdout,
            ended.stderr
        );
        assert_eq!(ended.stderr, "");
        assert_eq!(
            line(&ended, "claude-one-key"),
            "works; models: 2; organization org-a"
        );
        assert_eq!(
            line(&ended, "gpt-two-key"),
            "works; models: 2; organization org-d"
        );
        assert_eq!(
            line(&ended, "models"),
            "claude-sim-large, claude-sim-small",
            "{}",
            ended.stdout
        );
        assert!(
            ended.stdout.ends_with("ok: no key of 4 is refused\n"),
            "{}",
            ended.stdout
        );
        assert_eq!(
            provider.control().counters().requests,
            4,
            "each is asked with once"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_one_organization_and_keys_of_several_are_told() {
    let other = "sk-proj-Xa1cVb2nMk3lJh4gFd5sQw6e";
    let mut plan = Plan::new();
    plan.world.accounts.push(Account::new("third", [other]));
    for account in &mut plan.world.accounts {
        let organization = match account.name.as_str() {
            "third" => "org-3",
            "gpt-two" => "org-2",
            _ => "org-1",
        };
        account.organization = organization.to_owned();
    }
    let provider = Provider::start(plan.world.clone())
        .await
        .expect("it starts");
    let files = plan.files(provider.base_url());
    // The last account of the policy has a second key.
    let policy = plan.open().policy(provider.base_url());
    let key = format!("[[account.key]]\nid = \"second\"\nsecret = \"{other}\"\n");
    files.write("keys.toml", &format!("{policy}{key}"));

    let ended = live(&files, &[]).await;

    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    let told = |one: &str, other: &str| {
        let mut lines = ended.stderr.lines();
        lines
            .any(|line| line.starts_with("warning: ") && line.contains(one) && line.contains(other))
    };
    let shared = told("\"claude-one\" and \"claude-two\"", "share its budget");
    let mixed = told("account \"gpt-two\"", "do not share one budget");
    assert!(shared && mixed, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_work_are_told_with_the_reason_and_the_command_fails() {
    let plan = Plan::new();
    let provider = Provider::start(plan.world.clone())
        .await
        .expect("it starts");
    for (account, fault) in [
        ("claude-one", Fault::Revoked),
        ("claude-two", Fault::BillingError),
        (
            "gpt-one",
            Fault::RateLimited {
                retry_after_secs: None,
            },
        ),
        ("gpt-two", Fault::OrganizationDisabled),
    ] {
        let rule = FaultRule {
            account: Some(account.to_owned()),
            ..FaultRule::from(fault)
        };
        provider.control().fault(rule);
    }

    let ended = live(&plan.files(provider.base_url()), &[]).await;

    assert_eq!(
        ended.status.code(),
        Some(5),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    for (key, says) in [
        (
            "claude-one-key",
            "fails: the provider rejects it: revoked, expired or mistyped (401)",
        ),
        (
            "claude-two-key",
            "fails: its account is out of money or at its spend limit (402)",
        ),
        ("gpt-one-key", "works; its budget is spent for now (429)"),
        ("gpt-two-key", "fails: its account is disabled (401)"),
    ] {
        assert!(line(&ended, key).starts_with(says), "{}", ended.stdout);
    }
    assert!(
        ended
            .stdout
            .ends_with("\n3 of 4 keys: refused by their providers\n"),
        "{}",
        ended.stdout
    );
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn providers_that_do_not_answer_or_say_something_else_are_told_each_for_itself() {
    // Nobody listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = free.local_addr().expect("bound");
    drop(free);
    let silent = Fake::paused("", "").await;
    let forbids = Fake::start(answer("403 No", r#"{"error":{"message":"no entry"}}"#)).await;
    let no_list = Fake::start(answer("404 No", "{}")).await;
    let page = Fake::start(answer("200 OK", r#"{"hello":1}"#)).await;
    let quotes = format!("sk-fake-quotes-{FAKE_SECRET}");
    let list = format!(r#"{{"data":[{{"id":"{quotes}"}},{{"id":"m-1\u001b[31m"}}]}}"#);
    let quotes = Fake::start(answer("200 OK", &list)).await;
    let gemini = Fake::start(answer(
        "200 OK",
        r#"{"models":[{"name":"models/gemini-9"}]}"#,
    ))
    .await;
    let mut policy = "[gateway]\nlisten = [\"127.0.0.1:0\"]\n".to_owned();
    for (fake, id, dialect) in [
        (&silent, "silent", "anthropic"),
        (&forbids, "forbids", "openai"),
        (&no_list, "no-list", "generic"),
        (&page, "page", "openai"),
        (&quotes, "quotes", "openai"),
        (&gemini, "gemini", "generic"),
    ] {
        let tables = fake.tables(id, dialect);
        let models = format!("dialect = \"{dialect}\"\nmodels = [\"{id}-*\"]");
        policy.push_str(&tables.replace(&format!("dialect = \"{dialect}\""), &models));
    }
    policy = policy.replace(
        &format!("http://{}", gemini.address),
        &format!("http://{}/v1beta", gemini.address),
    );
    policy.push_str(
        &silent
            .tables("gone", "generic")
            .replace(&silent.address.to_string(), &gone.to_string()),
    );
    let watch = Watch::start();

    let ended = live(&Files::new(&policy), &["--timeout", "2"]).await;

    watch.within(PROMPT * 2);
    assert_eq!(
        ended.status.code(),
        Some(5),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    for (key, says) in [
        ("silent-key", "fails: no answer within 2s"),
        (
            "forbids-key",
            "not known: it may not list models (403): \"no entry\"",
        ),
        (
            "no-list-key",
            "not known: the provider has no list of models",
        ),
        ("page-key", "not known: the answer is no list of models"),
        ("quotes-key", "works; models: 2"),
        ("gemini-key", "works; models: 1"),
        ("gone-key", "fails: "),
    ] {
        assert!(
            line(&ended, key).starts_with(says),
            "{key}: {}",
            ended.stdout
        );
    }
    assert!(
        line(&ended, "gone-key").contains("refused"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("gemini-9") && ended.stdout.contains("m-1"));
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .ends_with("\n2 of 7 keys: not tried: their providers do not answer as they should\n"),
        "{}",
        ended.stdout
    );
    let asked = String::from_utf8(gemini.seen().remove(0)).expect("text");
    assert!(
        asked.starts_with("GET /v1beta/models HTTP/1.1\r\n"),
        "{asked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roots_that_the_policy_names_are_trusted_and_no_others() {
    let (name, secret) = KEYS[0];
    let world = World {
        tls: Some(Tls::default()),
        ..World::new(vec![Account::new(name, [secret])])
    };
    let provider = Provider::start(world).await.expect("it starts");
    let own = provider.ca_pem().expect("it has one").to_owned();
    let base_url = provider.base_url();
    let policy = format!(
        "[[provider]]\nid = \"claude\"\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n\
         ca_file = \"ca.pem\"\n[[account]]\nid = \"one\"\nprovider = \"claude\"\n\
         [[account.key]]\nid = \"one-key\"\nsecret = {{ file = \"one.key\" }}\n"
    );
    let files = Files::new(&policy);
    files.write("one.key", secret);

    files.write("ca.pem", &own);
    let ended = live(&files, &[]).await;
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}{}",
        ended.stdout,
        ended.stderr
    );

    files.write("ca.pem", &tls::certificate().cert);
    let ended = live(&files, &[]).await;
    assert_eq!(
        ended.status.code(),
        Some(5),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(
        line(&ended, "one-key").contains("ertificate"),
        "{}",
        ended.stdout
    );
    assert_eq!(
        provider.control().counters().requests,
        1,
        "no key is sent to anybody else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_a_secret_keeps_no_other_from_being_tried() {
    let bad =
        r#"{"error":{"message":"Key sk-fake-bad-SECRET is disabled","code":"invalid_api_key"}}"#;
    let bad = Fake::start(answer("401 No", &bad.replace("SECRET", FAKE_SECRET))).await;
    let page = Fake::start(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>"
            .to_owned(),
    )
    .await;
    let mut policy = bad.tables("bad", "openai");
    policy
        .push_str("[[account.key]]\nid = \"unset\"\nsecret = { env = \"KEYWEIR_TEST_NOT_SET\" }\n");
    policy.push_str("[[account.key]]\nid = \"gone\"\nsecret = { file = \"gone.key\" }\n");
    policy.push_str("[[account.key]]\nid = \"old\"\nsecret = { file = \"old.key\" }\n");
    policy.push_str(&page.tables("page", "generic"));
    let files = Files::new(&policy);
    files.write("old.key", &format!("sk-fake-old-{FAKE_SECRET}"));

    let ended = live(&files, &[]).await;

    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let rejected = "fails: the provider rejects it: revoked, expired or mistyped (401): \"Key ";
    for (key, begins, ends) in [
        ("bad-key", rejected, "is disabled\""),
        ("old", rejected, "; its secret is from old.key"),
        ("unset", "not asked: it has no secret", ""),
        ("gone", "not asked: it has no secret", ""),
        (
            "page-key",
            "not known: the answer is no list of models: is base_url right? (200)",
            "",
        ),
    ] {
        let said = line(&ended, key);
        assert!(said.starts_with(begins) && said.ends_with(ends), "{said}");
    }
    for says in [
        "2 of 5 keys: refused by their providers\n",
        "2 of 5 keys: not asked with: their secrets are not there\n",
    ] {
        assert!(ended.stdout.contains(says), "{}", ended.stdout);
    }
    for says in [
        "key \"unset\": KEYWEIR_TEST_NOT_SET: the environment variable",
        "key \"gone\": gone.key: cannot read the file",
    ] {
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
