//! What is known again after the process was killed, or told to end, and started anew.

use serde_json::Value;
use simulated_provider::{Account, Fault, FaultRule, Limits};

use crate::support::PATIENCE;
use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::program::Program;
use crate::support::stage::{KEYS, Plan, Stage, tenant};
use crate::support::wire::Answer;

const BATCH: &str = r#"{"requests":[{"custom_id":"c1","params":{"model":"claude-a","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}}]}"#;
const BATCHES: &str = "/v1/messages/batches";
const OTHER: &str = "kw_other00000000000000000000000000000000000000";

/// Two accounts per provider, with limits that only headers tell.
fn limited() -> Plan {
    let mut plan = Plan::new().and(&tenant("other", OTHER, ""));
    plan.world.accounts = KEYS
        .map(|(name, key)| Account::new(name, [key]).with(Limits::three(600, 60_000, 6_000)))
        .into();
    plan
}

async fn batches(stage: &Stage, method: &str, path: &str, key: &str) -> Answer {
    let mut request = Request::new(method, path)
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01");
    if method == "POST" {
        let request_body = request.header("content-type", "application/json");
        request = request_body.body(BATCH);
    }
    stage.ask(&request).await
}

async fn batch(stage: &Stage) -> String {
    let answer = batches(stage, "POST", BATCHES, CLIENT_KEY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// Waits until what has been learned so far is written down: all goes to the disk together.
async fn written_down(stage: &Stage) {
    let requests = |rows: &Value| rows[0]["requests"].as_u64().unwrap_or_default();
    let usage = "/usage?by=tenant&format=json";
    let before = requests(&stage.gateway.admin(usage).await.json());
    stage.serves(Api::Messages).await;
    let wait = async {
        while requests(&stage.gateway.admin(usage).await.json()) <= before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let written = tokio::time::timeout(PATIENCE, wait).await;
    written.expect("it is written down");
}

/// Ends the gateway by `signal`, changes its files, and starts it anew.
async fn again(stage: Stage, signal: &str, change: impl FnOnce(String) -> String) -> Stage {
    stage.gateway.signal(signal).await;
    let Stage { provider, gateway } = stage;
    let files = gateway.into_files().await;
    let policy = files.path().join("keys.toml");
    let text = std::fs::read_to_string(policy).expect("it is there");
    files.write("keys.toml", &change(text));
    let gateway = Program::start(files, None, None).await;
    Stage { provider, gateway }
}

/// The accounts of the group that models' answers are charged to, at Anthropic's side.
async fn accounts(stage: &Stage) -> Vec<Value> {
    let status = stage.gateway.status().await;
    let providers = status["providers"].as_array().expect("a list").clone();
    let claude = providers.into_iter().find(|it| it["id"] == "claude");
    let claude = claude.expect("it is there");
    let groups = claude["groups"].as_array().expect("a list");
    let group = groups.iter().find(|it| it["endpoint"] == "inference");
    group.map_or_else(Vec::new, |group| {
        group["accounts"].as_array().expect("a list").clone()
    })
}

fn limit(accounts: &[Value], id: &str) -> Option<f64> {
    let account = accounts.iter().find(|it| it["id"] == id)?;
    let buckets = account["buckets"].as_array()?;
    let bucket = buckets.iter().find(|it| it["dimension"] == "requests")?;
    bucket["limit_per_minute"].as_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_is_known_after_a_kill_and_after_an_end() {
    for signal in ["KILL", "TERM"] {
        let stage = limited().build().await;
        let made = batch(&stage).await;
        let (_, first_key) = KEYS[0];
        let refusal = FaultRule::from(Fault::RateLimited {
            retry_after_secs: Some(3_600),
        });
        stage
            .control()
            .fault(refusal.on_account("claude-one").on_path("/v1/messages"));
        // The second answers, whichever is asked first, and the first cools down.
        until_cools(&stage, "claude-one").await;
        if signal == "KILL" {
            written_down(&stage).await;
        }

        let stage = again(stage, signal, |policy| policy).await;
        stage.control().clear_faults();
        stage.control().clear_counters();

        let known = accounts(&stage).await;
        assert_eq!(limit(&known, "claude-two"), Some(600.0), "{known:?}");
        for _ in 0..20 {
            stage.serves(Api::Messages).await;
        }
        let asked = stage.control().counters().key(first_key).requests;
        assert_eq!(asked, 0, "it cools down for an hour");
        let found = batches(&stage, "GET", &format!("{BATCHES}/{made}"), CLIENT_KEY).await;
        assert_eq!(found.status, 200, "{}", found.text());
        let others = batches(&stage, "GET", &format!("{BATCHES}/{made}"), OTHER).await;
        assert_eq!(others.status, 404, "{}", others.text());
        assert_eq!(
            stage.control().counters().status(404),
            0,
            "nobody was asked in vain"
        );
        stage.is_quiet().await;
    }
}

/// Asks until `account` cools down.
async fn until_cools(stage: &Stage, account: &str) {
    let wait = async {
        loop {
            stage.serves(Api::Messages).await;
            let known = accounts(stage).await;
            let cools =
                |it: &Value| it["id"] == account && it["cooldown_secs"].as_f64() > Some(0.0);
            if known.iter().any(cools) {
                return;
            }
        }
    };
    let cools = tokio::time::timeout(PATIENCE, wait).await;
    cools.expect("it cools down");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_of_operators_outlive_a_kill_and_a_key_with_another_secret_is_another() {
    let stage = limited().build().await;
    let held = stage
        .gateway
        .ask_admin("POST", "/keys/claude-two-key/drain")
        .await;
    assert_eq!(held.status, 200, "{}", held.text());
    written_down(&stage).await;
    let stage = again(stage, "KILL", |policy| policy).await;
    stage
        .gateway
        .writes("restored learned limits from the ledger")
        .await;
    let state = |status: &Value| {
        let keys = status["providers"][0]["keys"]
            .as_array()
            .expect("a list")
            .clone();
        let key = keys.into_iter().find(|it| it["id"] == "claude-two-key");
        key.expect("it is there")["state"].clone()
    };
    assert_eq!(state(&stage.gateway.status().await), "held");
    let stage = again(stage, "TERM", |policy| {
        let another = "\"sk-ant-api03-Zt8wLq3RnYc5VbMx0HsJd7Ke\"";
        policy.replace("{ file = \"claude-two.key\" }", another)
    })
    .await;
    assert_eq!(state(&stage.gateway.status().await), "serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_has_no_more_is_dropped() {
    let stage = limited().build().await;
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(batch(&stage).await);
    }
    stage.serves(Api::Messages).await;
    let without = |policy: String| {
        let (before, rest) = policy
            .split_once("\n[[account]]\nid = \"claude-one\"")
            .expect("there");
        let (_, after) = rest.split_once("\n[[account]]").expect("another");
        format!("{before}\n[[account]]{after}")
    };
    let whole = std::fs::read_to_string(stage.gateway.files.path().join("keys.toml"));
    let whole = whole.expect("it is there");
    let stage = again(stage, "TERM", without).await;
    let known = accounts(&stage).await;
    assert_eq!(limit(&known, "claude-one"), None);
    // Dropped is dropped: it is not there again when the account is.
    let stage = again(stage, "TERM", |_| whole).await;
    let mut found = 0;
    for id in &made {
        let path = format!("{BATCHES}/{id}");
        let answer = batches(&stage, "GET", &path, CLIENT_KEY).await;
        found += usize::from(answer.status == 200);
    }
    assert!(found < made.len(), "{found} of those on both are found");
    assert_eq!(limit(&accounts(&stage).await, "claude-one"), None);
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_damaged_is_told_once_and_as_what_it_is() {
    let stage = Plan::new().build().await;
    written_down(&stage).await;
    stage.gateway.signal("TERM").await;
    let Stage { provider, gateway } = stage;
    let files = gateway.into_files().await;
    let ledger = files.path().join("keyweir.ledger");
    let file = std::fs::File::options().write(true).open(&ledger);
    // A page of it.
    file.and_then(|file| file.set_len(4_096)).expect("cut");
    let gateway = Program::start(files, None, None).await;
    let stage = Stage { provider, gateway };
    stage
        .gateway
        .writes("the ledger is damaged; it is set aside")
        .await;
    stage.is_unharmed().await;
    let said = stage.gateway.messages();
    assert!(!said.contains("a mistake in keyweir"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reserved_when_the_process_was_killed_is_told_and_what_it_had_settled_is_not() {
    let budget = "[[tenant.budget]]\nper = \"month\"\ntokens = 1_000_000\n";
    let told = "the gateway was killed while requests ran";
    let mut stage = Plan::new().and(budget).build().await;
    let slow = Api::Messages
        .request(true)
        .header("x-sim-chunk-interval-ms", "1000")
        .header("x-sim-output-tokens", "100000");
    let mut wire = stage.connect().await;
    wire.send(slow.bytes()).await;
    wire.head().await;

    stage = again(stage, "KILL", |text| text).await;

    let messages = stage.gateway.messages();
    let line = messages.lines().find(|line| line.contains(told));
    let line = line.unwrap_or_else(|| panic!("not told: {messages}"));
    assert!(line.contains("tenant tester|*|tokens per month"), "{line}");
    assert!(line.contains("\"tokens\":"), "{line}");
    // It is told once; and nothing is open where a process ends by itself.
    for signal in ["KILL", "TERM"] {
        stage = again(stage, signal, |text| text).await;
        assert!(!stage.gateway.messages().contains(told), "after {signal}");
    }
}
