//! What tenants may use and spend: held to, told, counted, and kept over restarts.

mod budgets;
mod gateways;
mod ledger;
mod limits;

use std::time::Duration;

use serde_json::{Value, json};
use simulated_provider::{Fault, Moment};

use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::program::{Files, Program, run};
use crate::support::stage::{Plan, Stage, tenant};
use crate::support::wire::{Answer, Wire};
use crate::support::{in_time, until};

const FREE: &str = "kw_free000000000000000000000000000000000000000";
const PEER: &str = "kw_peer000000000000000000000000000000000000000";

/// The tests' tenant with these tables.
fn bounded(tables: &str) -> Plan {
    Plan::new()
        .open()
        .and(&tenant("tester", CLIENT_KEY, tables))
        .and(&tenant("free", FREE, ""))
}

fn impatient(api: Api) -> Request {
    api.request(false).header("x-keyweir-patience", "0")
}

fn with_key(api: Api, key: &str) -> Request {
    let (name, value) = api.credential(key);
    impatient(api).without(name).header(name, &value)
}

async fn metric(stage: &Stage, line: &str) -> bool {
    let text = stage.gateway.admin("/metrics").await.text();
    text.lines().any(|it| it == line)
}

const PRICE: &str = "\n[[price]]\nmodels = [\"claude-a\", \"gpt-a\"]\ninput = 1\noutput = 1\n";

/// Tokens that one of the tests' requests takes, as the provider counts them.
async fn tokens_of_one(stage: &Stage) -> u64 {
    let answer = stage.ask(&with_key(Api::Messages, FREE)).await;
    let usage = answer.json()["usage"].clone();
    let count = |name: &str| usage[name].as_u64().expect("a count");
    count("input_tokens") + count("output_tokens")
}

fn budget(tokens: u64) -> String {
    format!("[[tenant.budget]]\nper = \"month\"\ntokens = {tokens}\n")
}

async fn written_down(stage: &Stage, spent: u64) {
    let query = "/usage?by=tenant&format=json";
    for _ in 0..2_000 {
        let rows = stage.gateway.admin(query).await.json();
        let rows = rows.as_array().cloned().unwrap_or_default();
        let is_tester = |row: &&Value| row["tenant"] == "tester";
        let row = rows.iter().find(is_tester).cloned().unwrap_or_default();
        if row["requests"] == json!(spent) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not written down");
}
