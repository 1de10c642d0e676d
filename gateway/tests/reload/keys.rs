//! Keys, accounts and providers that come, go and change while requests run.

use simulated_provider::{Account, HttpVersions, Provider};

use crate::house::{Crowd, House};
use crate::support::api::Api;
use crate::support::scripted::{Scripted, json};
use crate::support::stage::{KEYS, Plan};
use crate::support::{in_time, until};

const EXTRA: &str = "sk-ant-api03-Zx4cVb8nMq1wEr5tYu9iOp2a";

/// An account of `claude` with one key, whose secret is in a file.
fn account(name: &str) -> String {
    format!(
        "\n[[account]]\nid = \"{name}\"\nprovider = \"claude\"\n\
         [[account.key]]\nid = \"{name}-key\"\nsecret = {{ file = \"{name}.key\" }}\n"
    )
}

/// A stage whose provider knows one account more than the policy.
fn with_extra() -> Plan {
    let mut plan = Plan::new();
    plan.world
        .accounts
        .push(Account::new("claude-extra", [EXTRA]));
    plan.file("claude-extra.key", EXTRA)
}

/// Requests that came with a key.
fn used(house: &House, key: &str) -> u64 {
    let counters = house.stage.control().counters();
    counters.keys.get(key).map_or(0, |key| key.requests)
}

fn state_of<'a>(status: &'a serde_json::Value, key: &str) -> Option<&'a str> {
    let mut providers = status["providers"].as_array()?.iter();
    providers.find_map(|provider| {
        let mut keys = provider["keys"].as_array()?.iter();
        keys.find(|it| it["id"] == key)?["state"].as_str()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go_and_nobody_notices() {
    let house = House::build(with_extra()).await;
    let crowd = Crowd::start(&house, 8);
    crowd.goes_on(50).await;
    let without = house.policy();
    let with = without.clone() + &account("claude-extra");
    for _ in 0..5 {
        let changes = house.follow(&with).await;
        assert_eq!(changes, ["account claude-extra: added (at claude, 1 key)"]);
        let before = used(&house, EXTRA);
        until("the new key is used", || used(&house, EXTRA) > before).await;
        assert_eq!(
            house.follow(&without).await,
            ["account claude-extra: removed"]
        );
        house
            .until_status("it has finished what it carried", |status| {
                state_of(status, "claude-extra-key").is_none()
            })
            .await;
        crowd.goes_on(20).await;
    }
    crowd.all_served().await;
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_finishes_what_it_carries() {
    let house = House::build(Plan::new()).await;
    let slow = Api::Messages
        .request(true)
        .header("x-sim-chunk-interval-ms", "20")
        .header("x-sim-output-tokens", "60");
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = house.stage.connect().await;
        wire.send(slow.bytes()).await;
        let mut answer = wire.head().await;
        wire.body(&mut answer, |text| text.contains("content_block_delta"))
            .await;
        wires.push((wire, answer));
    }
    // One conversation: one account has them all.
    let counters = house.stage.control().counters();
    let is_at_work = |key: &str| {
        counters
            .keys
            .get(key)
            .is_some_and(|it| it.requests_open > 0)
    };
    let (name, _) = KEYS
        .into_iter()
        .find(|(_, key)| is_at_work(key))
        .expect("one");
    let text = house.policy().replacen(&account(name), "", 1);
    assert_eq!(
        house.follow(&text).await,
        [format!("account {name}: removed")]
    );
    for (mut wire, mut answer) in wires {
        wire.body(&mut answer, |_| false).await;
        assert!(Api::Messages.is_complete(&answer.text()));
    }
    house.stage.is_unharmed().await;
    until("what it carried is told by its name", || {
        let log = house.gateway().access_log();
        log.iter().any(|line| line["key"] == format!("{name}-key"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_limit_scales_its_bucket_and_other_buckets_stay() {
    let limits = |per_minute: u64| {
        format!("[[account.limit]]\nrequests_per_minute = {per_minute}\nburst = \"1m\"\n")
    };
    let provider = Scripted::start(|_| json(200, "", r#"{"id":"x","choices":[]}"#)).await;
    let tables = provider.tables("p", "dialect = \"openai\"", 1);
    let text = Plan::new().and(&tables).and(&limits(600));
    let house = House::build(text).await;
    let request = Api::Chat.request(false).path("/p/v1/chat/completions");
    for _ in 0..60 {
        assert_eq!(house.ask(&request).await.status, 200);
    }
    let bucket = async || {
        let status = house.gateway().status().await;
        let providers = status["providers"].as_array().expect("a list").clone();
        let provider = providers
            .into_iter()
            .find(|it| it["id"] == "p")
            .expect("it");
        let group = &provider["groups"][0]["accounts"][0]["buckets"][0];
        let number = |name: &str| group[name].as_f64().expect("a number");
        (
            number("limit_per_minute"),
            number("level") / number("burst"),
        )
    };
    let (limit, before) = bucket().await;
    assert_eq!(limit, 600.0);
    assert!(before < 0.99, "{before}");
    house
        .follow(&house.policy().replace(&limits(600), &limits(1200)))
        .await;
    let (limit, after) = bucket().await;
    assert_eq!(limit, 1200.0);
    assert!(
        (before - 0.01..before + 0.05).contains(&after),
        "{before} → {after}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_out_stays_so_and_connections_stay_open() {
    let house = House::build(with_extra()).await;
    // The provider has forgotten a key.
    house.stage.control().remove_key(KEYS[0].1);
    let is_out = async || {
        let status = house.gateway().status().await;
        state_of(&status, "claude-one-key") == Some("out")
    };
    let all = async {
        while !is_out().await {
            house.stage.serves(Api::Messages).await;
        }
    };
    in_time("the key is out", all).await;
    house.stage.serves(Api::Chat).await;
    house.stage.is_quiet().await;
    let open = house.stage.control().counters().connections_open;

    let text = house.policy() + &account("claude-extra");
    house.follow(&text).await;

    assert!(is_out().await);
    // Whether a certain request takes one of them Pingora's pool does not promise.
    assert_eq!(house.stage.control().counters().connections_open, open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_moves_or_speaks_another_http_is_followed() {
    let mut plan = Plan::new();
    plan.world.http = HttpVersions::Both;
    let world = plan.world.clone();
    let house = House::build(plan).await;
    let other = Provider::start(world).await.expect("it starts");
    let crowd = Crowd::start(&house, 4);
    crowd.goes_on(20).await;

    let http2 = house.policy().replace("http = \"1.1\"", "http = \"2\"");
    assert_eq!(house.follow(&http2).await.len(), 2);
    let spoken = || {
        let last = house.stage.control().last_request();
        last.is_some_and(|it| it.version == "HTTP/2.0")
    };
    until("HTTP/2 is spoken", spoken).await;
    crowd.goes_on(20).await;

    let moved = http2.replace(house.stage.provider.base_url(), other.base_url());
    assert_eq!(house.follow(&moved).await.len(), 2);
    until("it is asked elsewhere", || {
        other.control().counters().requests > 20
    })
    .await;
    // Retired as a whole, and back.
    let back = moved.replace(other.base_url(), house.stage.provider.base_url());
    house.follow(&back).await;
    crowd.goes_on(20).await;
    crowd.all_served().await;
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_provider_that_goes_is_told_so() {
    let limit = "[[account.limit]]\nrequests_per_minute = 1\nburst = \"1m\"\n";
    let provider = Scripted::start(|_| json(200, "", r#"{"id":"x","choices":[]}"#)).await;
    let tables = provider.tables("p", "dialect = \"openai\"", 1) + limit;
    let house = House::build(Plan::new().and(&tables)).await;
    let request = Api::Chat
        .request(false)
        .path("/p/v1/chat/completions")
        .header("x-keyweir-patience", "90");
    assert_eq!(house.ask(&request).await.status, 200);
    let mut wire = house.stage.connect().await;
    wire.send(request.bytes()).await;
    house.until_one_waits().await;

    let without = house.policy().replace(&tables, "");
    assert_eq!(house.follow(&without).await.len(), 2);

    let answer = wire.answer().await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(
        answer
            .text()
            .contains("no account of this gateway's pool serves")
    );
    assert_eq!(house.ask(&request).await.status, 404);
    house.follow(&format!("{without}{tables}")).await;
    assert_eq!(house.ask(&request).await.status, 200);
    house.stage.is_unharmed().await;
}
