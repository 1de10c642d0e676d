//! Tenants that come and go, and their client keys.

use parking_lot::Mutex;

use crate::house::{Crowd, House};
use crate::support::api::{Api, Request};
use crate::support::in_time;
use crate::support::scripted::{Scripted, Seen, json};
use crate::support::stage::{Plan, tenant};

const OTHER: &str = "kw_other00000000000000000000000000000000000000";
const NEXT: &str = "kw_next000000000000000000000000000000000000000";

fn with_key(key: &str) -> Request {
    let request = Api::Messages.request(false).without("x-api-key");
    request.header("x-api-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_revoked_from_its_next_request() {
    let house = House::build(Plan::new().and(&tenant("other", OTHER, ""))).await;
    let crowd = Crowd::start(&house, 4);
    let mut kept = house.stage.connect().await;
    kept.send(with_key(OTHER).bytes()).await;
    assert_eq!(kept.answer().await.status, 200);
    let mut slow = house.stage.connect().await;
    let streaming = with_key(OTHER)
        .body(Api::Messages.body(true))
        .header("x-sim-chunk-interval-ms", "20")
        .header("x-sim-output-tokens", "40");
    slow.send(streaming.bytes()).await;
    let mut stream = slow.head().await;

    let without = house.policy().replace(&tenant("other", OTHER, ""), "");
    assert_eq!(house.follow(&without).await, ["tenant other: removed"]);

    // On a connection that is open already, too.
    kept.send(with_key(OTHER).bytes()).await;
    Api::Messages.check_refusal(&kept.answer().await, 401, "authentication_error");
    // What had begun is finished.
    slow.body(&mut stream, |_| false).await;
    assert!(Api::Messages.is_complete(&stream.text()));
    crowd.all_served().await;
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_keys_are_rotated_without_a_refusal() {
    let house = House::build(Plan::new().and(&tenant("other", OTHER, ""))).await;
    let old = tenant("other", OTHER, "");
    let (first, second) = (old.clone(), tenant("other", NEXT, ""));
    let hash = |table: &str| {
        let (_, rest) = table.split_once('[').expect("a list");
        let rest = rest.split_once("client_keys = [").expect("a list").1;
        rest.split_once(']').expect("its end").0.to_owned()
    };
    let both = old.replace(
        &hash(&first),
        &format!("{}, {}", hash(&first), hash(&second)),
    );
    let without = house.policy().replace(&old, "");
    for (table, lets_old, lets_new) in [(&both, 200, 200), (&second, 401, 200)] {
        house.follow(&format!("{without}{table}")).await;
        assert_eq!(house.ask(&with_key(OTHER)).await.status, lets_old);
        assert_eq!(house.ask(&with_key(NEXT)).await.status, lets_new);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_when_its_tenant_is_revoked() {
    let limit = "[[account.limit]]\nrequests_per_minute = 1\nburst = \"1m\"\n";
    let provider = Scripted::start(|_| json(200, "", r#"{"id":"x","content":[]}"#)).await;
    let tables = provider.tables("p", "dialect = \"anthropic\"", 1) + limit;
    let plan = Plan::new().and(&tables).and(&tenant("other", OTHER, ""));
    let house = House::build(plan).await;
    let request = with_key(OTHER)
        .path("/p/v1/messages")
        .header("x-keyweir-patience", "90");
    assert_eq!(house.ask(&request).await.status, 200);
    let mut wire = house.stage.connect().await;
    wire.send(request.bytes()).await;
    house.until_one_waits().await;

    let without = house.policy().replace(&tenant("other", OTHER, ""), "");
    house.follow(&without).await;

    let answer = wire.answer().await;
    let told = Api::Messages.check_refusal(&answer, 401, "authentication_error");
    assert!(told.contains("revoked meanwhile"), "{told}");
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_its_tenants_limit_follows_another_policy() {
    let limited = |per_minute: u32| {
        let limit = format!("[[tenant.limit]]\nrequests_per_minute = {per_minute}\n");
        tenant("other", OTHER, "") + &limit
    };
    for (next, status) in [
        (String::new(), 401),
        (limited(6_000), 200),
        (tenant("other", OTHER, ""), 200),
    ] {
        let house = House::build(Plan::new().and(&limited(1))).await;
        let request = with_key(OTHER).header("x-keyweir-patience", "500");
        assert_eq!(house.ask(&request).await.status, 200);
        let mut wires = Vec::new();
        for _ in 0..3 {
            let mut wire = house.stage.connect().await;
            wire.send(request.bytes()).await;
            wires.push(wire);
        }
        let waited =
            "keyweir_tenant_limits_total{action=\"waited\",limit=\"any\",tenant=\"other\"}";
        let wait = async {
            let text = async || house.gateway().admin("/metrics").await.text();
            while !text().await.contains(&format!("{waited} 3")) {}
        };
        in_time("three wait", wait).await;
        let waiting = "keyweir_tenant_waiting_requests{tenant=\"other\"}";
        assert_eq!(house.metric(waiting).await, 3.0);
        let told = &house.gateway().status().await["tenants_waiting"];
        let expected = serde_json::json!([{ "tenant": "other", "requests": 3 }]);
        assert_eq!(*told, expected);
        // What does not concern the tenant wakes nobody: they would be served, or refused.
        let besides = house.policy() + &tenant("besides", NEXT, "");
        house.follow(&besides).await;
        assert!(house.stage.control().counters().requests <= 1);

        let without = house.policy().replace(&limited(1), "");
        house.follow(&format!("{without}{next}")).await;
        for mut wire in wires {
            let answer = in_time("it is answered", wire.answer()).await;
            assert_eq!(answer.status, status, "{}", answer.text());
            if status == 401 {
                let told = Api::Messages.check_refusal(&answer, 401, "authentication_error");
                assert!(told.contains("revoked meanwhile"), "{told}");
            }
        }
        let nobody = |status: &serde_json::Value| {
            let mut waiting = status["tenants_waiting"].as_array().expect("a list").iter();
            waiting.all(|it| it["requests"] == 0)
        };
        house.until_status("nobody waits", nobody).await;
        house.stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_tenant_is_revoked_is_not_tried_again() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let provider = Scripted::start(move |_| {
        // The answer stays away until the tenant is gone.
        let _ = tokio::task::block_in_place(|| released.lock().recv());
        json(
            529,
            "",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
        )
    })
    .await;
    let tables = provider.tables("p", "dialect = \"anthropic\"", 3);
    let plan = Plan::new().and(&tables).and(&tenant("other", OTHER, ""));
    let house = House::build(plan).await;
    let request = with_key(OTHER).path("/p/v1/messages");
    let mut wire = house.stage.connect().await;
    wire.send(request.bytes()).await;
    crate::support::until("it is at the provider", || provider.seen().len() == 1).await;
    let without = house.policy().replace(&tenant("other", OTHER, ""), "");
    house.follow(&without).await;
    release.send(()).expect("it waits");

    let answer = wire.answer().await;
    let told = Api::Messages.check_refusal(&answer, 401, "authentication_error");
    assert!(told.contains("revoked"), "{told}");
    assert_eq!(provider.seen().len(), 1);
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_made_stays_its_own_whoever_comes_and_goes() {
    let house = House::build(Plan::new().and(&tenant("other", OTHER, ""))).await;
    let body = r#"{"model":"gpt-a","input":"hello","store":true}"#;
    let make = Request::new("POST", "/v1/responses")
        .header("authorization", format!("Bearer {OTHER}"))
        .header("content-type", "application/json")
        .body(body);
    let made = house.ask(&make).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let read = |key: &str| {
        Request::new("GET", &format!("/v1/responses/{id}"))
            .header("authorization", format!("Bearer {key}"))
    };
    // Another stands in its place, and it is back behind that one.
    let without = house.policy().replace(&tenant("other", OTHER, ""), "");
    let next = format!("{without}{}", tenant("next", NEXT, ""));
    house.follow(&next).await;
    assert_eq!(house.ask(&read(NEXT)).await.status, 404);
    house
        .follow(&format!("{next}{}", tenant("other", OTHER, "")))
        .await;
    assert_eq!(house.ask(&read(NEXT)).await.status, 404);
    assert_eq!(house.ask(&read(OTHER)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_served_by_the_accounts_it_may_use_and_a_reload_changes_them() {
    let answers = |_: &Seen| json(200, "", r#"{"id":"x","content":[],"data":[]}"#);
    let (first, second) = (
        Scripted::start(answers).await,
        Scripted::start(answers).await,
    );
    let of_second = second.tables("q", "dialect = \"anthropic\"", 1);
    let tables = first.tables("p", "dialect = \"anthropic\"", 3) + &of_second;
    let lists = |accounts: &str| tenant("other", OTHER, &format!("accounts = [{accounts}]"));
    let one = lists("\"p-1\"");
    let house = House::build(Plan::new().and(&tables).and(&one)).await;
    let at = |path: &str| with_key(OTHER).path(path);
    let accounts = || -> Vec<usize> { first.seen().iter().map(Seen::account).collect() };

    for _ in 0..6 {
        assert_eq!(house.ask(&at("/p/v1/messages")).await.status, 200);
    }
    assert_eq!(accounts(), [1; 6]);
    // A provider of which it may use nothing serves it nothing.
    let refused = house.ask(&at("/q/v1/messages")).await;
    Api::Messages.check_refusal(&refused, 404, "not_found_error");
    assert!(second.seen().is_empty());
    let query = "/explain?model=claude-sonnet-4-5&tenant=other";
    let told = house.gateway().admin(query).await.json();
    let of_p = told["providers"].as_array().expect("a list").iter();
    let of_p = of_p.clone().find(|it| it["provider"] == "p").expect("p");
    assert_eq!(of_p["chosen"]["account"], "p-1", "{told}");
    assert_eq!(
        of_p["accounts_by_reason"]["tenant_not_allowed"], 2,
        "{told}"
    );

    let next = house.policy().replace(&one, &lists("\"q-0\""));
    let changes = house.follow(&next).await;
    assert_eq!(changes, ["tenant other: accounts p-1 → q-0"]);
    // Without a provider's name: it goes to the one that has an account for it.
    let answer = house.ask(&at("/v1/messages")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((first.seen().len(), second.seen().len()), (6, 1));
    house.stage.is_unharmed().await;
}
