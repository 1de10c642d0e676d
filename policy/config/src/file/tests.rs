//! The example file, and bounds that are too large for a fixture.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::SystemTime;

use crate::file::problems::{KEPT_MAX, Problems};
use crate::file::suggest::ASKED;
use crate::file::{Policy, Report, parse};

const EXAMPLE: &str = include_str!("../../../../keys.example.toml");

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn parsed(text: &str) -> Policy {
    let (policy, report) = parse(&[("keys.toml", text)], NOW).expect("no errors");
    assert_eq!(report.to_string(), "no problems\n");
    policy
}

fn report(text: &str) -> Report {
    parse(&[("keys.toml", text)], NOW).expect_err("errors")
}

/// The example with its defaults written out: `#name = value` becomes `name = value`.
fn with_defaults(text: &str) -> String {
    let is_default = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    uncommented(text, "#", is_default)
}

/// The example with its examples taken up: `## name = value` becomes `name = value`.
fn with_examples(text: &str) -> String {
    uncommented(text, "## ", |_| true)
}

fn uncommented(text: &str, mark: &str, wanted: impl Fn(&str) -> bool) -> String {
    let line = |line: &str| {
        let rest = line.strip_prefix(mark).filter(|rest| wanted(rest));
        format!("{}\n", rest.unwrap_or(line))
    };
    text.lines().map(line).collect()
}

#[test]
fn example_file_is_valid() {
    parsed(EXAMPLE);
    parsed(&with_examples(EXAMPLE));
}

#[test]
fn defaults_in_the_example_file_are_the_real_ones() {
    let with_examples = with_examples(EXAMPLE);
    for text in [EXAMPLE, &with_examples] {
        let written_out = with_defaults(text);
        assert_ne!(written_out, text);
        assert_eq!(parsed(&written_out), parsed(text));
    }
}

#[test]
fn example_file_names_every_field_there_is() {
    let text = with_defaults(&with_examples(EXAMPLE));
    let problems = Problems::default();
    super::read_files(&[("keys.toml", &text)], &problems, NOW).expect("readable");
    let asked = problems.asked.borrow();
    let absent: BTreeSet<&String> = asked
        .iter()
        .filter(|field| !names_field(&text, field))
        .collect();
    // Without this the test could pass by asking nothing.
    assert!(asked.len() > 80, "{asked:?}");
    assert!(absent.is_empty(), "not in keys.example.toml: {absent:?}");
}

/// Whether `text` has the field (`gateway.limits.connections_max`): under its table's header, as a
/// table of its own, or in an inline table.
fn names_field(text: &str, field: &str) -> bool {
    // Where a secret stands is told once.
    let field = field.replace("gateway.admin_token.", "account.key.secret.");
    let field = field.replace("gateway.shared.redis.password.", "account.key.secret.");
    let field = &*field.replace(
        "gateway.shared.redis.sentinel_password.",
        "account.key.secret.",
    );
    let (table, name) = field.rsplit_once('.').expect("a table and a name");
    let full = field.trim_start_matches('.');
    let own_table = [format!("[{full}]"), format!("[[{full}]]")];
    let header = |line: &str| {
        line.starts_with('[')
            .then(|| line.trim_matches(['[', ']']).to_owned())
    };
    let inline = table.rsplit('.').next().expect("a name");
    let mut current = String::new();
    text.lines().any(|line| {
        if let Some(header) = header(line) {
            current = header;
        }
        let own = own_table.iter().any(|own| line == own);
        let below = current == table && line.starts_with(&format!("{name} ="));
        let within =
            line.starts_with(&format!("{inline} =")) && line.contains(&format!("{name} = "));
        own || below || within
    })
}

/// Every value of a policy replaced by a secret, one at a time.
#[test]
fn secret_in_any_place_is_not_shown() {
    let text = with_defaults(&with_examples(EXAMPLE));
    for (at, line) in text.lines().enumerate() {
        let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        for secret in [
            "\"sk-ant-api03-hunter2\"",
            "sk-ant-api03-hunter2",
            "[\"kw_hunter2\"]",
        ] {
            let mut lines: Vec<&str> = text.lines().collect();
            let leaky = format!("{name} = {secret}");
            lines[at] = &leaky;
            let text = lines.join("\n");
            let shown = match parse(&[("keys.toml", &text)], NOW) {
                Ok((_, warnings)) => warnings.to_string(),
                Err(report) => report.to_string(),
            };
            assert!(!shown.contains("hunter2"), "{leaky}: {shown}");
        }
    }
}

fn many_keys(accounts: usize, keys: usize) -> String {
    let mut text = String::from(
        "[[provider]]\nid = \"p\"\ndialect = \"generic\"\nbase_url = \"https://p.example\"\n",
    );
    for account in 0..accounts {
        let _ = write!(text, "[[account]]\nid = \"a{account}\"\nprovider = \"p\"\n");
        for key in 0..keys {
            let _ = write!(
                text,
                "[[account.key]]\nid = \"a{account}-{key}\"\nsecret = {{ env = \"A{account}_{key}\" }}\n"
            );
        }
    }
    text
}

#[test]
fn ten_thousand_keys_are_read_and_no_more() {
    let policy = parsed(&many_keys(100, 100));
    let keys = policy
        .providers
        .values()
        .map(|provider| provider.keys.len());
    assert_eq!(keys.sum::<usize>(), 10_000);
    assert_eq!(
        report(&many_keys(101, 100)).to_string(),
        "keys.toml: has 10100 provider keys; at most 10000 fit\n1 error\n"
    );
    let too_many = report(&many_keys(10_001, 1)).to_string();
    assert!(
        too_many.contains("account: has 10001 entries; at most 10000 fit"),
        "{too_many}"
    );
}

#[test]
fn accounts_of_all_files_count_together() {
    let one = many_keys(6_000, 1);
    let (_, other) = one.split_once("[[account]]").expect("has accounts");
    let other = format!("[[account]]{other}")
        .replace("\"a", "\"b")
        .replace("\"A", "\"B");
    let report = parse(&[("a.toml", &one), ("b.toml", &other)], NOW).expect_err("too many");
    assert_eq!(
        report.to_string(),
        "has 12000 accounts; at most 10000 fit\n\
         has 12000 provider keys; at most 10000 fit\n2 errors\n"
    );
}

#[test]
fn large_files_are_not_even_parsed() {
    let text = "#".repeat(super::source::BYTES_MAX + 1);
    assert_eq!(
        report(&text).to_string(),
        "keys.toml: the policy is too large: 8388609 bytes, at most 8388608 are read (8 MiB)\n\
         1 error\n"
    );
}

#[test]
fn of_very_many_problems_the_first_are_shown_and_all_are_counted() {
    let text: String = (0..5_000).fold(String::new(), |mut text, at| {
        let _ = writeln!(text, "colour{at} = 1");
        text
    });
    let report = report(&text);
    assert_eq!(report.problems.len(), 1_000);
    assert_eq!(report.errors(), 5_000);
    let text = report.to_string();
    assert!(
        text.ends_with("… and 4000 more\n5000 errors\n"),
        "{}",
        &text[text.len() - 80..]
    );
}

/// No step is quadratic in the size of the file: at these sizes this test would take minutes.
#[test]
fn large_broken_files_are_refused_in_linear_time() {
    let long_line = format!("a = \"{}\"\n", "x".repeat(1 << 20));
    for (what, text) in [
        ("unquoted", "a = b\n".repeat(100_000)),
        ("brackets", "[".repeat(200_000)),
        ("open lists", "a = [\n".repeat(50_000)),
        ("tables", "[a.b.c]\n".repeat(50_000)),
        (
            "unknown",
            (0..100_000)
                .map(|at| format!("provider{at} = 1\n"))
                .collect(),
        ),
        ("long line", long_line),
        ("null bytes", "\0".repeat(100_000)),
    ] {
        assert!(report(&text).errors() > 0, "{what}");
    }
}

mod damage {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever stands in a file, reading it ends in a policy or in errors with a place.
        #[test]
        fn damaged_file_is_read_or_reported(
            cut in any::<prop::sample::Index>(),
            length in 0_usize..40,
            put in "[\\[\\]{}=\"'#.,a1é\n\r\t -]{0,6}",
        ) {
            let text = with_defaults(&with_examples(EXAMPLE));
            let mut chars: Vec<char> = text.chars().collect();
            let from = cut.index(chars.len());
            let to = (from + length).min(chars.len());
            chars.splice(from..to, put.chars());
            let damaged: String = chars.into_iter().collect();
            let lines = damaged.split('\n').count();
            if let Err(report) = parse(&[("keys.toml", &damaged)], NOW) {
                prop_assert!(report.errors() > 0, "{report}");
                prop_assert!(report.problems.iter().all(|problem| problem.line <= lines));
            }
        }
    }
}

#[test]
fn what_to_write_instead_is_looked_for_only_as_long_as_it_is_told() {
    let tables: String = (0..4_000).fold(many_keys(1, 1), |mut text, number| {
        let _ = write!(
            text,
            "\n[tenants{number}]\n\n[[account]]\nid = \"b{number}\"\nprovider = \"none\"\n\
             cache_affinity = {{ prefix = \"x\" }}\n[[account.key]]\nid = \"b{number}-k\"\n\
             secret = {{ env = \"B{number}\" }}\n",
        );
        text
    });
    let before = ASKED.get();

    let report = report(&tables);

    assert!(report.errors() >= 12_000, "{}", report.summary());
    assert!(ASKED.get() - before <= KEPT_MAX, "{}", ASKED.get() - before);
}
