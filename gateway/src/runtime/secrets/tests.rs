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
        before = read(&policy, folder.path(), &before, Anew::Changed).expect("one is known");
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

    let second = read(&policy, folder.path(), &first, Anew::Changed).expect("one is known");
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
    assert!(due <= Instant::now() + repeated::RETRY);
}

#[test]
fn a_command_that_hangs_holds_up_nothing_that_was_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("vault", "echo sk-test-1");
    write("secret", "sk-other-1");
    let policy = policy(
        &[
            "{ command = [\"sh\", \"vault\"], timeout = \"60s\", refresh = \"1s\" }",
            "{ file = \"secret\" }",
        ],
        "[]",
    );
    let mut secrets = read_first(&policy, folder.path()).expect("they are there");
    write(
        "vault",
        "while [ ! -e up ]; do sleep 0.02; done; echo sk-test-2",
    );
    write("secret", "sk-other-2");
    for anew in [Anew::All, Anew::Changed] {
        secrets.run_due(folder.path());
        secrets = read(&policy, folder.path(), &secrets, anew).expect("all are known");
        assert_eq!(
            (of_key(&secrets, 0), of_key(&secrets, 1)),
            ("sk-test-1", "sk-other-2")
        );
        assert!(secrets.failures.is_empty(), "{:?}", secrets.failures);
    }
    assert_eq!(
        secrets.next_due(),
        None,
        "it runs: nobody has waited for it"
    );
    write("up", "");
    let began = Instant::now();
    while secrets.next_due().is_none_or(|due| due > Instant::now()) {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    secrets = read(&policy, folder.path(), &secrets, Anew::Changed).expect("all are known");
    assert_eq!(of_key(&secrets, 0), "sk-test-2");
}

#[test]
fn what_another_writes_into_its_file_holds_up_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("theirs", "kw_a\nkw_b\n");
    write("others", "kw_c\n");
    let mut policy = policy(&["\"sk-one\""], "[{ file = \"theirs\" }]");
    let mut other = policy.tenants[TenantId(0)].clone();
    other.id = "other".to_owned();
    other.client_key_refs = vec![SecretRef::File("others".into())];
    let second = TenantId(1);
    policy.tenants.insert(second, other);
    let keys_of = |secrets: &Secrets, tenant: TenantId| {
        let keys = ["kw_a", "kw_b", "kw_c", "kw_d"].into_iter();
        let is_one = |key: &&str| {
            secrets
                .client_keys
                .contains(&(ClientKeyHash::of(key), tenant))
        };
        keys.filter(is_one).collect::<Vec<_>>()
    };
    let mut secrets = read_first(&policy, folder.path()).expect("all are right");
    let again = |secrets: &mut Secrets| {
        *secrets = read(&policy, folder.path(), secrets, Anew::Changed).expect("all are known");
        secrets.failures.clone()
    };
    // The first lists a key of the second: it stays whose it was, and the rest of the file counts.
    write("theirs", "kw_c\nkw_d\n");
    let failures = again(&mut secrets);
    let expected = "client keys of tenant \"t\": one of its client keys is a client key of tenant \
                    \"other\" too; it stays that one's";
    assert_eq!(failures, [expected]);
    assert_eq!(keys_of(&secrets, TenantId(0)), ["kw_d"]);
    assert_eq!(keys_of(&secrets, second), ["kw_c"]);
    assert_eq!(
        again(&mut secrets),
        [expected],
        "it is told as long as it is so"
    );
    // Of a file with a bad line the others count, and a file with comments alone has none.
    write("theirs", "kw_a\nkw b\n");
    let failures = again(&mut secrets);
    assert!(
        failures[0].contains("line 2 is neither")
            && failures[0].ends_with("its other lines are used"),
        "{failures:?}"
    );
    assert_eq!(keys_of(&secrets, TenantId(0)), ["kw_a"]);
    write("theirs", "# all revoked\n");
    assert!(again(&mut secrets).is_empty());
    assert!(keys_of(&secrets, TenantId(0)).is_empty());
    assert_eq!(keys_of(&secrets, second), ["kw_c"]);
    // What is new is looked at as a whole.
    let problems = {
        write("others", "kw_c\nkw d\n");
        read_first(&policy, folder.path())
            .expect_err("a line is wrong")
            .to_string()
    };
    assert!(problems.contains("line 2 is neither"), "{problems}");
}

#[test]
fn a_key_that_comes_by_anothers_secret_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("one", "sk-one");
    write("two", "sk-two");
    let policy = policy(&["{ file = \"one\" }", "{ file = \"two\" }"], "[]");
    let mut secrets = read_first(&policy, folder.path()).expect("all are right");
    let again = |secrets: &mut Secrets| {
        *secrets = read(&policy, folder.path(), secrets, Anew::Changed).expect("all are known");
        secrets.failures.clone()
    };
    write("one", "sk-two");
    let failures = again(&mut secrets);
    assert_eq!(
        failures,
        [
            "key \"a\": is the same credential as key \"b\": two keys with one credential add nothing; \
          what was known is used"
        ]
    );
    assert_eq!(
        (of_key(&secrets, 0), of_key(&secrets, 1)),
        ("sk-one", "sk-two")
    );
    write("two", "sk-one");
    assert!(again(&mut secrets).is_empty(), "they have changed places");
    assert_eq!(
        (of_key(&secrets, 0), of_key(&secrets, 1)),
        ("sk-two", "sk-one")
    );
}
