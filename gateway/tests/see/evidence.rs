//! What an account carried, as a gateway tells it and as its ledger does.

use futures::future::join_all;
use serde_json::Value;
use simulated_provider::Limits;

use crate::support::api::Api;
use crate::support::program::{Ended, Files, Program, run};
use crate::support::stage::{Plan, Stage};
use crate::support::{PATIENCE, in_time};

/// Requests at once.
const CROWD: usize = 6;
const ACCOUNTS: [&str; 2] = ["claude-one", "claude-two"];

/// Accounts of few requests, whose provider says what is left.
fn narrow() -> Plan {
    let mut plan = Plan::new();
    for account in &mut plan.world.accounts {
        account.limits = vec![Limits::three(60, 1_000_000, 1_000_000)];
    }
    plan
}

/// What is told of `account`; `None`: nothing yet.
async fn told(stage: &Stage, account: &str) -> Option<Value> {
    let answer = stage
        .gateway
        .admin(&format!("/evidence?account={account}"))
        .await;
    match answer.status {
        200 => Some(answer.json()),
        404 => None,
        status => panic!("{status}: {}", answer.text()),
    }
}

/// The sum of a figure over all groups and dimensions.
fn sum(told: &Value, dimension: Option<&str>, figure: &str) -> f64 {
    let groups = told["groups"].as_array().expect("a list").iter();
    let sums = groups.flat_map(|group| group["dimensions"].as_object().expect("by dimension"));
    let sums = sums.filter(|(name, _)| dimension.is_none_or(|it| it == *name));
    sums.map(|(_, sum)| sum["total"][figure].as_f64().expect("a figure"))
        .sum()
}

/// Waits until both accounts together have that much; how much it is.
async fn until_told(
    stage: &Stage,
    what: &str,
    (dimension, figure): (Option<&str>, &str),
    least: f64,
) -> f64 {
    let wait = async {
        loop {
            let mut all = 0.0;
            for account in ACCOUNTS {
                let told = told(stage, account).await;
                all += told.map_or(0.0, |told| sum(&told, dimension, figure));
            }
            if all >= least {
                return all;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    in_time(what, wait).await
}

/// Asks without patience until it is refused; how often it was answered.
async fn spend(stage: &Stage) -> f64 {
    let mut answered = 0.0;
    loop {
        let request = Api::Messages
            .request(false)
            .header("x-keyweir-patience", "0");
        match stage.ask(&request).await.status {
            200 => answered += 1.0,
            429 => return answered,
            status => panic!("{status}"),
        }
        assert!(answered < 500.0, "the limit is never reached");
    }
}

async fn evidence(files: &Files, arguments: &[&str]) -> Ended {
    let all: Vec<&str> = ["evidence"].iter().chain(arguments).copied().collect();
    run(files, &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_carried_is_told_by_the_gateway_and_by_its_ledger_over_restarts() {
    let stage = narrow().build().await;
    let answered = spend(&stage).await;
    // Of a crowd that has patience some wait: a request a second is all that comes back.
    let request = Api::Messages.request(false);
    let crowd: [_; CROWD] = std::array::from_fn(|_| stage.ask(&request));
    for answer in join_all(crowd).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let requests = Some("requests");
    let all = answered + CROWD as f64;
    let used = until_told(&stage, "what was used", (requests, "used"), all).await;
    assert_eq!(used, all);
    let refused = until_told(&stage, "who was refused", (None, "refused"), 1.0).await;
    assert_eq!(refused, 1.0);
    let waited = until_told(&stage, "who waited", (None, "waited"), 1.0).await;
    assert!(waited <= CROWD as f64, "{waited}");
    let one = told(&stage, ACCOUNTS[0]).await.expect("it is used");
    assert_eq!(
        (&one["format"], &one["account"]),
        (&1.into(), &ACCOUNTS[0].into())
    );
    let group = &one["groups"][0];
    assert_eq!(group["busiest"]["dimension"], "requests", "{group}");
    assert_eq!(
        group["dimensions"]["requests"]["total"]["limit_per_minute"],
        60.0
    );

    // The gateway has the ledger open, and its policy says where it listens: port 0 is none.
    let admin = stage.gateway.admin.to_string();
    let files = &stage.gateway.files;
    let asked = evidence(files, &["--account", ACCOUNTS[0], "--admin", &admin]).await;
    assert_eq!(
        asked.stdout, "Written: evidence-claude-one.md, evidence-claude-one.svg\n",
        "{}",
        asked.stderr
    );
    let read = |name: &str| std::fs::read_to_string(files.path().join(name)).expect("written");
    let report = read("evidence-claude-one.md");
    for part in [
        "# What account claude-one carried",
        "Nearest to its limit: **requests**",
        "](evidence-claude-one.svg)",
        "| requests | 60 |",
        "too few to tell",
        "## With twice the limit",
        "less than 10 min say nothing of an hour",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let picture = read("evidence-claude-one.svg");
    assert!(
        picture.contains("requests · ") && picture.ends_with("</svg>\n"),
        "{picture}"
    );

    stage.gateway.signal("TERM").await;
    let Stage { provider, gateway } = stage;
    let files = gateway.into_files().await;
    let of_file = evidence(&files, &["--account", ACCOUNTS[0], "--json"]).await;
    let of_file: Value = serde_json::from_str(&of_file.stdout).expect("JSON");
    assert_eq!(sum(&of_file, requests, "used"), sum(&one, requests, "used"));

    let gateway = Program::start(files, None, None).await;
    let stage = Stage { provider, gateway };
    stage.serves(Api::Messages).await;
    let used = until_told(&stage, "both processes' use", (requests, "used"), all + 1.0).await;
    assert_eq!(used, all + 1.0);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn what_cannot_be_reported_is_told_with_what_to_do() {
    let stage = narrow().build().await;
    let admin = stage.gateway.admin.to_string();
    for (query, status, expected) in [
        ("", 400, "account: write the id of one"),
        (
            "?account=claude-one&since=63d",
            400,
            "further back than 62 days",
        ),
        (
            "?account=claude-one&day=1",
            400,
            "\"day\" is not a field of this",
        ),
        (
            "?account=claude-one",
            404,
            "nothing is kept of account \"claude-one\"",
        ),
        ("?account=claude-onne", 404, "did you mean \"claude-one\""),
    ] {
        let answer = stage.gateway.admin(&format!("/evidence{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(
            answer.text().contains(expected),
            "{query}: {}",
            answer.text()
        );
    }
    let files = &stage.gateway.files;
    let told = evidence(files, &["--account", "nobody-at-all", "--admin", &admin]).await;
    assert!(
        told.complaint()
            .contains("there is no account \"nobody-at-all\"")
    );
    for (arguments, expected) in [
        (
            &["--since", "yesterday"][..],
            "--since: \"yesterday\" is no day",
        ),
        (
            &["--since", "0000-00-00"],
            "--since: \"0000-00-00\" is no day",
        ),
        (&["--since", "-1d"], "--since: \"-1d\" is no day"),
        (&["--since", "9999-01-01"], "is yet to come"),
        (
            &["--state", "elsewhere"],
            "there is no ledger elsewhere/keyweir.ledger",
        ),
        // The policy says port 0, where nobody listens.
        (&[], "no answer from http://127.0.0.1:0/evidence"),
    ] {
        let all = [&["--account", "claude-one"], arguments].concat();
        let told = evidence(files, &all).await;
        assert!(
            told.complaint().contains(expected),
            "{arguments:?}: {}",
            told.stderr
        );
    }
    stage.gateway.signal("TERM").await;
    let files = tokio::time::timeout(PATIENCE, stage.gateway.into_files())
        .await
        .expect("it ends");
    let told = evidence(&files, &["--account", "claude-one"]).await;
    assert!(
        told.complaint()
            .contains("nothing is kept of account \"claude-one\"")
    );
    let told = evidence(&files, &["--account", "claude-onne"]).await;
    assert!(
        told.complaint().contains("did you mean \"claude-one\""),
        "{}",
        told.stderr
    );
    files.write("keyweir.ledger", "scribbles");
    let told = evidence(&files, &["--account", "claude-one"]).await;
    assert!(
        told.complaint().contains("cannot be used"),
        "{}",
        told.stderr
    );
    // Looked at, not set aside: that is for who serves.
    assert!(files.path().join("keyweir.ledger").exists());
}
