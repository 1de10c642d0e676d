//! Things that only one account knows: batches and files.

use http::Request;
use simulated_provider::Account;

use crate::house::{Answer, House, Plan, empty, http1};

fn many_accounts() -> Plan {
    let accounts = (0..6).map(|n| Account::new(&format!("a{n}"), [format!("sk-{n}").as_str()]));
    Plan::with(accounts.collect())
}

const BATCH: &str = r#"{"requests":[{"custom_id":"c1","params":{"model":"claude-a","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}}]}"#;

async fn create(house: &House) -> Answer {
    let client = http1();
    let answer = house
        .ask(&client, house.post("/v1/messages/batches", BATCH, &[]))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_go_to_the_account_that_made_the_batch() {
    let house = many_accounts().build().await;
    let client = http1();
    for _ in 0..6 {
        let batch = id(&create(&house).await);
        for _ in 0..3 {
            let path = format!("/v1/messages/batches/{batch}");
            let answer = house.ask(&client, house.get(&path)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.attempts(), 1);
        }
    }
    assert_eq!(house.control().counters().status(404), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_batch_is_sought_and_then_remembered() {
    let maker = many_accounts().build().await;
    let batch = id(&create(&maker).await);
    // Another gateway before the same provider, which never saw it made.
    let gateway = crate::house::serve_before(maker.provider.base_url(), &many_accounts()).await;
    let other = House {
        provider: maker.provider,
        gateway,
    };
    let client = http1();
    let path = format!("/v1/messages/batches/{batch}");

    let first = other.ask(&client, other.get(&path)).await;
    let sought = other.control().counters().status(404);
    let second = other.ask(&client, other.get(&path)).await;

    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.attempts(), u32::try_from(sought).expect("few") + 1);
    assert_eq!((second.status, second.attempts()), (200, 1));
    assert_eq!(other.control().counters().status(404), sought);

    let nowhere = other
        .ask(&client, other.get("/v1/messages/batches/msgbatch_none"))
        .await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(nowhere.error_type(), "not_found_error");
    assert_eq!(nowhere.attempts(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_fetched_through_the_gateway() {
    for prefix in ["", "/sim"] {
        let house = many_accounts().build().await;
        let client = http1();
        let path = format!("{prefix}/v1/messages/batches");
        let made = house.ask(&client, house.post(&path, BATCH, &[])).await;
        let batch = house
            .ask(&client, house.get(&format!("{path}/{}", id(&made))))
            .await;

        let url = batch.json()["results_url"]
            .as_str()
            .expect("it has ended")
            .to_owned();

        assert!(url.starts_with(&house.url(prefix)), "{url}");
        assert_eq!(batch.header("content-length"), batch.body.len().to_string());
        let request = Request::get(&url)
            .header("anthropic-version", "2023-06-01")
            .body(empty())
            .expect("valid");
        let results = house.ask(&client, request).await;
        assert_eq!(results.status, 200, "{}", results.body);
        assert!(results.body.contains("\"c1\""), "{}", results.body);
    }
}
