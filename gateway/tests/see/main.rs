//! What operators see and do: reasons, holds, explanations, the live page, logs, metrics.
//!
//! All tests drive the real program in a process of its own, with the tools of the edges' tests.

mod access;
mod access_log;
mod client_certificates;
mod commands;
mod evidence;
mod explain;
mod live;
mod operate;
mod schema;
mod status;
mod traces;

#[allow(dead_code, reason = "the edges' tests use the rest")]
#[path = "../edges/support/mod.rs"]
mod support;

use std::time::Duration;

use serde_json::Value;
use simulated_provider::Limits;

use self::support::PATIENCE;
use self::support::stage::{Plan, Stage};

/// Accounts whose provider says what is left.
fn limited() -> Plan {
    let mut plan = Plan::new();
    for account in &mut plan.world.accounts {
        account.limits = vec![Limits::three(600, 1_000_000, 1_000_000)];
    }
    plan
}

/// Waits until `/status` holds what `holds` looks for; that status.
async fn until_status(stage: &Stage, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let status = stage.gateway.status().await;
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("it never came: {what}"))
}

/// What `/status` says of a key.
fn key(status: &Value, id: &str) -> Value {
    one(status, "keys", id)
}

/// What `/status` says of an account.
fn account(status: &Value, id: &str) -> Value {
    one(status, "accounts", id)
}

fn one(status: &Value, what: &str, id: &str) -> Value {
    let providers = status["providers"].as_array().expect("a list").iter();
    let mut all = providers.flat_map(|it| it[what].as_array().expect("a list"));
    let found = all.find(|it| it["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {what}")).clone()
}
