//! A large policy: how long a reload of it takes, and what running traffic feels of that.
//!
//! Measured by hand, since it means nothing without optimization or beside other work:
//! `cargo test --release -p keyweir --test reload large -- --ignored --nocapture`.

use std::fmt::Write as _;
use std::time::Duration;

use simulated_provider::Account;

use crate::house::{Crowd, House};
use crate::support::stage::{Plan, tenant};

const ACCOUNTS: usize = 999;
const KEYS_EACH: usize = 10;
const TENANTS: usize = 1_000;

/// How long a reload may take.
const RELOAD_MAX: Duration = Duration::from_millis(200);

const RELOADS: usize = 20;

fn plan(in_files: bool) -> (Plan, String) {
    let mut plan = Plan::new();
    let mut tables = String::new();
    for account in 0..ACCOUNTS {
        let name = format!("claude-{account}");
        let key = |number| format!("sk-ant-api03-Large{account:04}x{number:02}Qx7vJ2mWcR9tYb4");
        let keys: Vec<String> = (0..KEYS_EACH).map(key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let _ = write!(
            tables,
            "\n[[account]]\nid = \"{name}\"\nprovider = \"claude\"\n"
        );
        for (number, key) in keys.iter().enumerate() {
            let secret = match in_files {
                true => {
                    let file = format!("{name}-{number}.key");
                    plan = plan.file(&file, key);
                    format!("{{ file = \"{file}\" }}")
                }
                false => format!("\"{key}\""),
            };
            let _ = write!(
                tables,
                "[[account.key]]\nid = \"{name}-{number}\"\nsecret = {secret}\n"
            );
        }
        plan.world.accounts.push(Account::new(&name, keys));
    }
    for number in 0..TENANTS {
        tables += &tenant(&format!("t{number}"), &format!("kw_{number}"), "");
    }
    (plan, tables)
}

fn percentile(took: &[Duration], share: f64) -> Duration {
    took[((took.len() - 1) as f64 * share) as usize]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measured by hand"]
async fn a_large_policy_is_reloaded_fast_and_traffic_does_not_feel_it() {
    is_reloaded_fast(false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measured by hand"]
async fn a_large_policy_with_secrets_in_files_is_reloaded_fast_and_traffic_does_not_feel_it() {
    is_reloaded_fast(true).await;
}

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
async fn is_reloaded_fast(in_files: bool) {
    let (plan, tables) = plan(in_files);
    let house = House::build(plan.and(&tables)).await;
    let base = house.policy();
    let quiet = Crowd::start(&house, 4);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let quiet = quiet.all_served().await;

    let crowd = Crowd::start(&house, 4);
    for number in 0..RELOADS {
        let more = tenant("more", &format!("kw_more_{number}"), "");
        let changes = house.follow(&(base.clone() + &more)).await;
        assert!(!changes.is_empty());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let crowd = crowd.all_served().await;

    let took = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let text = line["took"].as_str()?;
        // As `Duration` shows itself.
        let (number, unit) = match text.strip_suffix("ms") {
            Some(number) => (number, 1e-3),
            None => (text.strip_suffix('s')?, 1.0),
        };
        Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * unit))
    };
    let messages = house.gateway().messages();
    let mut reloads: Vec<Duration> = messages.lines().filter_map(took).collect();
    reloads.sort_unstable();
    println!(
        "{} reloads: median {:?}, slowest {:?}",
        reloads.len(),
        percentile(&reloads, 0.5),
        percentile(&reloads, 1.0)
    );
    for (name, took) in [("without", &quiet), ("during", &crowd)] {
        println!(
            "{name} reloads: {} answers, median {:?}, p99 {:?}, slowest {:?}",
            took.len(),
            percentile(took, 0.5),
            percentile(took, 0.99),
            percentile(took, 1.0)
        );
    }
    assert!(percentile(&reloads, 0.5) < RELOAD_MAX);
    house.stage.is_unharmed().await;
}
