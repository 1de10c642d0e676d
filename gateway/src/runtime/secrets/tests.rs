use std::time::SystemTime;

use keyweir_policy::config::file;

use super::*;

/// A policy with these secrets of keys, and these client keys.
fn policy(secrets: &[&str], client_keys: &str) -> Policy {
    let mut text = "[[provider]]\nid = \"p\"\ndialect = \"anthropic\"\n\
         base_url = \"https://api.anthropic.com\"\n\
         [[account]]\nid = \"a\"\nprovider = \"p\"\n"
        .to_owned();
    for (key, secret) in ["a", "b", "c", "d"].iter().zip(secrets) {
        text += &format!("[[account.key]]\nid = \"{key}\"\nsecret = {secret}\n");
    }
    text += &format!("[[tenant]]\nid = \"t\"\nclient_keys = {client_keys}\n");
    let parsed = file::parse(&[("keys.toml", &text)], SystemTime::now());
    parsed.unwrap_or_else(|report| panic!("{report}")).0
}

fn of_key(secrets: &Secrets, key: u32) -> &str {
    secrets.of_keys[ProviderId(0)][KeyId(key)].expose()
}

fn read_first(policy: &Policy, folder: &Path) -> Result<Secrets, SecretProblems> {
    read(policy, folder, &Secrets::default(), Anew::All)
}

#[test]
fn all_missing_secrets_are_reported_at_once_and_by_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = policy(
        &[
            "{ env = \"KEYWEIR_TEST_SURELY_NOT_SET\" }",
            "{ file = \"missing\" }",
            // A secret in a name's place.
            "{ file = \"sk-ant-api03-hunter2\" }",
            "{ env = \"AIzaSyhunter2hunter2\" }",
        ],
        "[{ command = [\"hunter2-surely-not-there\"] }]",
    );

    let problems = read_first(&policy, folder.path()).expect_err("all are missing");

    let text = problems.to_string();
    assert!(
        text.contains("key \"a\": KEYWEIR_TEST_SURELY_NOT_SET: the environment variable"),
        "{text}"
    );
    assert!(text.contains("key \"b\": cannot read"), "{text}");
    assert!(
        text.contains("client keys of tenant \"t\": cannot run"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 5, "{text}");
    for value in ["missing", "sk-ant", "hunter2"] {
        assert!(!text.contains(value), "{text}");
    }
}

#[test]
fn one_credential_in_two_places_is_one_too_many() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("one"), "sk-test-1234\n").expect("written");
    std::fs::write(folder.path().join("two"), "sk-test-1234").expect("written");
    let policy = policy(&["{ file = \"one\" }", "{ file = \"two\" }"], "[]");

    let problems = read_first(&policy, folder.path()).expect_err("the same");

    let text = problems.to_string();
    assert!(
        text.starts_with("key \"b\": is the same credential as key \"a\""),
        "{text}"
    );
    assert!(!text.contains("1234"), "{text}");
}

#[test]
fn a_relative_file_starts_at_the_policy_files_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "sk-test-1234\n").expect("written");
    std::fs::write(folder.path().join("client"), "kw_a\nkw_b\n").expect("written");
    let policy = policy(&["{ file = \"secret\" }"], "[{ file = \"client\" }]");

    let secrets = read_first(&policy, folder.path()).expect("they are there");

    assert_eq!(of_key(&secrets, 0), "sk-test-1234");
    assert_eq!(secrets.client_keys.len(), 2);
}

#[test]
fn what_was_known_is_kept_where_it_cannot_be_read_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "sk-test-1").expect("written");
    let policy = policy(&["{ file = \"secret\" }"], "[]");
    let first = read_first(&policy, folder.path()).expect("it is there");

    let mut before = first;
    for (text, expected, failures) in [
        ("", "sk-test-1", 1),
        ("sk test", "sk-test-1", 1),
        ("sk-test-2\n", "sk-test-2", 0),
    ] {
        std::fs::write(&file, text).expect("written");
        before = read(&policy, folder.path(), &before, Anew::Due).expect("one is known");
        assert_eq!(of_key(&before, 0), expected);
        assert_eq!(before.failures.len(), failures, "{:?}", before.failures);
        assert!(before.failures.iter().all(|line| !line.contains("sk")));
    }
    std::fs::remove_file(&file).expect("it was there");
    let gone = read(&policy, folder.path(), &before, Anew::All).expect("one is known");
    assert_eq!((of_key(&gone, 0), gone.failures.len()), ("sk-test-2", 1));
}

#[test]
fn commands_run_again_when_they_are_due_or_all_is_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "sk-test-1").expect("written");
    let policy = policy(
        &["{ command = [\"cat\", \"secret\"], refresh = \"1h\" }"],
        "[]",
    );
    let first = read_first(&policy, folder.path()).expect("it prints one");
    std::fs::write(folder.path().join("secret"), "sk-test-2").expect("written");

    let second = read(&policy, folder.path(), &first, Anew::Due).expect("one is known");
    assert_eq!(of_key(&second, 0), "sk-test-1");
    assert_eq!(second.next_due(), first.next_due());
    assert_eq!(second.of_keys, first.of_keys);

    let third = read(&policy, folder.path(), &second, Anew::All).expect("it prints one");
    assert_eq!(of_key(&third, 0), "sk-test-2");
    assert_ne!(third.of_keys, first.of_keys);

    std::fs::remove_file(folder.path().join("secret")).expect("it was there");
    let failed = read(&policy, folder.path(), &third, Anew::All).expect("one is known");
    assert_eq!(of_key(&failed, 0), "sk-test-2");
    let due = failed.next_due().expect("it is tried again");
    assert!(due <= Instant::now() + RETRY);
}
