//! On any mistake the old policy serves on, and the mistake is told.

use std::os::unix::fs::symlink;

use crate::house::{Crowd, House, lines};
use crate::support::api::{Api, CLIENT_KEY};
use crate::support::program::run;
use crate::support::stage::{Plan, tenant};

const NEW: &str = "kw_new0000000000000000000000000000000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn on_a_mistake_the_old_policy_serves_on_and_the_mistake_is_told() {
    let house = House::build(Plan::new()).await;
    let crowd = Crowd::start(&house, 4);
    let right = house.policy();
    let hash = house.gateway().status().await["policy"]["hash"].clone();
    let bad = [
        // Half written, or not right.
        right[..right.len() / 2 - 7].to_owned(),
        String::new(),
        right.replace("dialect = \"openai\"", "dialect = \"opneai\""),
        right.replace("provider = \"gpt\"", "provider = \"gtp\""),
        right.clone() + &tenant("tester", "kw_other", ""),
        right.clone() + &tenant("other", CLIENT_KEY, ""),
        // Secrets that are not there, or not whole.
        right.replace("gpt-one.key", "gpt-none.key"),
        right.replace(
            "{ file = \"gpt-one.key\" }",
            "{ env = \"KEYWEIR_NOT_SET\" }",
        ),
        right.replace("{ file = \"gpt-one.key\" }", "{ command = [\"false\"] }"),
        format!("# {}\n{right}", "x".repeat(9 << 20)),
    ];
    for policy in &bad {
        house.write(policy);
        let answer = house.gateway().reload().await;
        let told = answer.json();
        assert_eq!(
            (answer.status, &told["result"]),
            (422, &"failed".into()),
            "{told}"
        );
        let mistakes = lines(&told["mistakes"]);
        assert!(!mistakes.is_empty());
        assert_eq!(told["policy"], hash);
        let status = house.gateway().status().await;
        assert_eq!(lines(&status["policy"]["failed"]["mistakes"]), mistakes);
        assert_eq!(house.metric("keyweir_policy_reload_failed").await, 1.0);
        let logged = mistakes[0].replace('"', "\\\"");
        house.gateway().writes(&logged).await;
        assert!(!answer.text().contains("sk-"), "{}", answer.text());
    }
    house.write(&right);
    assert_eq!(house.gateway().reload().await.json()["result"], "unchanged");
    assert_eq!(house.metric("keyweir_policy_reload_failed").await, 0.0);
    crowd.goes_on(10).await;
    crowd.all_served().await;
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_probably_not_meant_is_told_apart_from_mistakes() {
    let house = House::build(Plan::new()).await;
    let right = house.policy();
    let doubtful = "\n[[account]]\nid = \"empty\"\nprovider = \"gpt\"\n";
    house.write(&format!("{right}{doubtful}\n[retry]\nattempts_max = 0\n"));
    let told = house.gateway().reload().await.json();
    let mistakes = lines(&told["mistakes"]);
    assert_eq!(mistakes.len(), 1, "{told}");
    assert!(mistakes[0].contains("attempts_max"), "{told}");
    let warnings = lines(&told["warnings"]);
    assert!(warnings[0].contains("warning"), "{told}");
    house.write(&format!("{right}{doubtful}"));
    let told = house.gateway().reload().await.json();
    assert_eq!(told["mistakes"], serde_json::json!([]), "{told}");
    assert_eq!(lines(&told["warnings"]), warnings);
    // Each is logged once, however often the files change.
    house.write(&format!("{right}{doubtful}\n[retry]\nattempts_max = 3\n"));
    let told = house.gateway().reload().await.json();
    // Unchanged, where the files' watcher was first.
    assert_ne!(told["result"], "failed", "{told}");
    let messages = house.gateway().messages();
    assert_eq!(
        messages.matches(warnings[0].as_str()).count(),
        1,
        "{messages}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_are_named() {
    let house = House::build(Plan::new()).await;
    let files = &house.gateway().files;
    let path = files.path().join("keys.toml");
    let remove = || std::fs::remove_file(&path).expect("it was there");
    let mistake = async || {
        let told = house.gateway().reload().await.json();
        lines(&told["mistakes"])[0].clone()
    };
    remove();
    assert!(
        mistake()
            .await
            .starts_with("cannot read keys.toml: No such file")
    );
    symlink("keys.toml", &path).expect("linked");
    assert!(
        mistake()
            .await
            .starts_with("cannot read keys.toml: Too many levels")
    );
    remove();
    std::fs::write(&path, b"# \xff\xfe\n").expect("written");
    assert!(mistake().await.contains("valid UTF-8"));
    house.write(&house.policy());
    house
        .until_status("the watch has followed", |status| {
            status["policy"]["failed"].is_null()
        })
        .await;
    house.stage.serves(Api::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_places_of_a_name_that_stands_twice_are_told() {
    use crate::support::program::{Files, run};
    let files = Files::new("");
    let folder = files.path().join("parts");
    std::fs::create_dir(&folder).expect("made");
    let policy = Plan::new().policy("http://127.0.0.1:9");
    std::fs::write(folder.join("10.toml"), policy).expect("written");
    std::fs::write(folder.join("20.toml"), tenant("tester", "kw_other", "")).expect("written");
    let ended = run(&files, &["check", "parts"]).await;
    let told = ended.complaint();
    assert!(told.contains("parts/20.toml:3:6: tenant[0].id"), "{told}");
    assert!(told.contains("tenant[0].id in parts/10.toml:"), "{told}");
    // What editors leave there is none of the policy.
    std::fs::write(folder.join("20.toml"), tenant("other", "kw_other", "")).expect("written");
    symlink("nowhere", folder.join(".#20.toml")).expect("linked");
    assert!(run(&files, &["check", "parts"]).await.status.success());
    symlink("nowhere", folder.join("30.toml")).expect("linked");
    let ended = run(&files, &["check", "parts"]).await;
    assert!(ended.complaint().contains("cannot read parts/30.toml"));
}

/// A folder that is copied or emptied looks so for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_tenant_does_not_go_while_the_gateway_runs() {
    let house = House::build(Plan::new()).await;
    let policy = house.policy();
    let (nobody, _) = policy
        .split_once("[[tenant]]")
        .expect("a tenant, at the end");
    house.gateway().files.write("current.toml", &policy);
    house.gateway().files.write("nobody.toml", nobody);
    house.write(nobody);
    let refused = house.gateway().reload().await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("there is no [[tenant]] any more"),
        "{}",
        refused.text()
    );
    let stranger = Api::Messages.request(false).without("x-api-key");
    assert_eq!(house.stage.ask(&stranger).await.status, 401);
    let check = ["check", "nobody.toml", "--against", "current.toml"];
    let checked = run(&house.gateway().files, &check).await;
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        checked.stdout.contains("tenant tester: removed"),
        "{}",
        checked.stdout
    );
    assert!(
        checked.stderr.contains("a reload refuses this"),
        "{}",
        checked.stderr
    );
    let admin = house.gateway().admin.to_string();
    let reload = ["reload", "--admin", &admin];
    let told = run(&house.gateway().files, &reload).await;
    assert_eq!(told.status.code(), Some(1));
    assert!(
        told.stdout.starts_with("refused: policy "),
        "{}",
        told.stdout
    );
    assert!(
        told.stderr.contains("there is no [[tenant]] any more"),
        "{}",
        told.stderr
    );
    house.write(&(policy + &tenant("new", NEW, "")));
    let told = run(&house.gateway().files, &reload).await;
    assert!(
        told.stdout.contains("tenant new: added"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    house.stage.is_unharmed().await;
}
