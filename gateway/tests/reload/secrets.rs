//! Secrets that change while requests run.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::house::{Crowd, House, lines};
use crate::support::api::{Api, Request};
use crate::support::stage::{KEYS, Plan};
use crate::support::until;

const SECOND: &str = "sk-ant-api03-Second8b4nMq1wEr5tYu9iOp2";
const THIRD: &str = "sk-ant-api03-Third7c5mNr2xFs6uZv8jPq3";

fn used(house: &House, key: &str) -> u64 {
    let counters = house.stage.control().counters();
    counters.keys.get(key).map_or(0, |key| key.requests)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_under_load_and_is_in_use_within_a_second() {
    let house = House::build(Plan::new()).await;
    let crowd = Crowd::start(&house, 8);
    crowd.goes_on(40).await;
    let mut before = KEYS[0].1;
    for secret in [SECOND, THIRD] {
        assert!(house.stage.control().add_key("claude-one", secret));
        let began = Instant::now();
        house.put("claude-one.key", &format!("{secret}\n"));
        until("the new secret is in use", || used(&house, secret) > 0).await;
        // A second, and what it takes a busy machine.
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        // What was sent with the old one ends before the provider forgets it.
        let all = house.stage.control().counters().requests;
        until("the old one is no longer used", || {
            house.stage.control().counters().requests > all + 40
        })
        .await;
        house.stage.control().remove_key(before);
        crowd.goes_on(40).await;
        before = secret;
    }
    crowd.all_served().await;
    let changed = "key claude-one-key: has a new secret";
    house.gateway().writes(changed).await;
    let written = house.gateway().written();
    assert!(!written.contains(SECOND) && !written.contains(THIRD));
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_rejected_are_asked_at_once_with_other_secrets() {
    let house = House::build(Plan::new()).await;
    let state = async |key: &str| {
        let status = house.gateway().status().await;
        let mut keys = status["providers"].as_array().expect("a list").iter();
        let mut keys = keys.find_map(|it| {
            let mut keys = it["keys"].as_array()?.iter();
            keys.find(|it| it["id"] == key).cloned()
        });
        keys.take().expect("it is there")["state"].clone()
    };
    // The provider has forgotten both: one is out, and of the other nobody knows better.
    for (name, secret) in &KEYS[..2] {
        house.stage.control().remove_key(secret);
        let out = async {
            while state(&format!("{name}-key")).await != "out" {
                house.ask(&Api::Messages.request(false)).await;
            }
        };
        crate::support::in_time("the key is out", out).await;
    }
    // One has another text in its file, the other stands in the policy from now on.
    house.stage.control().add_key(KEYS[0].0, SECOND);
    house.stage.control().add_key(KEYS[1].0, THIRD);
    house.put(&format!("{}.key", KEYS[0].0), SECOND);
    let reference = format!("{{ file = \"{}.key\" }}", KEYS[1].0);
    let text = house.policy().replace(&reference, &format!("\"{THIRD}\""));
    assert_ne!(text, house.policy());
    house.follow(&text).await;
    for _ in 0..4 {
        house.stage.serves(Api::Messages).await;
    }
    let tried = async {
        while used(&house, SECOND) == 0 || used(&house, THIRD) == 0 {
            house.stage.serves(Api::Messages).await;
        }
    };
    crate::support::in_time("both are asked", tried).await;
    house
        .gateway()
        .writes("a key has another secret; what spoke against the old one is cleared")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_whole_is_not_used_and_told() {
    let house = House::build(Plan::new()).await;
    for (text, told) in [
        ("", "the secret is empty"),
        ("\n \n", "the secret is empty"),
        ("a b", "cannot stand in a header"),
    ] {
        house.put("gpt-one.key", text);
        let answer = house.gateway().reload().await.json();
        let failed = lines(&answer["secrets_failed"]);
        assert!(
            failed[0].contains("key \"gpt-one-key\"") && failed[0].contains(told),
            "{failed:?}"
        );
        assert_eq!(house.metric("keyweir_policy_secrets_failed").await, 1.0);
        house.stage.serves(Api::Chat).await;
    }
    std::fs::remove_file(house.gateway().files.path().join("gpt-one.key")).expect("it was there");
    let answer = house.gateway().reload().await.json();
    assert!(lines(&answer["secrets_failed"])[0].contains("cannot read"));
    house.stage.is_unharmed().await;
    house.put("gpt-one.key", KEYS[2].1);
    house
        .until_status("it is right again", |status| {
            lines(&status["policy"]["secrets_failed"]).is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_again_and_again() {
    let house = House::build(Plan::new()).await;
    let script = house.gateway().files.path().join("vault");
    let prints = |text: &str| {
        house.put("vault", &format!("#!/bin/sh\n{text}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&script, mode).expect("set");
    };
    prints(&format!("echo {}", KEYS[0].1));
    let command = format!(
        "{{ command = [\"{}\"], refresh = \"1s\", timeout = \"1s\" }}",
        script.display()
    );
    let text = house
        .policy()
        .replace("{ file = \"claude-one.key\" }", &command);
    house.follow(&text).await;
    let crowd = Crowd::start(&house, 4);
    house.stage.control().add_key("claude-one", SECOND);
    prints(&format!("echo {SECOND}"));
    until("it has run again", || used(&house, SECOND) > 0).await;
    // A failure keeps what there is.
    for (fails, told) in [
        ("echo sk-half; exit 1", "failed"),
        ("sleep 60", "was killed"),
    ] {
        prints(fails);
        house
            .until_status("it is told", |status| {
                let failed = lines(&status["policy"]["secrets_failed"]);
                failed.iter().any(|line| line.contains(told))
            })
            .await;
        crowd.goes_on(20).await;
    }
    house.stage.control().remove_key(KEYS[0].1);
    crowd.goes_on(20).await;
    crowd.all_served().await;
    prints(&format!("echo {SECOND}"));
    let again = "key \\\"claude-one-key\\\": the secret can be read again";
    house.gateway().writes(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_hangs_holds_up_no_reload() {
    let house = House::build(Plan::new()).await;
    let script =
        "if [ -e hangs ]; then echo $$ > next; mv next hung; sleep 600; fi; cat claude-one.key";
    let command = format!(
        "{{ command = [\"sh\", \"-c\", \"{script}\"], refresh = \"1s\", timeout = \"60s\" }}"
    );
    let policy = house.policy();
    let policy = policy.replace("{ file = \"claude-one.key\" }", &command);
    house.follow(&policy).await;
    house.put("hangs", "");
    let hung = house.gateway().files.path().join("hung");
    until("it hangs", || hung.exists()).await;
    let id = std::fs::read_to_string(&hung).expect("its id");
    house.stage.control().add_key("claude-two", SECOND);
    house.put("claude-two.key", SECOND);
    let used = async {
        while used(&house, SECOND) == 0 {
            house.stage.serves(Api::Messages).await;
        }
    };
    crate::support::in_time("another key's new secret is used", used).await;
    house
        .follow(&policy.replace("[[tenant]]", "# again\n[[tenant]]"))
        .await;
    assert!(lives(&id), "nobody has waited for its end");
}

/// Whether a process is there that is not dead.
fn lives(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
    // Its state is behind its name (`proc_pid_stat(5)`).
    stat.is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|it| it.1.starts_with('Z'))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_runs_ends_with_the_gateway() {
    for signal in ["TERM", "INT"] {
        let house = House::build(Plan::new()).await;
        let folder = house.gateway().files.path().to_owned();
        let script = "if [ -e hangs ]; then sleep 600 & echo $$ $! > next; mv next ids; wait; fi; cat claude-one.key";
        let command = format!(
            "{{ command = [\"sh\", \"-c\", \"{script}\"], refresh = \"1s\", timeout = \"60s\" }}"
        );
        let policy = house.policy();
        house
            .follow(&policy.replace("{ file = \"claude-one.key\" }", &command))
            .await;
        house.put("hangs", "");
        until("it runs again", || folder.join("ids").exists()).await;
        let ids = std::fs::read_to_string(folder.join("ids")).expect("written");
        let ids: Vec<&str> = ids.split_whitespace().collect();
        assert!(ids.len() == 2 && ids.iter().all(|id| lives(id)), "{ids:?}");
        house.gateway().signal(signal).await;
        until("both are gone", || !ids.iter().any(|id| lives(id))).await;
        house.stage.gateway.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_keys_that_stand_elsewhere_are_read_anew() {
    let plan = Plan::new()
        .file("clients", "kw_first\n# and soon\nkw_second\n")
        .and("[[tenant]]\nid = \"other\"\nclient_keys = [{ file = \"clients\" }]\n");
    let house = House::build(plan).await;
    let status = async |key: &str| {
        let request: Request = Api::Messages.request(false).without("x-api-key");
        house.ask(&request.header("x-api-key", key)).await.status
    };
    assert_eq!(status("kw_first").await, 200);
    assert_eq!(status("kw_second").await, 200);
    house.put("clients", "kw_second\nkw_third\n");
    house.gateway().reload().await;
    for (key, expected) in [("kw_first", 401), ("kw_second", 200), ("kw_third", 200)] {
        assert_eq!(status(key).await, expected, "{key}");
    }
    let written = house.gateway().written();
    for key in ["kw_first", "kw_second", "kw_third"] {
        assert!(!written.contains(key), "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_tells_a_secret_whatever_is_wrong() {
    let house = House::build(Plan::new().log("trace")).await;
    let right = house.policy();
    let planted = "sk-ant-api03-PLANTED4b4nMq1wEr5tYu9iOp2";
    let pages = async || {
        let mut text = String::new();
        for path in ["/status", "/metrics"] {
            text += &house.gateway().admin(path).await.text();
        }
        text
    };
    for (secret, file) in [
        (format!("\"{planted}\""), ""),
        (format!("\"{planted} x\""), ""),
        (format!("{{ env = \"{planted}\" }}"), ""),
        (format!("{{ file = \"{planted}\" }}"), ""),
        (format!("{{ command = [\"echo\", \"{planted}\"] }}"), ""),
        (format!("{{ command = [\"{planted}\"] }}"), ""),
        ("{ file = \"planted\" }".to_owned(), planted),
        (planted.to_owned(), ""),
    ] {
        house.gateway().files.write("planted", file);
        house.write(&right.replace("{ file = \"claude-one.key\" }", &secret));
        let answer = house.gateway().reload().await;
        house.ask(&Api::Messages.request(false)).await;
        for text in [answer.text(), pages().await, house.gateway().written()] {
            assert!(!text.contains("PLANTED"), "{secret}: {text}");
        }
    }
}
