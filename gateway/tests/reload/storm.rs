//! Reloads without end under load: nobody is refused, and nothing is left behind.

use std::time::Duration;

use simulated_provider::Account;

use crate::house::{Crowd, House};
use crate::support::stage::{Plan, tenant};

const EXTRA: [(&str, [&str; 2]); 3] = [
    (
        "claude-x",
        [
            "sk-ant-api03-Xa1bQ2wE3rT4yU5iO6pA7s",
            "sk-ant-api03-Xb2cQ2wE3rT4yU5iO6pA7s",
        ],
    ),
    (
        "claude-y",
        [
            "sk-ant-api03-Ya1bQ2wE3rT4yU5iO6pA7s",
            "sk-ant-api03-Yb2cQ2wE3rT4yU5iO6pA7s",
        ],
    ),
    (
        "gpt-z",
        [
            "sk-proj-Za1bQ2wE3rT4yU5iO6pA7sD8",
            "sk-proj-Zb2cQ2wE3rT4yU5iO6pA7sD8",
        ],
    ),
];

fn plan() -> Plan {
    let mut plan = Plan::new();
    let accounts = EXTRA.map(|(name, keys)| Account::new(name, keys));
    plan.world.accounts.extend(accounts);
    plan
}

/// A policy that `base` is part of, with other accounts, limits, secrets, tenants and settings as
/// chance will have it.
fn any_policy(base: &str, random: &mut fastrand::Rng) -> String {
    let mut text = format!(
        "[waiting]\npatience = \"{}s\"\n[gateway.timeouts]\nconnect = \"{}s\"\n{base}",
        random.u32(20..40),
        random.u32(5..8)
    );
    if random.bool() {
        text = text.replace("http = \"1.1\"", "http = \"auto\"");
    }
    for (name, keys) in EXTRA {
        if random.bool() {
            continue;
        }
        let provider = name.split('-').next().unwrap_or_default();
        text += &format!("\n[[account]]\nid = \"{name}\"\nprovider = \"{provider}\"\n");
        // One of two secrets under one name, or each under its own.
        for (number, key) in keys.iter().enumerate().skip(random.usize(0..2)) {
            let label = if random.bool() { number } else { 7 + number };
            text += &format!("[[account.key]]\nid = \"{name}-{label}\"\nsecret = \"{key}\"\n");
        }
        if random.bool() {
            let limit = random.u32(100_000..1_000_000);
            text += &format!("[[account.limit]]\nrequests_per_minute = {limit}\n");
        }
    }
    for number in 0..random.usize(0..20) {
        let weight = format!("weight = {}", random.u32(1..10));
        text += &tenant(&format!("t{number}"), &format!("kw_{number}"), &weight);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_random_reloads_fail_no_request() {
    storm(200).await;
}

/// `cargo test --release -p keyweir --test reload thousand -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_thousand_random_reloads_fail_no_request_and_memory_stays() {
    let memory = storm(1_000).await;
    let (early, late) = (memory[199], memory[999]);
    println!("resident: {early} KiB after 200 reloads, {late} KiB after 1,000");
    // What the allocator keeps wavers; what leaks grows fivefold.
    assert!(late < early + early / 4, "{early} KiB, {late} KiB");
}

/// So many reloads under load; the gateway's resident memory after each, in KiB.
#[expect(clippy::print_stdout, reason = "whoever repeats a run needs its seed")]
async fn storm(reloads: usize) -> Vec<u64> {
    let seed = std::env::var("KEYWEIR_SEED").ok();
    let seed = seed.map_or(20_261_126, |seed| seed.parse().expect("a number"));
    println!("KEYWEIR_SEED={seed}");
    let house = House::build(plan()).await;
    let base = house.policy();
    let mut random = fastrand::Rng::with_seed(seed);
    let crowd = Crowd::start(&house, 8);
    crowd.goes_on(20).await;
    let (mut changed, mut memory) = (0, Vec::new());
    for _ in 0..reloads {
        let policy = any_policy(&base, &mut random);
        changed += usize::from(!house.follow(&policy).await.is_empty());
        crowd.goes_on(1).await;
        memory.push(house.gateway().resident_kib());
    }
    assert!(changed > reloads * 3 / 4, "{changed}");
    let served = crowd.all_served().await;
    println!("{reloads} reloads, {} answers", served.len());
    house.follow(&base).await;
    // No lease lost: nothing runs any more, says the pool, and the provider.
    house.stage.is_unharmed().await;
    assert!(!house.gateway().written().contains("please report"));
    memory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_every_ten_milliseconds_disturbs_nobody() {
    let house = House::build(plan()).await;
    let base = house.policy();
    let crowd = Crowd::start(&house, 8);
    let mut every = tokio::time::interval(Duration::from_millis(10));
    for number in 0..100 {
        every.tick().await;
        // Some are followed by the watch, some by a signal.
        house.write(&(base.clone() + &tenant(&format!("t{}", number % 7), "kw_t", "")));
        if number % 3 == 0 {
            house.gateway().signal("HUP").await;
        }
    }
    let last = format!("tenant t{}: added", 99 % 7);
    house.gateway().writes(&last).await;
    crowd.goes_on(20).await;
    crowd.all_served().await;
    house.stage.is_unharmed().await;
}
