//! Why a request would get the key it would get, and why one got the key it got.

use serde_json::Value;
use simulated_provider::{Fault, FaultRule};

use crate::support::api::Api;
use crate::support::program::{Files, run};
use crate::support::stage::{Plan, Stage};
use crate::support::until;
use crate::support::wire::Answer;
use crate::until_status;

#[tokio::test(flavor = "multi_thread")]
async fn every_candidate_is_told_with_its_reason_and_nothing_is_changed() {
    let stage = Plan::new().build().await;
    stage.serves(Api::Messages).await;
    stage
        .gateway
        .ask_admin("POST", "/accounts/claude-one/drain")
        .await;
    let before = until_status(&stage, "it is counted", |status| {
        status["totals"]["requests"]["answered"] == 1
    })
    .await;

    let path = "/explain?model=claude-a&input_tokens=1200&output_tokens=100&tenant=tester";
    let answer = stage.gateway.admin(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let explained = answer.json();
    let provider = &explained["providers"][0];
    assert_eq!(provider["provider"], "claude");
    assert_eq!(provider["chosen"]["account"], "claude-two", "{explained}");
    assert_eq!(provider["fits_in_secs"], 0.0);
    assert!(
        provider["needed"]["input_tokens"].as_f64() >= Some(1200.0),
        "{explained}"
    );
    let accounts = provider["accounts"].as_array().expect("a list");
    let account = |id: &str| accounts.iter().find(|it| it["id"] == id).expect("told");
    assert_eq!(account("claude-one")["out"]["reason"], "held");
    assert_eq!(account("claude-two")["out"], Value::Null);
    assert_eq!(provider["accounts_by_reason"]["held"], 1);

    // Of a model that nobody has asked for nothing is left either.
    for _ in 0..3 {
        let answer = stage
            .gateway
            .admin("/explain?model=claude-never-asked-for")
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let after = stage.gateway.status().await;
    let groups = |status: &Value| status["providers"][0]["groups"].as_array().map(Vec::len);
    assert_eq!(groups(&before), groups(&after));
    assert_eq!(before["totals"], after["totals"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_explained_as_what_it_stands_for() {
    let aliases = "[[alias]]\nname = \"fast\"\nmodel = \"claude-a\"\ndialect = \"anthropic\"\n\
                   [[alias]]\nname = \"fast\"\nmodel = \"gpt-a\"\ndialect = \"openai\"\n\
                   [[alias]]\nname = \"there\"\nmodel = \"gpt-b\"\nprovider = \"gpt\"\n";
    let stage = Plan::new().and(aliases).build().await;
    let models = async |query: &str| {
        let answer = stage.gateway.admin(&format!("/explain?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let explained = answer.json();
        let providers = explained["providers"].as_array().expect("a list").clone();
        let models = providers
            .iter()
            .map(|it| it["model"].as_str().expect("a name").to_owned());
        models.collect::<Vec<_>>()
    };
    assert_eq!(
        models("model=fast&tenant=tester").await,
        ["claude-a", "gpt-a"]
    );
    assert_eq!(models("model=fast&provider=gpt").await, ["gpt-a"]);
    assert_eq!(models("model=claude-a&provider=claude").await, ["claude-a"]);
    let there = models("model=there").await;
    assert!(there.contains(&"gpt-b".to_owned()), "{there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_take_the_model_is_no_candidate() {
    let own = "[[provider]]\nid = \"own\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9\"\n\
               models = [\"own-*\"]\n[[account]]\nid = \"own-one\"\nprovider = \"own\"\n\
               [[account.key]]\nid = \"own-one-key\"\nsecret = \"no-key\"\n";
    let stage = Plan::new().and(own).build().await;
    let providers = async |query: &str| {
        let answer = stage.gateway.admin(&format!("/explain?{query}")).await;
        let told = answer.json();
        let providers = told["providers"].as_array().expect("a list").iter();
        let named = providers.map(|it| it["provider"].as_str().expect("a name").to_owned());
        named.collect::<Vec<_>>()
    };
    assert_eq!(providers("model=gpt-a").await, ["claude", "gpt"]);
    assert_eq!(providers("model=own-1").await, ["claude", "gpt", "own"]);
    let refused = stage
        .gateway
        .admin("/explain?model=gpt-a&provider=own")
        .await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_wrong_is_told_what_is_right() {
    let stage = Plan::new().build().await;
    for (query, part) in [
        ("", "model is missing"),
        ("?modle=claude-a", "\"modle\" is not a field of this"),
        (
            "?model=claude-a&tenant=nobody",
            "no tenant has the id \"nobody\"",
        ),
        ("?model=claude-a&provider=x", "no provider has the id \"x\""),
        ("?model=claude-a&input_tokens=-1", "write a whole number"),
        ("?model=claude-a&model=b", "comes twice"),
        ("?model=%zz", "is not percent-encoded text"),
    ] {
        let answer = stage.gateway.admin(&format!("/explain{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(part), "{query}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_is_told_with_its_account_its_model_and_what_it_is_for() {
    let steps = "fallbacks = [{ provider = \"claude\", account = \"claude-two\" }, \
                 { model = \"claude-b\", on = [\"context_length\"] }]\n";
    let stage = Plan::new().and(steps).build().await;
    let path = "/explain?model=claude-a&tenant=tester&provider=claude";
    let explained = stage.gateway.admin(path).await.json();
    assert_eq!(
        explained["providers"][0]["fallbacks"],
        serde_json::json!([
            { "provider": "claude", "account": "claude-two", "model": "claude-a", "on": ["unavailable"] },
            { "provider": "claude", "account": null, "model": "claude-b", "on": ["context_length"] },
        ])
    );
    let admin = stage.gateway.admin.to_string();
    let asked = [
        "explain", "claude-a", "--tenant", "tester", "--admin", &admin,
    ];
    let ended = run(&Files::new(""), &asked).await;
    for line in [
        "falls back to provider claude, account claude-two, model claude-a (on unavailable)",
        "falls back to provider claude, model claude-b (on context_length)",
    ] {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_are_told_so_and_nothing_unseen_is_shown() {
    let stage = Plan::new().build().await;
    let long = "a".repeat(600);
    for (query, part) in [
        ("model=", "model is missing"),
        ("model=%20", "is no name that a request may ask for"),
        ("model=a%00b", "is no name that a request may ask for"),
        ("model=a%0Ab", "is no name that a request may ask for"),
        ("model=%1B%5B2J", "is no name that a request may ask for"),
        (
            &format!("model={long}"),
            "is no name that a request may ask for",
        ),
        ("model=claude-a&tenant=%00", "no tenant has the id \"\\0\""),
        (
            "model=claude-a&tenant=%E2%80%AE",
            "no tenant has the id \"\\u{202e}\"",
        ),
        (
            "model=claude-a&provider=%0A",
            "no provider has the id \"\\n\"",
        ),
    ] {
        let answer = stage.gateway.admin(&format!("/explain?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let told = answer.text();
        assert!(told.contains(part), "{query}: {told}");
        assert!(told.len() < 400 && is_seen(&told), "{query}: {told:?}");
    }
    // Providers may have models of any letters: nothing of this name is left out, and all of it is seen.
    let answer = stage
        .gateway
        .admin("/explain?model=claude-%E2%80%AEa%E2%80%8B")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(is_seen(&answer.text()), "{:?}", answer.text());
    assert_eq!(answer.json()["model"], "claude-\u{202e}a\u{200b}");
    for id in ["kw_%00", "%E2%80%AEkw", &long] {
        let answer = stage.gateway.admin(&format!("/explain/{id}")).await;
        assert_eq!(answer.status, 404, "{id}");
        let told = answer.text();
        assert!(told.len() < 400 && is_seen(&told), "{id}: {told:?}");
    }
}

/// Whether it has no character that shows nothing or turns others around, of those that are tried here.
fn is_seen(text: &str) -> bool {
    let is_unseen = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{200b}' | '\u{202e}'));
    !text.contains(is_unseen)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_for_a_limit_of_its_tenant_is_told_so() {
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60\n";
    let stage = Plan::new().and(limit).build().await;
    let mut waited = 0;
    // A minute's worth is there at once; who comes after it waits for a part of a second.
    for answer in at_once(&stage, 64).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.header("x-keyweir-request-id").to_owned();
        let explained = stage.gateway.explained(&id).await;
        let millis = |name: &str| explained[name].as_u64().expect("milliseconds");
        if millis("limit_waited_ms") > 0 {
            waited += 1;
            let limit = "the limit of 60 requests per minute of tenant tester";
            assert_eq!(explained["limit_waited_for"], limit, "{explained}");
            let header: u64 = answer.header("x-keyweir-waited-ms").parse().expect("told");
            let all = millis("limit_waited_ms") + millis("waited_ms");
            // Each is cut to whole milliseconds.
            assert!((all..=all + 1).contains(&header), "{header}: {explained}");
        }
    }
    assert!(waited > 0, "somebody waited");
    until("all of them are logged", || {
        let lines = stage.gateway.access_log();
        let told = lines.iter();
        told.filter(|it| it["limit_waited_ms"].as_u64() > Some(0))
            .count()
            == waited
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_failed_over_tells_each_attempt() {
    let stage = Plan::new().build().await;
    stage
        .control()
        .fault(FaultRule::from(Fault::InternalError).times(1));
    let answer = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(
        (answer.status, answer.attempts()),
        (200, 2),
        "{}",
        answer.text()
    );
    let id = answer.header("x-keyweir-request-id").to_owned();
    let explained = stage.gateway.explained(&id).await;
    assert_eq!(explained["request_id"], *id);
    assert_eq!(explained["tenant"], "tester");
    assert_eq!(explained["model"], "claude-a");
    assert_eq!(explained["attempts_in_all"], answer.attempts());
    let attempts = explained["attempts"].as_array().expect("a list");
    assert_eq!(attempts.len() as u32, answer.attempts());
    assert_eq!(attempts[0]["fault"], "broken");
    let last = attempts.last().expect("one at least");
    assert_eq!(last["chosen_by"], "headroom", "{explained}");
    assert!(last["key"].as_str().expect("a name").starts_with("claude-"));
    assert!(last["took_ms"].is_u64(), "{explained}");

    stage
        .control()
        .fault(FaultRule::from(Fault::Revoked).times(1));
    let answer = stage.ask(&Api::Messages.request(false)).await;
    let id = answer.header("x-keyweir-request-id").to_owned();
    let explained = stage.gateway.explained(&id).await;
    let attempts = explained["attempts"].as_array().expect("a list");
    // One word takes out who has not served yet, another's success who has: either is an outcome's.
    let changed = attempts.iter().filter(|it| it["changed"] == "key_out");
    assert_eq!(changed.count(), 1, "{explained}");

    let unknown = stage.gateway.admin("/explain/kw_nothing").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.text().contains("recent_requests_max"),
        "{}",
        unknown.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_is_told_behind_how_many() {
    let plan = Plan::new().and("[[account.limit]]\nrequests_per_minute = 60\nburst = \"1s\"\n");
    let stage = plan.build().await;
    stage
        .gateway
        .ask_admin("POST", "/accounts/gpt-one/drain")
        .await;
    let answers = at_once(&stage, 4).await;
    let mut behind = Vec::new();
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.header("x-keyweir-request-id").to_owned();
        let explained = stage.gateway.explained(&id).await;
        if explained["waited_ms"].as_u64() > Some(0) {
            behind.push(explained["waited_behind"].as_u64().expect("it waited"));
        }
    }
    assert!(!behind.is_empty(), "somebody waited");
}

/// So many answers to requests that are sent at once.
async fn at_once(stage: &Stage, count: usize) -> Vec<Answer> {
    let request = Api::Chat.request(false).bytes();
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = stage.connect().await;
        wire.send(&request).await;
        wires.push(wire);
    }
    let mut answers = Vec::new();
    for mut wire in wires {
        answers.push(wire.answer().await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_may_not_have_is_told_before_who_would_serve_it() {
    let bounds = "models = [\"claude-*\"]\n[[tenant.limit]]\nrequests_per_minute = 1\n";
    let patience = "[waiting]\npatience = \"0s\"\n";
    let stage = Plan::new().set(patience).and(bounds).build().await;
    let refused = async |model: &str| {
        let path = format!("/explain?model={model}&tenant=tester");
        let explained = stage.gateway.admin(&path).await.json();
        explained["providers"][0]["refused"].clone()
    };
    // Asking takes nothing.
    for _ in 0..3 {
        assert_eq!(refused("claude-a").await, Value::Null);
    }
    let told = refused("gpt-5").await;
    assert_eq!(told, "the tenant's models do not include this one");
    stage.serves(Api::Messages).await;
    let told = refused("claude-a").await.to_string();
    assert!(
        told.contains("1 requests per minute of tenant tester"),
        "{told}"
    );
}
