//! What a tenant may see, and what it may ask for.

use serde_json::Value;

use crate::support::api::{CLIENT_KEY, Request};
use crate::support::fake::Fake;
use crate::support::scripted::{Scripted, json};
use crate::support::stage::{Plan, Stage, tenant};
use crate::support::wire::{Answer, find};

const OTHER: &str = "kw_other00000000000000000000000000000000000000";
const FRIEND: &str = "kw_friend0000000000000000000000000000000000000";
const ALLY: &str = "kw_ally000000000000000000000000000000000000000";
const NARROW: &str = "kw_narrow0000000000000000000000000000000000000";

fn several() -> Plan {
    Plan::new()
        .and(&tenant("other", OTHER, ""))
        .and(&tenant("friend", FRIEND, "shares = \"lab\""))
        .and(&tenant("ally", ALLY, "shares = \"lab\""))
}

fn with_key(method: &str, path: &str, key: &str) -> Request {
    let request = Request::new(method, path).header("x-api-key", key);
    if path.starts_with("/v1/messages") || path.starts_with("/claude/") {
        return request.header("anthropic-version", "2023-06-01");
    }
    request
}

async fn ask(stage: &Stage, method: &str, path: &str, key: &str, body: &str) -> Answer {
    let mut request = with_key(method, path, key);
    if !body.is_empty() {
        request = request
            .header("content-type", "application/json")
            .body(body);
    }
    stage.ask(&request).await
}

const BATCH: &str = r#"{"requests":[{"custom_id":"c1","params":{"model":"claude-a","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}}]}"#;
const BATCHES: &str = "/v1/messages/batches";

async fn batch(stage: &Stage, key: &str) -> String {
    let answer = ask(stage, "POST", BATCHES, key, BATCH).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

async fn response(stage: &Stage, key: &str, previous: Option<&str>) -> Answer {
    let previous = previous.map_or(String::new(), |id| {
        format!(r#","previous_response_id":"{id}""#)
    });
    let body = format!(r#"{{"model":"gpt-a","input":"hello","store":true{previous}}}"#);
    ask(stage, "POST", "/v1/responses", key, &body).await
}

fn is_not_there(answer: &Answer, what: &str) {
    let text = answer.text();
    // What a body refers to is told as OpenAI tells it.
    let is_reference = text.contains("previous_response_not_found");
    let status = if is_reference { 400 } else { 404 };
    assert_eq!(answer.status, status, "{what}: {text}");
    assert!(text.contains("not found"), "{what}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_made_is_not_there_for_others() {
    let stage = several().build().await;
    let mine = batch(&stage, CLIENT_KEY).await;
    let before = stage.control().counters().requests;
    for (method, path) in [
        ("GET", format!("{BATCHES}/{mine}")),
        ("GET", format!("{BATCHES}/{mine}/results")),
        ("POST", format!("{BATCHES}/{mine}/cancel")),
        ("DELETE", format!("{BATCHES}/{mine}")),
        ("GET", format!("/claude{BATCHES}/{mine}")),
    ] {
        for key in [OTHER, FRIEND] {
            is_not_there(&ask(&stage, method, &path, key, "").await, &path);
        }
    }
    // The same answer as for what never was.
    let never = ask(
        &stage,
        "GET",
        &format!("{BATCHES}/msgbatch_0none"),
        OTHER,
        "",
    )
    .await;
    let others = ask(&stage, "GET", &format!("{BATCHES}/{mine}"), OTHER, "").await;
    let message = |answer: &Answer| answer.json()["error"].clone();
    assert_eq!(message(&never), message(&others));
    assert_eq!(
        stage.control().counters().requests,
        before,
        "nothing was asked"
    );

    let answer = ask(&stage, "GET", &format!("{BATCHES}/{mine}"), CLIENT_KEY, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_response_is_not_continued_by_others() {
    let stage = several().build().await;
    let mine = response(&stage, CLIENT_KEY, None).await;
    assert_eq!(mine.status, 200, "{}", mine.text());
    let mine = mine.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/responses/{mine}");

    is_not_there(&ask(&stage, "GET", &path, OTHER, "").await, "read");
    is_not_there(&ask(&stage, "DELETE", &path, OTHER, "").await, "deleted");
    is_not_there(&response(&stage, OTHER, Some(&mine)).await, "continued");
    is_not_there(
        &response(&stage, CLIENT_KEY, Some("resp_0none")).await,
        "never was",
    );
    for body in [
        format!(r#"{{"model":"gpt-a","input":"x","conversation":"{mine}"}}"#),
        format!(r#"{{"model":"gpt-a","input":"x","conversation":{{"id":"{mine}"}}}}"#),
        format!(
            r#"{{"model":"gpt-a","input":[{{"role":"user","content":[{{"type":"input_file","file_id":"{mine}"}}]}}]}}"#
        ),
        format!(r#"{{"model":"gpt-a","input":[{{"type":"item_reference","id":"{mine}"}}]}}"#),
    ] {
        is_not_there(
            &ask(&stage, "POST", "/v1/responses", OTHER, &body).await,
            &body,
        );
    }

    let next = response(&stage, CLIENT_KEY, Some(&mine)).await;
    assert_eq!(next.status, 200, "{}", next.text());
    assert_eq!(ask(&stage, "GET", &path, CLIENT_KEY, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_of_one_circle_share_what_they_make() {
    let stage = several().build().await;
    let shared = batch(&stage, FRIEND).await;
    let path = format!("{BATCHES}/{shared}");
    for (key, status) in [(FRIEND, 200), (ALLY, 200), (OTHER, 404), (CLIENT_KEY, 404)] {
        let answer = ask(&stage, "GET", &path, key, "").await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

async fn listed(stage: &Stage, key: &str, query: &str) -> (Vec<String>, bool) {
    let answer = ask(stage, "GET", &format!("{BATCHES}{query}"), key, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    let ids = list["data"].as_array().expect("a list").iter();
    let ids: Vec<String> = ids
        .map(|it| it["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(list["last_id"].as_str(), ids.last().map(String::as_str));
    (ids, list["has_more"] == Value::Bool(true))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_the_tenants_own_of_all_accounts_page_by_page() {
    let stage = several().build().await;
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        mine.push(batch(&stage, CLIENT_KEY).await);
        others.push(batch(&stage, OTHER).await);
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    let mut pages = 0;
    loop {
        let (ids, has_more) = listed(&stage, CLIENT_KEY, &query).await;
        pages += 1;
        seen.extend(ids);
        if !has_more {
            break;
        }
        query = format!("?limit=3&after_id={}", seen.last().expect("one"));
    }
    seen.sort();
    mine.sort();
    assert_eq!((pages, seen), (3, mine));
    let (mut seen, _) = listed(&stage, OTHER, "").await;
    seen.sort();
    others.sort();
    assert_eq!(seen, others);
    // Whoever made nothing sees nothing, and nobody is asked for it.
    let before = stage.control().counters().requests;
    assert_eq!(listed(&stage, FRIEND, "").await, (Vec::new(), false));
    assert_eq!(stage.control().counters().requests, before);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_remembers_is_sought_only_where_the_policy_says_so() {
    for (seeks, asked) in [(false, 0), (true, 2)] {
        let plan = several().setting(&format!("seek_unknown_ids = {seeks}"));
        let stage = plan.build().await;
        let path = format!("{BATCHES}/msgbatch_0none");
        let answer = ask(&stage, "GET", &path, CLIENT_KEY, "").await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert_eq!(stage.control().counters().requests, asked, "{seeks}");
    }
}

/// Two accounts of Gemini's with files of several tenants, in their list's own form.
async fn gemini() -> Stage {
    let scripted = Scripted::start(|seen| {
        let of_account = |name: &str| format!("{name}{}", seen.account());
        let thing = |kind: &str, name: &str| format!(r#"{{"name":"{kind}/{name}"}}"#);
        let target = seen.target().to_owned();
        if seen.head.starts_with("post") {
            // Its number is as good as any name.
            let kind = if target.contains("cachedcontents") {
                "cachedContents"
            } else {
                "files"
            };
            let made = thing(kind, &format!("{kind}-made-{}", seen.number));
            let made = if kind == "files" {
                format!(r#"{{"file":{made}}}"#)
            } else {
                made
            };
            return json(200, "", &made);
        }
        let (kind, list) = match target.split('?').next() {
            Some("/v1beta/files") => ("files", true),
            Some("/v1beta/cachedcontents") => ("cachedContents", true),
            _ => ("files", false),
        };
        if !list {
            return json(200, "", &thing(kind, "one"));
        }
        let mut all: Vec<String> = (0..40)
            .map(|at| thing(kind, &format!("{kind}-made-{at}")))
            .collect();
        all.push(thing(kind, &of_account("foreign")));
        // In two pages.
        let (items, token) = match target.contains("pagetoken=t2") {
            false => (&all[..20], r#","nextPageToken":"t2""#),
            true => (&all[20..], ""),
        };
        json(
            200,
            "",
            &format!(r#"{{"{kind}":[{}]{token}}}"#, items.join(",")),
        )
    })
    .await;
    let tables = scripted.tables("gem", "dialect = \"generic\"", 2);
    several().and(&tables).build().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_geminis_are_the_tenants_own_page_by_page() {
    let stage = gemini().await;
    for (collection, upload) in [
        ("files", "/gem/upload/v1beta/files"),
        ("cachedContents", "/gem/v1beta/cachedContents"),
    ] {
        let mut made = Vec::new();
        for key in [CLIENT_KEY, OTHER, CLIENT_KEY] {
            let answer = ask(&stage, "POST", upload, key, "{}").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let answer = answer.json();
            let named = answer["file"]["name"].as_str().or(answer["name"].as_str());
            made.push(named.expect("a name").to_owned());
        }
        let path = format!("/gem/v1beta/{collection}");
        let names = async |key: &str, query: &str| {
            let answer = ask(&stage, "GET", &format!("{path}{query}"), key, "").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let list = answer.json();
            let items = list[collection].as_array().expect("a list").iter();
            let items = items.map(|it| it["name"].as_str().expect("a name").to_owned());
            let token = list["nextPageToken"].as_str().map(str::to_owned);
            (items.collect::<Vec<_>>(), token)
        };
        let (mut mine, _) = names(CLIENT_KEY, "").await;
        mine.sort();
        mine.dedup();
        let mut expected = vec![made[0].clone(), made[2].clone()];
        expected.sort();
        assert_eq!(mine, expected, "{collection}");
        assert!(!names(OTHER, "").await.0.contains(&made[0]));
        assert_eq!(names(FRIEND, "").await, (Vec::new(), None));
        // What is another's can be neither read nor deleted, whatever stands behind its name.
        let id = made[0].split('/').next_back().expect("a name");
        for (method, verb) in [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", ":cancel"),
            ("PATCH", ""),
        ] {
            let path = format!("{path}/{id}{verb}");
            is_not_there(&ask(&stage, method, &path, OTHER, "").await, &path);
        }
    }
}

fn narrow() -> Plan {
    Plan::new().and(&tenant("narrow", NARROW, "models = [\"good-*\"]"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_models_is_not_evaded() {
    const CHAT: &str = "/v1/chat/completions";
    let fake = Fake::start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let stage = narrow().and(&fake.tables("gem", "generic")).build().await;
    let json: &[(&str, &str)] = &[("content-type", "application/json")];
    let good = r#"{"model":"good-1","messages":[]}"#;
    type Evasion<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);
    let evasions: &[Evasion<'_>] = &[
        ("POST", "/v1/batches", json, br#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h","model":"good-1"}"#),
        ("POST", CHAT, json, br#"{"model":"good-1","Model":"evil","messages":[]}"#),
        ("POST", CHAT, json, b"{\"model\":\"good-1\",\"mod\xffel\":\"evil\",\"messages\":[]}"),
        ("POST", CHAT, json, br#"{"model":"good-1","models":["evil"],"messages":[]}"#),
        ("POST", CHAT, &[("content-type", "application/x-www-form-urlencoded")], good.as_bytes()),
        ("POST", CHAT, &[("content-type", "application/json; charset=utf-7")], good.as_bytes()),
        ("POST", CHAT, &[("content-type", "application/json"), ("content-encoding", "gzip")], good.as_bytes()),
        ("POST", CHAT, &[("content-type", "application/json"), ("x-model", "evil")], good.as_bytes()),
        ("POST", "/v1/chat/completions?mod%65l=evil", json, good.as_bytes()),
        ("POST", "/v1/responses", json, br#"{"model":"good-1","input":"x","tools":[{"type":"image_generation"}]}"#),
        ("POST", "/v1/messages", json, br#"{"model":"good-1","max_tokens":1,"messages":[],"tools":[{"type":"advisor_20260301","model":"evil"}]}"#),
        ("POST", "/v1/messages/batches", json, br#"{"requests":[{"custom_id":"1","params":{"model":"good-1"}}],"Requests":[]}"#),
        ("POST", "/openai/deployments/evil/chat/completions", json, good.as_bytes()),
        ("POST", "/openai/deployments/good-1/chat/completions", json, br#"{"model":"evil","messages":[]}"#),
        ("POST", "/gem/v1beta/models/evil%3AgenerateContent", json, good.as_bytes()),
        ("POST", "/gem/v1beta/models/evil:generateContent", json, good.as_bytes()),
        ("POST", "/gem/v1beta/tunedModels/evil:generateContent", json, good.as_bytes()),
        ("POST", "/gem/model/evil/invoke", json, good.as_bytes()),
        ("POST", "/gem/v1/publishers/google/models/evil:predict", json, good.as_bytes()),
        ("POST", "/gem/v1beta/tunedModels", json, br#"{"baseModel":"models/evil"}"#),
        ("POST", "/gem/v1beta/cachedContents", json, br#"{"model":"models/evil"}"#),
        ("POST", "/gem/v1/fine_tuning/jobs", json, br#"{"model":"evil","training_file":"good-1"}"#),
        ("POST", "/gem/v1/threads/runs", json, br#"{"model":"evil"}"#),
        ("POST", "/gem/v1beta/models/evil:batchGenerateContent", json, good.as_bytes()),
        ("PUT", "/gem/v1/chat/completions", json, good.as_bytes()),
        ("POST", "/v1/audio/transcriptions", &[("content-type", "multipart/form-data; boundary=b")], b"--b--"),
    ];
    for (method, path, headers, body) in evasions {
        let mut request = with_key(method, path, NARROW).body(*body);
        for (name, value) in *headers {
            request = request.header(name, value);
        }
        let answer = stage.ask(&request).await;
        let text = String::from_utf8_lossy(body);
        assert!(
            [400, 403].contains(&answer.status),
            "{method} {path} {text}: {}",
            answer.status
        );
    }
    assert_eq!(stage.control().counters().requests, 0);
    assert!(fake.seen().is_empty());
    // The override of a method does not pass, and what is understood does.
    let overridden = with_key("POST", "/gem/v1beta/models/good-1:generateContent", NARROW)
        .header("content-type", "application/json")
        .header("x-http-method-override", "DELETE")
        .body(r#"{"contents":[]}"#);
    assert_eq!(stage.ask(&overridden).await.status, 200);
    assert!(find(&fake.seen().concat(), b"override").is_none());
    stage.is_unharmed().await;
}

/// Haiku is overloaded, and its requests go to opus.
async fn falls_back_to_opus(of_tenant: &str) -> (Stage, Scripted) {
    let provider = Scripted::start(|seen| match find(&seen.body, b"haiku").is_some() {
        true => json(
            529,
            "",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
        ),
        false => json(
            200,
            "",
            r#"{"id":"m","type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#,
        ),
    })
    .await;
    let tables = provider.tables("p", "dialect = \"anthropic\"", 1);
    let fallback =
        "[[fallback]]\nmodels = [\"claude-haiku-*\"]\nsteps = [{ model = \"claude-opus-a\" }]\n";
    let plan = Plan::new().and(&tables).and(fallback);
    let stage = plan.and(&tenant("narrow", NARROW, of_tenant)).build().await;
    (stage, provider)
}

async fn ask_haiku(stage: &Stage) -> Answer {
    let body = r#"{"model":"claude-haiku-a","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}"#;
    let request = with_key("POST", "/p/v1/messages", NARROW)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .header("x-keyweir-patience", "0.3")
        .body(body);
    stage.ask(&request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_is_held_to_what_bounds_its_own_model() {
    let limit = "\n[[tenant.limit]]\nmodels = [\"claude-opus-*\"]\nrequests_per_minute = 2\n\
        [[tenant.limit]]\nmodels = [\"claude-haiku-*\"]\nconcurrency = 3\n";
    let (stage, _provider) = falls_back_to_opus(limit).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = ask_haiku(&stage).await;
        if answer.status == 200 {
            assert_eq!(answer.header("anthropic-ratelimit-requests-limit"), "2");
        }
        statuses.push(answer.status);
    }
    // What does not fit is told as it would be without a fallback: the provider is overloaded.
    assert!(
        statuses[2..].iter().all(|status| *status >= 503),
        "{statuses:?}"
    );
    assert_eq!(statuses[..2], [200, 200]);
    let metrics = stage.gateway.admin("/metrics").await.text();
    let passed_over = "keyweir_tenant_limits_total{action=\"passed_over\",limit=\"tenant_requests\",tenant=\"narrow\"} 2";
    assert!(metrics.contains(passed_over), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_leads_to_no_model_that_the_tenant_may_not_ask_for() {
    let (stage, provider) = falls_back_to_opus("models = [\"claude-haiku-*\"]").await;
    assert_eq!(ask_haiku(&stage).await.status, 529);
    let is_opus = |seen: &crate::support::scripted::Seen| find(&seen.body, b"opus").is_some();
    assert!(!provider.seen().iter().any(is_opus));
}

/// A provider that makes something at each POST, and a second that takes every path; two tenants.
async fn made_here() -> (Stage, Scripted) {
    let scripted = Scripted::start(|seen| {
        let id = format!("thing_{:064}", seen.number);
        json(200, "", &format!(r#"{{"id":"{id}"}}"#))
    })
    .await;
    let own = scripted.tables("own", "dialect = \"openai\"", 1);
    let free = scripted.tables("free", "dialect = \"generic\"", 1);
    let stage = several().and(&own).and(&free).build().await;
    (stage, scripted)
}

fn escaped(id: &str) -> String {
    id.bytes().map(|byte| format!("\\u{byte:04x}")).collect()
}

async fn make(stage: &Stage, path: &str, key: &str) -> String {
    let answer = ask(stage, "POST", path, key, "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_made_is_not_reached_by_any_field_form_or_spelling() {
    let (stage, scripted) = made_here().await;
    let theirs = make(&stage, "/own/v1/files", CLIENT_KEY).await;
    let mine = make(&stage, "/own/v1/containers", OTHER).await;
    let store = make(&stage, "/own/v1/vector_stores", OTHER).await;
    let spelt = escaped(&theirs);
    let response = |more: &str| {
        let body = format!(r#"{{"model":"m",{more}}}"#);
        ("POST", "/own/v1/responses".to_owned(), body)
    };
    let post = |path: &str, body: String| ("POST", path.to_owned(), body);
    let get = |path: &str| ("GET", path.to_owned(), String::new());
    let before = scripted.seen().len();
    for (method, path, body) in [
        response(&format!(r#""previous_response_id":"{spelt}""#)),
        response(&format!(r#""Previous_Response_Id":"{theirs}""#)),
        response(&format!(r#""extra_body":{{"conversation":["{theirs}"]}}"#)),
        response(&format!(r#""input":[{{"id":"{theirs}"}}]"#)),
        response(&format!(
            r#""input":[{{"type":"item_\u0072eference","id":"{theirs}"}}]"#
        )),
        response(&format!(
            r#""input":[{{"type":"web_search_call","id":"{theirs}"}}]"#
        )),
        response(&format!(
            r#""tools":[{{"type":"shell","environment":{{"container_id":"{theirs}"}}}}]"#
        )),
        response(&format!(
            r#""tools":[{{"type":"image_generation","input_image_mask":{{"file_id":"{theirs}"}}}}]"#
        )),
        post(
            &format!("/own/v1/containers/{mine}/files"),
            format!(r#"{{"file_id":"{theirs}"}}"#),
        ),
        post(
            "/own/v1/images/edits",
            format!(r#"{{"model":"m","images":[{{"file_id":"{theirs}"}}]}}"#),
        ),
        post(
            &format!("/own/v1/vector_stores/{store}/file_batches"),
            format!(r#"{{"files":[{{"file_id":"{theirs}"}}]}}"#),
        ),
        post(
            "/own/v1/files",
            format!("--x\r\n\r\n{{\"body\":{{\"previous_response_id\":\"{theirs}\"}}}}\r\n--x--"),
        ),
        get(&format!("/own/v1/vector_stores/{store}/files/{theirs}")),
        get(&format!("/free/v1/Files/{theirs}")),
        get(&format!("/free/v1/files%2F{theirs}")),
        get(&format!("/free/v1/things?id={theirs}")),
        ("DELETE", format!("/free/v1/things/{theirs}"), String::new()),
        (
            "PATCH",
            "/free/v1/threads".to_owned(),
            format!(r#"{{"a":"{theirs}"}}"#),
        ),
        post("/free/v1/threads", format!(r#"{{"a":["{theirs}"],}}"#)),
    ] {
        let answer = ask(&stage, method, &path, OTHER, &body).await;
        is_not_there(&answer, &format!("{path} {body}"));
    }
    assert_eq!(scripted.seen().len(), before, "nothing was asked");

    // Who made it names it as it likes, and a text that speaks of it is nobody's affair.
    let (_, path, body) = response(&format!(r#""input":[{{"id":"{theirs}"}}]"#));
    assert_eq!(
        ask(&stage, "POST", &path, CLIENT_KEY, &body).await.status,
        200
    );
    let (_, path, body) = response(&format!(r#""input":"what is \"{theirs}\"?""#));
    assert_eq!(ask(&stage, "POST", &path, OTHER, &body).await.status, 200);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_makes_many_things_makes_nobody_forget_anothers() {
    let scripted = Scripted::start(|seen| {
        let items = |at: usize| format!(r#"{{"type":"message","id":"msg_{}_{at}"}}"#, seen.number);
        let items: Vec<String> = match seen.target().ends_with("/responses") {
            true => (0..900).map(items).collect(),
            false => Vec::new(),
        };
        let body = format!(
            r#"{{"id":"made_{}","output":[{}]}}"#,
            seen.number,
            items.join(",")
        );
        json(200, "", &body)
    })
    .await;
    let own = scripted.tables("own", "dialect = \"openai\"", 1);
    let stage = several().and(&own).build().await;
    let mine = make(&stage, "/own/v1/files", CLIENT_KEY).await;
    let theirs = make(&stage, "/own/v1/files", OTHER).await;
    // More than are remembered in all.
    for _ in 0..130 {
        let body = r#"{"model":"m","input":"x"}"#;
        let answer = ask(&stage, "POST", "/own/v1/responses", OTHER, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for (id, key) in [(&mine, CLIENT_KEY), (&theirs, OTHER)] {
        let answer = ask(&stage, "GET", &format!("/own/v1/files/{id}"), key, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_remembers_is_not_referred_to_in_other_spellings_either() {
    let (stage, _scripted) = made_here().await;
    let mine = make(&stage, "/own/v1/containers", OTHER).await;
    let id = format!("resp_{:064}", 1);
    for (path, body) in [
        (
            "/own/v1/responses",
            format!(
                r#"{{"model":"m","previous_response_id":"{}"}}"#,
                escaped(&id)
            ),
        ),
        (
            "/own/v1/responses",
            format!(r#"{{"model":"m","input":[{{"id":"{id}"}}]}}"#),
        ),
        (
            "/own/v1/responses",
            format!(r#"{{"model":"m","input":[{{"type":"item_\u0072eference","id":"{id}"}}]}}"#),
        ),
        (
            "/own/v1/images/edits",
            format!(r#"{{"model":"m","images":[{{"file_id":"{id}"}}]}}"#),
        ),
        (
            &format!("/own/v1/containers/{mine}/files"),
            format!(r#"{{"file_id":"{id}"}}"#),
        ),
    ] {
        is_not_there(&ask(&stage, "POST", path, OTHER, &body).await, &body);
    }
}
