//! How a reload comes about.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use simulated_provider::Provider;

use crate::house::{House, lines};
use crate::support::PROMPT;
use crate::support::api::{Api, CLIENT_KEY};
use crate::support::program::{Files, Program};
use crate::support::stage::{Plan, tenant};
use crate::support::wire::Wire;

const NEW: &str = "kw_new0000000000000000000000000000000000000000";

/// Whether `key` is let in.
async fn is_let_in(gateway: &Program, key: &str) -> bool {
    let request = Api::Messages.request(false).without("x-api-key");
    let mut wire = Wire::connect(gateway.address).await;
    wire.send(request.header("x-api-key", key).bytes()).await;
    match wire.answer().await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn until_let_in(gateway: &Program, key: &str) {
    let wait = async {
        while !is_let_in(gateway, key).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PROMPT, wait).await;
    assert!(in_time.is_ok(), "it never came: {}", gateway.written());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_followed() {
    let house = House::build(Plan::new()).await;
    assert!(!is_let_in(house.gateway(), NEW).await);
    house.write(&(house.policy() + &tenant("new", NEW, "")));
    until_let_in(house.gateway(), NEW).await;
    // Written in place, as some editors do.
    let text = house.policy().replace(&tenant("new", NEW, ""), "");
    house.gateway().files.write("keys.toml", &text);
    let gone = async {
        while is_let_in(house.gateway(), NEW).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PROMPT, gone).await.is_ok());
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_piece_by_piece_is_followed_when_it_is_whole() {
    use std::io::Write;
    let house = House::build(Plan::new()).await;
    let first = house.policy();
    house.write(&(first.clone() + &tenant("new", NEW, "")));
    until_let_in(house.gateway(), NEW).await;
    let path = house.gateway().files.path().join("keys.toml");
    let mut file = std::fs::File::create(path).expect("opened");
    // It is a policy, and not all of it.
    file.write_all(first.as_bytes()).expect("written");
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(1_200) {
        assert!(
            is_let_in(house.gateway(), NEW).await,
            "half a file is followed"
        );
    }
    let rest = tenant("new", NEW, "") + &tenant("newer", "kw_newer", "");
    file.write_all(rest.as_bytes()).expect("written");
    drop(file);
    until_let_in(house.gateway(), "kw_newer").await;
    assert!(is_let_in(house.gateway(), NEW).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_and_an_operator_have_it_reload_at_once() {
    let house = House::build(Plan::new()).await;
    house.write(&(house.policy() + &tenant("new", NEW, "")));
    house.gateway().signal("HUP").await;
    until_let_in(house.gateway(), NEW).await;
    house.gateway().writes("SIGHUP").await;

    let text = house.policy().replace("id = \"new\"", "id = \"newer\"");
    let changes = house.follow(&text).await;
    assert_eq!(
        changes,
        ["tenant new: removed", "tenant newer: added (1 client key)"]
    );
    assert!(is_let_in(house.gateway(), NEW).await);
    let again = house.gateway().reload().await.json();
    assert_eq!(again["result"], "unchanged");
    assert_eq!(house.metric("keyweir_policy_reload_failed").await, 0.0);
    // Not by a page in a browser on the operator's machine, and not by looking.
    let mut wire = Wire::connect(house.gateway().admin).await;
    wire.send("POST /reload HTTP/1.1\r\nhost: x\r\norigin: http://evil.example\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.status, 403);
    assert_eq!(house.gateway().admin("/reload").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_whose_link_is_swapped_is_followed() {
    let plan = Plan::new();
    let provider = Provider::start(plan.world.clone())
        .await
        .expect("it starts");
    let base = plan.policy(provider.base_url());
    let (settings, tenants) = base.split_at(base.find("\n[[tenant]]").expect("it has one"));
    let files = plan.files(provider.base_url()).serving("mounted");
    let mounted = files.path().join("mounted");
    // As Kubernetes mounts a ConfigMap: files are links through `..data`, a link to a folder.
    let version = |name: &str, more: &str| {
        let folder = mounted.join(name);
        std::fs::create_dir_all(&folder).expect("made");
        // Secrets start at the folder.
        let settings = settings.replace("file = \"", "file = \"../");
        std::fs::write(folder.join("10-base.toml"), settings).expect("written");
        let text = format!("{tenants}{more}");
        std::fs::write(folder.join("20-tenants.toml"), text).expect("written");
    };
    version("..2026_1", "");
    symlink("..2026_1", mounted.join("..data")).expect("linked");
    for name in ["10-base.toml", "20-tenants.toml"] {
        symlink(format!("..data/{name}"), mounted.join(name)).expect("linked");
    }
    let gateway = Program::start(files, None, None).await;
    assert!(is_let_in(&gateway, CLIENT_KEY).await);
    assert!(!is_let_in(&gateway, NEW).await);

    version("..2026_2", &tenant("new", NEW, ""));
    symlink("..2026_2", mounted.join("..data_tmp")).expect("linked");
    std::fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).expect("swapped");
    std::fs::remove_dir_all(mounted.join("..2026_1")).expect("removed");

    until_let_in(&gateway, NEW).await;
    assert!(is_let_in(&gateway, CLIENT_KEY).await);
    // One more file in the folder.
    std::fs::write(mounted.join("30-more.toml"), tenant("more", "kw_more", "")).expect("written");
    until_let_in(&gateway, "kw_more").await;
    // What the watcher's library has to say of folders that are gone concerns nobody.
    assert!(
        !gateway.messages().contains("notify"),
        "{}",
        gateway.messages()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_not_disturbed_and_what_still_runs_follows() {
    let house = House::build(Plan::new()).await;
    let slow = Api::Messages
        .request(true)
        .header("x-sim-chunk-interval-ms", "50")
        .header("x-sim-output-tokens", "40");
    let mut wire = house.stage.connect().await;
    wire.send(slow.bytes()).await;
    let mut answer = wire.head().await;
    wire.body(&mut answer, |text| text.contains("content_block_delta"))
        .await;

    house.gateway().signal("TERM").await;
    house
        .until_status("it drains", |status| status["ready"] == false)
        .await;
    house.write(&(house.policy() + &tenant("new", NEW, "")));
    for _ in 0..3 {
        house.gateway().signal("HUP").await;
    }
    wire.body(&mut answer, |_| false).await;

    assert!(
        Api::Messages.is_complete(&answer.text()),
        "{}",
        answer.text()
    );
    let (status, written) = house.stage.gateway.ended().await;
    assert_eq!(status.code(), Some(0), "{written}");
    assert!(written.contains("tenant new: added"), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_told_and_the_rest_applied() {
    let house = House::build(Plan::new()).await;
    let text = house.policy().replace(
        "listen = [\"127.0.0.1:0\"]",
        "listen = [\"127.0.0.1:1\"]\nthreads = 7",
    ) + &tenant("new", NEW, "");
    house.write(&text);
    let told = house.gateway().reload().await.json();
    let restart = lines(&told["needs_restart"]);
    assert_eq!(restart.len(), 2, "{told}");
    assert!(restart[0].starts_with("gateway: listen"), "{told}");
    assert!(restart[1].starts_with("gateway: threads"), "{told}");
    assert!(is_let_in(house.gateway(), NEW).await);
    let status = house.gateway().status().await;
    assert_eq!(lines(&status["policy"]["needs_restart"]), restart);
    house.gateway().writes("needs a restart").await;
    // And it is told until it is done, or undone.
    let again = house.gateway().reload().await.json();
    assert_eq!(lines(&again["needs_restart"]), restart);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_count_from_the_next_request() {
    let house = House::build(Plan::new()).await;
    let large = Api::Messages.request(false).body(format!(
        "{}{}",
        Api::Messages.body(false),
        " ".repeat(4096)
    ));
    assert_eq!(house.ask(&large).await.status, 200);
    let text = format!(
        "[gateway.limits]\nbody_bytes_max = 1024\n{}",
        house.policy()
    );
    assert_eq!(house.follow(&text).await.len(), 1);
    assert_eq!(house.ask(&large).await.status, 413);
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_a_reload_would_change() {
    use crate::support::program::run;
    let policy = Plan::new().policy("http://127.0.0.1:9");
    let files = Files::new(&policy);
    for (name, _) in crate::support::stage::KEYS {
        let file = files.path().join(format!("{name}.key"));
        std::fs::write(&file, "sk-open-to-all").expect("written");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(file, open).expect("ours");
    }
    let more = policy.clone() + &tenant("new", NEW, "");
    files.write("more.toml", &more);
    files.write(
        "other.toml",
        &more.replacen("127.0.0.1:0", "127.0.0.1:1", 1),
    );
    files.write("bad.toml", "[[provider]]\n");
    for (new, old, status, expected) in [
        (
            "keys.toml",
            "keys.toml",
            0,
            "ok: a reload changes nothing\n",
        ),
        (
            "more.toml",
            "keys.toml",
            3,
            "tenant new: added (1 client key)\n",
        ),
        ("keys.toml", "more.toml", 3, "tenant new: removed\n"),
        ("other.toml", "more.toml", 4, "(needs a restart)\n"),
        ("bad.toml", "keys.toml", 1, ""),
        ("keys.toml", "bad.toml", 1, ""),
    ] {
        let ended = run(&files, &["check", new, "--against", old, "--exit-code"]).await;
        assert_eq!(ended.status.code(), Some(status), "{}", ended.stderr);
        assert!(ended.stdout.ends_with(expected), "{}", ended.stdout);
        let plain = run(&files, &["check", new, "--against", old]).await;
        let expected = i32::from(status == 1);
        assert_eq!(plain.status.code(), Some(expected), "{}", plain.stderr);
    }
    let ended = run(&files, &["check", "keys.toml"]).await;
    let warnings = ended
        .stderr
        .matches("everybody on this machine may read the file");
    assert_eq!(warnings.count(), 4, "{}", ended.stderr);
}
