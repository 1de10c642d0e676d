//! What operators see and do, from a terminal.

use crate::key;
use crate::support::api::Api;
use crate::support::program::{Files, run};
use crate::support::stage::Plan;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_terminal_holds_resumes_and_explains() {
    let stage = Plan::new()
        .setting("admin_token = { file = \"admin.token\" }")
        .file("admin.token", "operators-9ZkQ2mWcR7tYb4Ls")
        .build()
        .await;
    let admin = stage.gateway.admin.to_string();
    let files = Files::new("").variable("KEYWEIR_ADMIN_TOKEN", "operators-9ZkQ2mWcR7tYb4Ls");
    let asked = |arguments: &[&str]| {
        let mut all: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        all.extend(["--admin".to_owned(), admin.clone()]);
        all
    };
    let drain = asked(&["keys", "drain", "claude-one-key", "claude-two-key"]);
    let ended = run(
        &files,
        &drain.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "claude-one-key: held; requests still running: 0\n\
         claude-two-key: held; requests still running: 0\n"
    );
    let explain = asked(&["explain", "claude-a", "--tenant", "tester"]);
    let ended = run(
        &files,
        &explain.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    assert!(
        ended.stdout.contains("nobody would be chosen now"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("account claude-one: out, keys_out"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("key claude-one-key: out, held"),
        "{}",
        ended.stdout
    );

    let resume = asked(&["keys", "resume", "claude-one-key"]);
    let ended = run(
        &files,
        &resume.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let answer = stage.ask(&Api::Messages.request(false)).await;
    let id = answer.header("x-keyweir-request-id");
    let explain = asked(&["explain", id]);
    let ended = run(
        &files,
        &explain.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    assert!(
        ended
            .stdout
            .contains("key claude-one-key of account claude-one"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("answered (200)"), "{}", ended.stdout);

    let stranger = Files::new("");
    let ended = run(
        &stranger,
        &drain.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    assert!(
        ended.complaint().contains("KEYWEIR_ADMIN_TOKEN"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_not_there_is_told() {
    let stage = Plan::new().build().await;
    let admin = stage.gateway.admin.to_string();
    let files = Files::new("");
    let ended = run(&files, &["accounts", "drain", "nobody", "--admin", &admin]).await;
    assert!(
        ended.complaint().contains("no account of the policy"),
        "{}",
        ended.stderr
    );
    let status = stage.gateway.status().await;
    assert_eq!(key(&status, "claude-one-key")["state"], "serving");
    let ended = run(&files, &["explain", "claude-a", "--admin", "127.0.0.1:9"]).await;
    assert!(
        ended.complaint().contains("gateway.admin"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_in_a_name_is_printed_as_an_escape() {
    let stage = crate::limited().build().await;
    let name = "claude-\u{202e}a\u{200b}";
    let body = serde_json::json!({ "model": name, "max_tokens": 8,
        "messages": [{ "role": "user", "content": "hi" }] });
    let request = Api::Messages.request(false).body(body.to_string());
    let answer = stage.ask(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-keyweir-request-id").to_owned();
    let admin = stage.gateway.admin.to_string();
    for command in [
        &["explain", name][..],
        &["explain", name, "--json"],
        &["explain", &id],
        &["explain", &id, "--json"],
        &["top", "--once"],
    ] {
        let all = [command, &["--admin", &admin]].concat();
        let ended = run(&Files::new(""), &all).await;
        assert!(ended.status.success(), "{command:?}: {}", ended.stderr);
        let told = &ended.stdout;
        assert!(
            !told.contains(['\u{202e}', '\u{200b}']),
            "{command:?}: {told:?}"
        );
        // The first tells what becomes of it, and not its name.
        let is_named = command.len() == 2 && command[1] == name;
        assert!(is_named || told.contains("\\u202e"), "{command:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_one_picture_where_there_is_no_terminal() {
    let stage = crate::limited().build().await;
    stage.serves(Api::Messages).await;
    stage
        .gateway
        .ask_admin("POST", "/keys/gpt-one-key/drain")
        .await;
    let admin = stage.gateway.admin.to_string();
    let ended = run(&Files::new(""), &["top", "--admin", &admin]).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    for part in [
        "keys serving 3 of 4",
        "key gpt-one-key: held",
        "claude-",
        "input_tokens",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\u{1b}'));
    // No line is cut off.
    let why = "it takes no more requests until POST /keys/{id}/resume\n";
    assert!(ended.stdout.contains(why), "{}", ended.stdout);
}
