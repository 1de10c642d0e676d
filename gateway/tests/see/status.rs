//! `/status` says why whatever is out is out.

use simulated_provider::{Fault, FaultRule};

use crate::support::api::Api;
use crate::support::stage::{KEYS, Plan};
use crate::{account, key, limited, schema, until_status};

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_key_says_why_since_when_and_when_it_is_probed() {
    let stage = Plan::new().build().await;
    let (name, secret) = KEYS[0];
    assert!(stage.control().remove_key(secret));
    let id = format!("{name}-key");
    let mut status = stage.gateway.status().await;
    for _ in 0..20 {
        stage.serves(Api::Messages).await;
        status = stage.gateway.status().await;
        if key(&status, &id)["state"] == "out" {
            break;
        }
    }
    let told = key(&status, &id);
    assert_eq!(told["state"], "out", "{told}");
    assert_eq!(told["why"]["reason"], "key_rejected");
    let text = told["why"]["text"].as_str().expect("text");
    assert!(text.contains("replace its secret"), "{text}");
    let (since, probe) = (&told["why"]["since"], &told["why"]["next_probe"]);
    let time = status["time"].as_f64().expect("a time");
    assert!(since.as_f64().expect("a time") <= time, "{told}");
    assert!(probe.as_f64().expect("a time") > time, "{told}");
    let events = status["events"].as_array().expect("a list");
    let event = events.iter().find(|event| event["key"] == *id);
    assert_eq!(
        event.expect("told")["text"],
        "the provider rejects this key"
    );
    assert!(!status.to_string().contains(secret));
    schema::holds(&status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_says_what_opened_it_and_for_which_group() {
    let stage = Plan::new().build().await;
    let (name, secret) = KEYS[0];
    stage
        .control()
        .fault(FaultRule::from(Fault::InternalError).on_key(secret));
    let id = format!("{name}-key");
    let mut told = key(&stage.gateway.status().await, &id);
    for _ in 0..60 {
        stage.serves(Api::Messages).await;
        let status = stage.gateway.status().await;
        told = key(&status, &id);
        if told["state"] == "out" {
            schema::holds(&status);
            break;
        }
    }
    assert_eq!(told["why"]["reason"], "broken", "{told}");
    assert!(
        told["why"]["group"]
            .as_str()
            .expect("a group")
            .starts_with("inference")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_says_until_when_and_who_named_it() {
    let stage = Plan::new().build().await;
    let (name, secret) = KEYS[0];
    let retry_after_secs = Some(30);
    let refused = Fault::RateLimited { retry_after_secs };
    stage
        .control()
        .fault(FaultRule::from(refused).on_key(secret));
    let cooling = |status: &serde_json::Value| {
        let groups = status["providers"][0]["groups"].as_array().expect("a list");
        let mut accounts = groups
            .iter()
            .flat_map(|it| it["accounts"].as_array().expect("a list"));
        accounts
            .find(|it| it["id"] == name && !it["cooldown"].is_null())
            .map(|it| it["cooldown"].clone())
    };
    let mut cooldown = None;
    for _ in 0..20 {
        stage.serves(Api::Messages).await;
        let status = stage.gateway.status().await;
        cooldown = cooling(&status);
        if cooldown.is_some() {
            schema::holds(&status);
            break;
        }
    }
    assert_eq!(cooldown.expect("it cools down")["from"], "provider");
    // The account itself is not out: only its budget is.
    assert_eq!(
        account(&stage.gateway.status().await, name)["state"],
        "serving"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_shows_as_utilization() {
    let stage = limited().build().await;
    for _ in 0..5 {
        stage.serves(Api::Messages).await;
    }
    let status = until_status(&stage, "requests are spent and counted", |status| {
        let buckets = status["providers"][0]["groups"][0]["accounts"].as_array();
        let spent = buckets
            .into_iter()
            .flatten()
            .flat_map(|it| it["buckets"].as_array());
        let requests = spent.flatten().filter(|it| it["dimension"] == "requests");
        let sum: f64 = requests
            .filter_map(|it| it["spent_last_minute"].as_f64())
            .sum();
        // A request is counted once its client has the answer.
        sum > 4.5 && status["totals"]["requests"]["answered"] == 5
    })
    .await;
    assert_eq!(status["totals"]["attempts"]["good"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_tenants_limits_is_told() {
    let limits = "[[tenant.limit]]\nrequests_per_minute = 2\nconcurrency = 3\n";
    let stage = Plan::new().and(limits).build().await;
    stage.serves(Api::Messages).await;
    // What ran gives its place back just after its answer.
    let status = until_status(&stage, "nobody runs", |status| {
        let limits = status["limits"].as_array().expect("a list");
        limits
            .iter()
            .any(|it| it["on"] == "concurrency" && it["left"] == 3)
    })
    .await;
    let limits = status["limits"].as_array().expect("a list");
    assert_eq!(limits.len(), 2, "{limits:?}");
    let requests = limits
        .iter()
        .find(|it| it["on"] == "requests")
        .expect("told");
    assert_eq!(requests["owner"], "tester");
    assert_eq!(
        (&requests["max"], &requests["left"]),
        (&2.into(), &1.into())
    );
    schema::holds(&status);
}
