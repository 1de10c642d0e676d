//! What a request's next choice does for it.

use simulated_provider::{Account, Fault, FaultRule, Provider, World};

use crate::house::{Plan, http1};

const OTHER_MODEL: &str = "
[[fallback]]
models = [\"claude-a\"]
steps = [{ model = \"claude-b\" }]
";

#[tokio::test]
async fn a_spent_model_is_replaced_by_its_fallback() {
    let mut plan = Plan::new().set("[waiting]\npatience = \"0s\"");
    plan.more = OTHER_MODEL.to_owned();
    let house = plan.build().await;
    let refused = Fault::RateLimited {
        retry_after_secs: Some(60),
    };
    house
        .control()
        .fault(FaultRule::from(refused).on_model("claude-a"));

    let answer = house.ask(&http1(), house.message(&[])).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("x-keyweir-served-by"), "sim/claude-b");
    assert_eq!(answer.json()["model"], "claude-b");
    let sent = house.control().last_request().expect("something was sent");
    assert!(sent.body.contains(r#""model":"claude-b","max_tokens":16"#));
    assert_eq!(
        sent.header("content-length"),
        Some(sent.body_len.to_string().as_str())
    );
}

#[tokio::test]
async fn a_first_choice_that_serves_is_not_replaced() {
    let mut plan = Plan::new();
    plan.more = OTHER_MODEL.to_owned();
    let house = plan.build().await;

    let answer = house.ask(&http1(), house.message(&[])).await;

    assert_eq!(answer.json()["model"], "claude-a");
    assert_eq!(answer.header("x-keyweir-served-by"), "");
}

#[tokio::test]
async fn another_provider_serves_while_the_first_is_broken() {
    let spare = Provider::start(World::new(vec![Account::new("spare", ["sk-spare"])]))
        .await
        .expect("the provider starts");
    let mut plan = Plan::new().set("[waiting]\npatience = \"0s\"");
    plan.more = format!(
        "
[[provider]]
id = \"spare\"
dialect = \"anthropic\"
base_url = \"{}\"
[[account]]
id = \"spare\"
provider = \"spare\"
[[account.key]]
id = \"spare-1\"
secret = \"sk-spare\"
[[fallback]]
models = [\"*\"]
steps = [{{ provider = \"spare\" }}]
",
        spare.base_url()
    );
    let house = plan.build().await;
    house.control().fault(FaultRule::from(Fault::InternalError));

    let answer = house.ask(&http1(), house.message(&[])).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("x-keyweir-served-by"), "spare/claude-a");
    let streamed = house.ask(&http1(), house.stream(&[])).await;
    assert!(streamed.body.contains("message_stop"), "{}", streamed.body);
}

#[tokio::test]
async fn a_request_that_is_wrong_is_wrong_everywhere() {
    let mut plan = Plan::new();
    plan.more = OTHER_MODEL.to_owned();
    let house = plan.build().await;
    let request = house.post("/v1/messages", r#"{"model":"claude-a","messages":[]}"#, &[]);

    let answer = house.ask(&http1(), request).await;

    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("x-keyweir-served-by"), "");
}
