//! Requests of one conversation go to one account, whose prompt cache they find warm.

use crate::house::{House, Plan, http1};

/// How many of the provider's two keys serve requests with `headers` of each of `names` in turn.
async fn keys_used(house: &House, header: &str, names: &[&str]) -> usize {
    let client = http1();
    for name in names {
        let answer = house.ask(&client, house.message(&[(header, name)])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let counters = house.control().counters();
    counters
        .keys
        .values()
        .filter(|key| key.requests > 0)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_client_names_stays_where_it_is() {
    for header in [
        "x-keyweir-session",
        "x-claude-code-session-id",
        "session_id",
    ] {
        let house = Plan::new().build().await;
        assert_eq!(keys_used(&house, header, &["one"; 20]).await, 1, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_prompts_without_a_session_go_anywhere_however_alike_they_are() {
    let house = Plan::new().build().await;
    assert_eq!(keys_used(&house, "x-other", &["one"; 40]).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_prompt_stays_where_it_was_first_answered() {
    let house = Plan::new().build().await;
    let client = http1();
    for turn in 0..20 {
        let body = format!(
            r#"{{"model":"m","max_tokens":4,"system":"{}","messages":[
            {{"role":"user","content":"hello"}},{{"role":"assistant","content":"turn {turn}"}},
            {{"role":"user","content":"go on"}}]}}"#,
            "All about mills. ".repeat(200)
        );
        let answer = house
            .ask(&client, house.post("/v1/messages", &body, &[]))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let counters = house.control().counters();
    let used = counters.keys.values().filter(|key| key.requests > 0);
    assert_eq!(used.count(), 1);
}
