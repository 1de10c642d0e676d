//! What operators get wrong, and what the terminal says to it.

use std::net::TcpListener;

use keyweir_policy::config::secret::ClientKeyHash;

use crate::support::program::{Ended, Files, Program, Watch, run, run_on};
use crate::support::stage::tenant;
use crate::support::{PROMPT, tls};

const SECRET: &str = "sk-ant-api03-Ub6kWq9eLz2vXc5nRt8yHs1d";

/// A policy that is right, with `more` at its end.
fn policy(more: &str) -> String {
    format!(
        "[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n\n\
         [[provider]]\nid = \"claude\"\ndialect = \"anthropic\"\n\
         base_url = \"http://127.0.0.1:9\"\n\n\
         [[account]]\nid = \"team\"\nprovider = \"claude\"\n\
         [[account.key]]\nid = \"team-1\"\nsecret = {{ file = \"team.key\" }}\n{more}"
    )
}

fn files(policy: &str) -> Files {
    let files = Files::new(policy);
    files.write("team.key", SECRET);
    files
}

async fn check(policy: &str) -> Ended {
    run(&files(policy), &["check", "keys.toml"]).await
}

async fn serve(files: &Files) -> Ended {
    let watch = Watch::start();
    let ended = run(files, &["serve", "--policy", "keys.toml"]).await;
    watch.within(PROMPT);
    ended
}

/// The problems in a complaint: those of its lines that name a place.
fn problems(complaint: &str) -> Vec<&str> {
    let named = |line: &&str| line.contains("keys.toml:");
    complaint.lines().filter(named).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_right_is_said_to_be() {
    let ended = check(&policy("")).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "ok: providers: 1, accounts: 1, keys: 1, tenants: 0\n"
    );
    assert_eq!(ended.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mistakes_are_reported_in_one_run_each_with_its_place_and_what_to_write() {
    let text = r#"[gateway]
listen = ["localhost:8080"]
admins = "127.0.0.1:9090"

[gateway.timeouts]
connect = "5 parsecs"

[gateway.limits]
body_bytes_max = "-1"

[[provider]]
id = "claude"
dialect = "antropic"
base_url = "ftp://api.anthropic.com"

[[account]]
id = "team"
provider = "cloude"
[[account.key]]
id = "team-1"
secret = "$ANTHROPIC_API_KEY"

[[account.key]]
id = "team-1"
secret = { env = "A", file = "b" }

[[tenant]]
id = "search"
client_keys = ["kw_7TqWm3ZrK9sXbV2nYc5LdF8hGjP4tR6eUaQ1wN0oSiB"]
"#;
    let ended = check(text).await;
    let complaint = ended.complaint();
    let expected = [
        ("2:11", "gateway.listen[0]", "127.0.0.1:8080"),
        ("3:1", "gateway.admins", "admin"),
        ("6:11", "gateway.timeouts.connect", ""),
        ("9:18", "gateway.limits.body_bytes_max", ""),
        ("13:11", "provider[0].dialect", "anthropic"),
        ("14:12", "provider[0].base_url", "http"),
        ("18:12", "account[0].provider", "claude"),
        ("21:10", "account[0].key[0].secret", "env"),
        ("24:6", "account[0].key[1].id", "same"),
        ("25:10", "account[0].key[1].secret", ""),
        ("29:16", "tenant[0].client_keys[0]", "keyweir hash"),
    ];
    let problems = problems(complaint);
    for (place, field, hint) in expected {
        let begins = format!("keys.toml:{place}: {field}: ");
        let found = problems.iter().find(|line| line.starts_with(&begins));
        let found = found.unwrap_or_else(|| panic!("no {begins}:\n{complaint}"));
        assert!(found.contains(hint), "{found}");
    }
    assert_eq!(problems.len(), expected.len(), "{complaint}");
    assert!(complaint.ends_with("11 errors\n"), "{complaint}");
    assert!(!complaint.contains("7TqWm3Zr"), "{complaint}");

    // Serving says the same.
    let served = serve(&files(text)).await;
    assert_eq!(served.complaint(), complaint);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_toml_is_told_where_without_showing_the_line() {
    let text = policy(&format!(
        "\n[[account.key]]\nid = \"b\"\nsecret = \"{SECRET}\nx = 1\n"
    ));
    let ended = check(&text).await;
    let complaint = ended.complaint();
    assert!(complaint.contains("keys.toml:19:"), "{complaint}");
    assert!(!complaint.contains("Ub6kWq9e"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_that_cannot_serve_are_refused() {
    for (what, text, says) in [
        ("nothing", String::new(), "provider"),
        ("no provider", "[gateway]\n".to_owned(), "provider"),
        (
            "a provider without accounts",
            policy("").replace("[[account]]", "[[accounts]]"),
            "account",
        ),
        (
            "a provider without keys",
            policy("")
                .split("[[account.key]]")
                .next()
                .unwrap_or_default()
                .to_owned(),
            "key",
        ),
        (
            "two keys with one id",
            policy("[[account.key]]\nid = \"team-1\"\nsecret = { env = \"B\" }\n"),
            "account[0].key[1].id",
        ),
        (
            "two accounts with one id",
            policy(
                "[[account]]\nid = \"team\"\nprovider = \"claude\"\n[[account.key]]\nid = \"b\"\nsecret = { env = \"B\" }\n",
            ),
            "account[1].id",
        ),
        (
            "one client key for two tenants",
            policy(&format!(
                "{}{}",
                tenant("a", "kw_1", ""),
                tenant("b", "kw_1", "")
            )),
            "client_keys",
        ),
    ] {
        let ended = check(&text).await;
        let complaint = ended.complaint();
        assert!(complaint.contains(says), "{what}: {complaint}");
        assert_eq!(serve(&files(&text)).await.complaint(), complaint, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_there_are_named() {
    let files = Files::new("");
    std::fs::create_dir(files.path().join("empty")).expect("made");
    files.write("binary.toml", "id = \"\u{0}\"");
    for (path, says) in [
        ("missing.toml", "missing.toml"),
        ("empty", "no *.toml file"),
        ("binary.toml", "binary.toml:1:"),
    ] {
        for arguments in [vec!["check", path], vec!["serve", "--policy", path]] {
            let ended = run(&files, &arguments).await;
            assert!(ended.complaint().contains(says), "{}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_missing_are_named_by_their_key_all_at_once() {
    let more = r#"
[[account.key]]
id = "from-env"
secret = { env = "KEYWEIR_TEST_THAT_NOBODY_SETS" }
[[account.key]]
id = "from-nowhere"
secret = { file = "/nowhere/at/all.key" }
[[account.key]]
id = "pasted"
secret = { file = "sk-ant-api03-Vq3xPasted" }
[[account.key]]
id = "empty"
secret = { file = "empty.key" }
[[account.key]]
id = "two-lines"
secret = { file = "two.key" }
[[account.key]]
id = "subscription"
secret = { file = "subscription.key" }
"#;
    let files = files(&policy(more));
    files.write("empty.key", "\n");
    files.write("two.key", &format!("{SECRET}\n{SECRET}\n"));
    files.write("subscription.key", "sk-ant-oat01-Ub6kWq9eLz2v");
    // Whether they are there is asked when they are wanted.
    let checked = run(&files, &["check", "keys.toml"]).await;
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stderr);
    for arguments in [
        vec!["check", "--secrets", "keys.toml"],
        vec!["serve", "--policy", "keys.toml"],
    ] {
        let ended = run(&files, &arguments).await;
        let complaint = ended.complaint();
        for (key, says) in [
            (
                "from-env",
                "KEYWEIR_TEST_THAT_NOBODY_SETS: the environment variable that its `env` names is not set",
            ),
            (
                "from-nowhere",
                "/nowhere/at/all.key: cannot read the file that its `file` names",
            ),
            ("pasted", "cannot read the file that its `file` names"),
            ("empty", "empty.key: the secret is empty"),
            ("two-lines", "the secret has 2 lines"),
            ("subscription", "subscription"),
        ] {
            let named = format!("key \"{key}\"");
            let line = complaint.lines().find(|line| line.contains(&named));
            let line = line.unwrap_or_else(|| panic!("no {named}: {complaint}"));
            assert!(line.contains(says), "{line}");
        }
        assert!(!complaint.contains("Ub6kWq9e"), "{complaint}");
        assert!(!complaint.contains("team-1"), "{complaint}");
        // What stands in a secret's field may be a secret in the wrong place.
        assert!(!complaint.contains("Pasted"), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_missing_or_wrong_are_named() {
    let own = tls::certificate();
    let tls_table = "\n[gateway.tls]\nlisten = [\"127.0.0.1:0\"]\ncert_file = \"tls.crt\"\nkey_file = \"tls.key\"\n";
    let ca = "https://127.0.0.1:9\"\nca_file = \"ca.pem";
    for (what, text, files_there, says) in [
        ("no certificate", policy(tls_table), vec![], "tls.crt"),
        (
            "no key",
            policy(tls_table),
            vec![("tls.crt", own.cert.as_str())],
            "tls.key",
        ),
        (
            "a key for a certificate",
            policy(tls_table),
            vec![("tls.crt", own.key.as_str()), ("tls.key", own.key.as_str())],
            "tls.crt",
        ),
        (
            "a key that is none",
            policy(tls_table),
            vec![
                ("tls.crt", own.cert.as_str()),
                (
                    "tls.key",
                    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                ),
            ],
            "tls.key",
        ),
        (
            "no authority",
            policy("").replace("http://127.0.0.1:9", ca),
            vec![],
            "ca.pem",
        ),
        (
            "an authority that is none",
            policy("").replace("http://127.0.0.1:9", ca),
            vec![("ca.pem", "no certificate")],
            "ca.pem",
        ),
    ] {
        let files = files(&text);
        for (name, text) in files_there {
            files.write(name, text);
        }
        for arguments in [
            vec!["check", "--secrets", "keys.toml"],
            vec!["serve", "--policy", "keys.toml"],
        ] {
            let ended = run(&files, &arguments).await;
            assert!(ended.complaint().contains(says), "{what}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_ends_the_program_with_its_name() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    for setting in ["listen = [\"127.0.0.1:0\"]", "admin = \"127.0.0.1:0\""] {
        let text = policy("").replace(setting, &setting.replace("127.0.0.1:0", &address));
        let ended = serve(&files(&text)).await;
        let complaint = ended.complaint();
        assert!(
            complaint.contains(&format!("cannot listen on {address}")),
            "{complaint}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tenants_only_this_machine_is_listened_to() {
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let text = policy("").replacen("127.0.0.1:0", open, 1);
        for ended in [check(&text).await, serve(&files(&text)).await] {
            let complaint = ended.complaint();
            assert!(complaint.contains("tenant"), "{complaint}");
            assert!(complaint.contains("127.0.0.1"), "{complaint}");
        }
        let with_tenant = format!("{text}{}", tenant("a", "kw_1", ""));
        let ended = check(&with_tenant).await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_and_its_hash_belong_together() {
    let files = files("");
    let made = run(&files, &["hash"]).await;
    assert!(made.status.success());
    let key = made
        .stdout
        .split_whitespace()
        .find(|word| word.starts_with("kw_"));
    let key = key.expect("a client key");
    assert!(
        made.stdout
            .contains(&format!("client_keys = [\"{}\"]", ClientKeyHash::of(key)))
    );
    assert!(key.len() >= 40, "{key}");
    let again = run(&files, &["hash"]).await;
    assert!(!again.stdout.contains(key));

    let line = made
        .stdout
        .lines()
        .find(|line| line.contains("client_keys"))
        .expect("a line");
    let text = policy(&format!("\n[[tenant]]\nid = \"a\"\n{}\n", line.trim()));
    assert_eq!(check(&text).await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reads_what_is_piped_in_and_writes_over_nothing() {
    let files = Files::new("");
    let policy = files.path().join("made.toml");
    let import = async |keys: &str| {
        let arguments = [
            "import",
            "keys",
            "-",
            "--secrets",
            "secrets",
            "--out",
            "made.toml",
        ];
        let ended = run_on(&files, &arguments, keys).await;
        (ended.status.success(), ended.stderr)
    };
    let (is_good, told) = import("sk-ant-admin01-Qx7vJ2mWcR9tYb4L\n").await;
    assert!(
        !is_good && told.contains("1: unsupported: a key: it is an Admin key"),
        "{told}"
    );
    let (is_good, told) = import("export TEAM=gsk_Qx7vJ2mWcR9tYb4L\n").await;
    assert!(
        is_good && told.contains("1: approximate: a key of groq: account team"),
        "{told}"
    );
    // The policy is gone, a key's file is not: nothing is written.
    std::fs::remove_file(&policy).expect("it is there");
    let keys = "team: gsk_Qx7vJ2mWcR9tYb4M\nother=gsk_Qx7vJ2mWcR9tYb4N\n";
    let (is_good, told) = import(keys).await;
    assert!(
        !is_good && told.contains("team.key: is there already, and is not written over"),
        "{told}"
    );
    assert!(!policy.exists() && !files.path().join("secrets/other.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_that_there_is_can_be_hashed() {
    let files = Files::new("");
    let hash = async |input: &str| {
        let ended = run_on(&files, &["hash", "-"], input).await;
        (ended.status.success(), ended.stdout, ended.stderr)
    };
    let line = |key: &str| format!("client_keys = [\"{}\"]\n", ClientKeyHash::of(key));
    const OWN: &str = "own-Qx7vJ2mWcR9tYb4M";
    let hashed = hash(&format!("{OWN}\n")).await;
    assert_eq!(hashed, (true, line(OWN), String::new()));
    for weak in [
        "own-key-1",
        "sk-your-master-key-here",
        "${LITELLM_MASTER_KEY}",
    ] {
        let (is_good, said, complaint) = hash(weak).await;
        assert_eq!((is_good, said), (true, line(weak)));
        assert!(
            complaint.contains("whoever guesses it is let in") && !complaint.contains(weak),
            "{complaint}"
        );
    }
    for bad in ["", " \n", "two words", &"x".repeat(5000)] {
        let (is_good, said, complaint) = hash(bad).await;
        assert!(!is_good && said.is_empty(), "{bad}");
        assert!(
            bad.trim().is_empty() || !complaint.contains(bad),
            "{complaint}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_that_is_piped_in_is_not_passed_over_in_silence() {
    let files = Files::new("");
    let ended = run_on(&files, &["hash"], "own-key-1\n").await;
    assert!(
        !ended.status.success() && ended.stdout.is_empty(),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("`keyweir hash -` hashes it"),
        "{}",
        ended.stderr
    );
    // A pipe that is empty is none that somebody means to be read.
    let ended = run_on(&files, &["hash"], "").await;
    assert!(
        ended.status.success() && ended.stdout.contains("kw_"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_names_place_is_not_shown() {
    for secret in [
        r#"{ file = "sk-ant-api03-hunter2hunter2" }"#,
        r#"{ env = "AIzaSyhunter2hunter2" }"#,
        r#"{ env = "sk-ant-api03-hunter2" }"#,
        r#"{ file = "/sk-proj-hunter2" }"#,
    ] {
        let text = format!(
            "[[provider]]\nid = \"a\"\ndialect = \"anthropic\"\nbase_url = \"http://127.0.0.1:1\"\n\
             [[account]]\nid = \"a\"\nprovider = \"a\"\n[[account.key]]\nid = \"a-1\"\nsecret = {secret}\n"
        );
        let files = Files::new(&text);
        for arguments in [
            &["check", "--secrets", "keys.toml"][..],
            &["serve", "--policy", "keys.toml"],
        ] {
            let ended = run(&files, arguments).await;
            let complaint = ended.complaint();
            assert!(!complaint.contains("hunter2"), "{complaint}");
            assert!(
                complaint.contains("a-1") || complaint.contains("secret"),
                "{complaint}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_may_come_from_the_environment_or_lie_beside_the_policy() {
    let files = files(&policy(""));
    // Beside the policy, not beside whoever starts the program.
    let path = files.path().join("keys.toml").display().to_string();
    let other = Files::new("");
    let ended = run(&other, &["check", "--secrets", &path]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let elsewhere = policy("").replace("file = \"team.key\"", "env = \"TEAM_KEY\"");
    let elsewhere = Files::new(&elsewhere).variable("TEAM_KEY", SECRET);
    let ended = run(&elsewhere, &["check", "--secrets", "keys.toml"]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let gateway = Program::start(files, None, None).await;
    assert_eq!(gateway.admin("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_does_not_know_it_says_and_shows_help() {
    let files = files(&policy(""));
    for arguments in [
        vec!["sreve"],
        vec!["serve", "--polcy", "x"],
        vec!["check"],
        vec![],
    ] {
        let ended = run(&files, &arguments).await;
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        assert!(ended.stderr.contains("Usage: keyweir"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_a_message_like_others_for_machines() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("bound").to_string();
    for (policy, says) in [
        (policy("[[account]]\nid = \"team\"\n"), "keys.toml:"),
        (policy("").replace("team.key", "none.key"), "none.key"),
        (
            policy("").replacen("127.0.0.1:0", &taken, 1),
            "cannot listen on",
        ),
    ] {
        let files = files(&policy);
        let words = ["--log-format", "json", "serve", "--policy", "keys.toml"];
        let ended = run(&files, &words).await;
        assert_eq!(ended.status.code(), Some(1));
        let messages = ended.stderr.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let told = messages
            .filter(|message| message["level"] == "ERROR")
            .any(|message| {
                message["message"]
                    .as_str()
                    .is_some_and(|it| it.contains(says))
            });
        assert!(told, "{says}: {}", ended.stderr);
    }
}
