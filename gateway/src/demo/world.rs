//! The world of the demonstration: five accounts of different sizes with eight keys, at a provider
//! that meters strictly, and the policy file that a user would write for them.
//!
//! The policy names no limits: the gateway learns them from the provider's answers.

use std::fmt::Write;
use std::time::SystemTime;

use keyweir_policy::config::file;
use keyweir_policy::config::file::Policy;
use simulated_provider::{Account, Latency, Limits, ModelGroup, World};

/// An account: its name, its keys, and its size in units.
struct Spec {
    name: &'static str,
    keys: &'static [&'static str],
    size: u64,
}

const ACCOUNTS: [Spec; 5] = [
    Spec {
        name: "large",
        keys: &["large-a", "large-b", "large-c"],
        size: 10,
    },
    Spec {
        name: "medium",
        keys: &["medium-a", "medium-b"],
        size: 5,
    },
    Spec {
        name: "small",
        keys: &["small-a"],
        size: 3,
    },
    Spec {
        name: "mini",
        keys: &["mini-a"],
        size: 2,
    },
    Spec {
        name: "tiny",
        keys: &["tiny-a"],
        size: 1,
    },
];

/// What one unit of size is worth in a minute.
const UNIT: PerMinute = PerMinute {
    requests: 120,
    input_tokens: 60_000,
    output_tokens: 24_000,
};

struct PerMinute {
    requests: u64,
    input_tokens: u64,
    output_tokens: u64,
}

/// How many seconds of refill a bucket saves up: little, so that bars move.
const BURST_SECS: f64 = 5.0;

/// A quick model's pace: nobody wants to watch a slow one.
const TOKENS_PER_SEC: f64 = 150.0;

/// Requests kept between two looks, to find those that are not the demonstration's own.
const REQUESTS_KEPT: usize = 256;

/// What all accounts together refill by in a second: requests, input tokens, output tokens.
pub(super) fn capacity_per_sec() -> [f64; 3] {
    let size: u64 = ACCOUNTS.iter().map(|account| account.size).sum();
    [UNIT.requests, UNIT.input_tokens, UNIT.output_tokens]
        .map(|per_minute| (per_minute * size) as f64 / 60.0)
}

/// The provider's world.
pub(super) fn world(seed: u64) -> World {
    let accounts = ACCOUNTS.iter().map(|spec| {
        let secrets: Vec<String> = spec.keys.iter().map(|key| secret(key)).collect();
        let limits = Limits::three(
            UNIT.requests * spec.size,
            UNIT.input_tokens * spec.size,
            UNIT.output_tokens * spec.size,
        );
        Account::new(spec.name, secrets.iter().map(String::as_str)).with(limits.burst(BURST_SECS))
    });
    World {
        seed,
        // Whatever model a visitor names, it shares the budgets that are shown.
        model_groups: vec![ModelGroup {
            id: GROUP.to_owned(),
            models: vec!["*".to_owned()],
        }],
        latency: Latency {
            tokens_per_sec: TOKENS_PER_SEC,
            ..Latency::lifelike()
        },
        record_requests: REQUESTS_KEPT,
        ..World::new(accounts.collect())
    }
}

const GROUP: &str = "all-models";

/// The secret of a key, as the provider knows it.
pub(super) fn secret(key: &str) -> String {
    format!("sk-{key}")
}

/// The key of a secret.
pub(super) fn key_of(secret: &str) -> &str {
    secret.strip_prefix("sk-").unwrap_or(secret)
}

/// The policy of a gateway before a provider at `base_url`, listening on `port`.
pub(super) fn policy(base_url: &str, port: u16) -> Policy {
    let text = policy_file(base_url, port);
    let files = [("demo.toml", text.as_str())];
    let (policy, _) =
        file::parse(&files, SystemTime::now()).expect("the demonstration's policy is valid");
    policy
}

fn policy_file(base_url: &str, port: u16) -> String {
    let mut text = format!(
        "[gateway]\nlisten = [\"127.0.0.1:{port}\"]\nadmin = \"127.0.0.1:0\"\n\n\
         [[provider]]\nid = \"simulated\"\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n\n\
         [[provider.model_group]]\nid = \"{GROUP}\"\nmodels = [\"*\"]\n"
    );
    for account in &ACCOUNTS {
        let name = account.name;
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "\n[[account]]\nid = \"{name}\"\nprovider = \"simulated\"\n"
        );
        for key in account.keys {
            let secret = secret(key);
            let _ = write!(
                text,
                "[[account.key]]\nid = \"{key}\"\nsecret = \"{secret}\"\n"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_names_every_key_of_the_world() {
        let world = world(1);
        let policy = policy("http://127.0.0.1:1", 0);

        let of_world: Vec<&str> = world
            .accounts
            .iter()
            .flat_map(|account| account.keys.iter().map(|secret| key_of(secret)))
            .collect();
        let of_policy: Vec<&str> = policy
            .providers
            .values()
            .flat_map(|provider| provider.keys.values().map(|key| key.id.as_str()))
            .collect();
        assert_eq!(of_world, of_policy);
        assert!(policy.gateway.listen.iter().all(|it| it.ip().is_loopback()));
    }
}
