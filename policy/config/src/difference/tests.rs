//! Differences, as they are printed.

use std::time::SystemTime;

use super::*;
use crate::file::{Identity, parse, parse_after};

const BASE: &str = r#"
[gateway]
listen = ["127.0.0.1:8080", "127.0.0.1:8081"]
[waiting]
patience = "30s"
[[provider]]
id = "first"
dialect = "anthropic"
base_url = "https://first.example"
[[provider.model_group]]
id = "opus"
models = ["claude-opus-*"]
[[provider.model_group]]
id = "rest"
models = ["claude-*"]
[[provider]]
id = "second"
dialect = "openai"
base_url = "https://second.example"
[[account]]
id = "team-a"
provider = "first"
[[account.limit]]
requests_per_minute = 60
[[account.limit]]
group = "opus"
input_tokens_per_minute = 400_000
[[account.key]]
id = "team-a-1"
secret = { env = "KEY_A1" }
[[account]]
id = "team-b"
provider = "second"
[[account.key]]
id = "team-b-1"
secret = "sk-live-hunter2"
[[tenant]]
id = "search"
client_keys = ["sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
fallbacks = [{ model = "gpt-5", provider = "second" }]
[[tenant]]
id = "chat"
client_keys = []
[[fallback]]
models = ["claude-opus-*"]
steps = [{ model = "claude-sonnet-4-5" }, { account = "team-b" }]
[[fallback]]
models = ["*"]
steps = [{ account = "team-b" }]
"#;

fn policy(text: &str) -> Policy {
    parse(&[("keys.toml", text)], SystemTime::UNIX_EPOCH)
        .unwrap_or_else(|report| panic!("{report}\n{text}"))
        .0
}

/// The base with `from` replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replace(from, to)
}

fn told(before: &str, after: &str) -> Vec<String> {
    let text = Difference::between(&policy(before), &policy(after)).to_string();
    assert!(!text.contains("hunter"), "{text}");
    text.lines().map(str::to_owned).collect()
}

/// What stands in the file, what instead, and what is told of it.
const CHANGES: &[(&str, &str, &[&str])] = &[
    // Settings.
    (
        "[waiting]\n",
        "[gateway.limits]\nbody_bytes_max = \"64 MiB\"\n[waiting]\nrequests_max = 20_000\n",
        &[
            "gateway.limits: body_bytes_max 32 MiB → 64 MiB",
            "waiting: requests_max 10_000 → 20_000",
        ],
    ),
    (
        "patience = \"30s\"",
        "patience = \"1m\"\n[retry]\nambiguous = false\nbudget_share = 0.5",
        &[
            "waiting: patience 30s → 1m",
            "retry: ambiguous true → false",
            "retry: budget_share 0.2 → 0.5",
        ],
    ),
    (
        "listen = [\"127.0.0.1:8080\", \"127.0.0.1:8081\"]",
        "listen = [\"127.0.0.1:8081\", \"127.0.0.1:8080\"]",
        &[],
    ),
    (
        "listen = [\"127.0.0.1:8080\", \"127.0.0.1:8081\"]",
        "listen = [\"127.0.0.1:8080\"]\nadmin = \"off\"\nthreads = 4",
        &[
            "gateway: listen 127.0.0.1:8080, 127.0.0.1:8081 → 127.0.0.1:8080 (needs a restart)",
            "gateway: admin 127.0.0.1:9090 → off (needs a restart)",
            "gateway: threads auto → 4 (needs a restart)",
        ],
    ),
    (
        "[waiting]\n",
        "[gateway.tls]\nlisten = [\"127.0.0.1:8443\"]\ncert_file = \"c\"\nkey_file = \"k\"\n[waiting]\n",
        &["gateway: tls off → on (needs a restart)"],
    ),
    (
        "[waiting]\n",
        "[gateway.admin_tls]\ncert_file = \"c\"\nkey_file = \"k\"\n[waiting]\n",
        &["gateway: admin_tls off → on (needs a restart)"],
    ),
    // What bounds tenants.
    (
        "[[tenant]]\nid = \"chat\"\nclient_keys = []",
        "[[tenant]]\nid = \"chat\"\nclient_keys = []\ngroup = \"team\"\nshadow = true\n\
         [[tenant.limit]]\nmodels = [\"gpt-*\"]\nrequests_per_minute = 60\nconcurrency = 3\n\
         [[tenant.budget]]\nper = \"week\"\nusd = 12.5\ntokens = 1_000_000\nsoft = true\n\
         [[tenant_group]]\nid = \"team\"\n[tenancy]\nunpriced = \"pass\"\ncache_read_weight = 0.25\n\
         [[price]]\nmodels = [\"gpt-*\"]\ninput = 3\noutput = 15.5\n",
        &[
            "tenancy: unpriced refuse → pass",
            "tenancy: cache_read_weight 0.000 → 0.250",
            "group team: added",
            "price of gpt-*: added (3/15.5/3/3/3)",
            "tenant chat: group none → team",
            "tenant chat: shadow false → true",
            "tenant chat: limits none → 60 requests/min, 3 at a time for gpt-*",
            "tenant chat: budgets none → 1_000_000 tokens per week from monday, 00:00 UTC, soft; 12.50 USD per week from monday, 00:00 UTC, soft",
        ],
    ),
    // Providers.
    (
        "base_url = \"https://second.example\"",
        "base_url = \"https://third.example\"\nhttp = \"2\"\ncredential = \"api-key\"\nmodels = [\"gpt-*\"]\nca_file = \"ca.pem\"",
        &[
            "provider second: base_url https://second.example → https://third.example",
            "provider second: ca_file none → ca.pem",
            "provider second: http auto → 2",
            "provider second: credential bearer → api-key",
            "provider second: models * → gpt-*",
        ],
    ),
    (
        "base_url = \"https://second.example\"\n",
        "base_url = \"https://second.example\"\n[[provider.classify]]\nstatus = 400\ncode = \"Daily\"\ncharged_as = \"rate_limited\"\n[[provider.classify]]\nbegins = \"plan\"\ncharged_as = \"out_of_money\"\n",
        &["provider second: classify none → 400 daily as rate_limited, \"plan\" as out_of_money"],
    ),
    (
        "[[account]]\nid = \"team-a\"",
        "[[provider]]\nid = \"third\"\ndialect = \"generic\"\nbase_url = \"https://third.example\"\n[[account]]\nid = \"team-a\"",
        &["provider third: added (generic at https://third.example)"],
    ),
    (
        "models = [\"claude-opus-*\"]\n[[provider.model_group]]\nid = \"rest\"",
        "models = [\"claude-opus-4-*\"]\n[[provider.model_group]]\nid = \"others\"",
        &[
            "model group rest of provider first: removed",
            "model group others of provider first: added (claude-*)",
            "model group opus of provider first: models claude-opus-* → claude-opus-4-*",
        ],
    ),
    // Accounts and keys.
    (
        "requests_per_minute = 60",
        "requests_per_minute = 120\ntokens_per_minute = 1000\nburst = \"3s\"",
        &[
            "account team-a: limit requests 60/min → 120/min",
            "account team-a: limit tokens none → 1000/min",
            "account team-a: limit burst none → 3s",
        ],
    ),
    (
        "group = \"opus\"\ninput_tokens_per_minute = 400_000",
        "models = [\"claude-haiku-*\"]\noutput_tokens_per_minute = 80_000",
        &[
            "account team-a: limit of group opus input_tokens 400_000/min → none",
            "account team-a: limit of claude-haiku-* output_tokens none → 80_000/min",
        ],
    ),
    (
        "provider = \"first\"\n",
        "provider = \"first\"\nmodels = [\"claude-*\"]\n",
        &["account team-a: models * → claude-*"],
    ),
    (
        "provider = \"second\"\n[[account.key]]",
        "provider = \"first\"\n[[account.key]]",
        &["account team-b: provider second → first"],
    ),
    (
        "[[tenant]]\nid = \"search\"",
        "[[account]]\nid = \"team-c\"\nprovider = \"first\"\n[[account.key]]\nid = \"c-1\"\nsecret = { env = \"C\" }\n[[tenant]]\nid = \"search\"",
        &["account team-c: added (at first, 1 key)"],
    ),
    (
        "secret = { env = \"KEY_A1\" }",
        "secret = { file = \"/run/a1\" }\n[[account.key]]\nid = \"team-a-2\"\nsecret = { env = \"KEY_A2\" }",
        &[
            "key team-a-2: added (of account team-a, env KEY_A2)",
            "key team-a-1: secret env KEY_A1 → file /run/a1",
        ],
    ),
    (
        "sk-live-hunter2",
        "sk-live-hunter3",
        &["key team-b-1: secret changed"],
    ),
    (
        "id = \"team-a-1\"",
        "id = \"team-a-9\"",
        &[
            "key team-a-1: removed",
            "key team-a-9: added (of account team-a, env KEY_A1)",
        ],
    ),
    // Tenants.
    (
        "fallbacks = [{ model = \"gpt-5\", provider = \"second\" }]",
        "priority = \"high\"\nweight = 3\npatience = \"5s\"\nexpires = \"2030-01-01\"\nmodels = [\"gpt-*\"]",
        &[
            "tenant search: models * → gpt-*",
            "tenant search: priority normal → high",
            "tenant search: weight 1 → 3",
            "tenant search: patience as usual → 5s",
            "tenant search: expires none → 2030-01-01T00:00:00Z",
            "tenant search: fallbacks model gpt-5 at provider second → none",
        ],
    ),
    (
        "sha256:ba7816bf8f01cfea",
        "sha256:ca7816bf8f01cfea",
        &[
            "client key sha256:ba7816bf… of tenant search: removed",
            "client key sha256:ca7816bf… of tenant search: added",
        ],
    ),
    (
        "id = \"chat\"",
        "id = \"batch\"",
        &[
            "tenant chat: removed",
            "tenant batch: added (0 client keys)",
        ],
    ),
    // Fallbacks.
    (
        "steps = [{ model = \"claude-sonnet-4-5\" }, { account = \"team-b\" }]",
        "steps = [{ model = \"claude-haiku-4-5\" }]",
        &[
            "fallback for claude-opus-*: steps model claude-sonnet-4-5, then account team-b → \
             model claude-haiku-4-5",
        ],
    ),
    (
        "models = [\"*\"]",
        "models = [\"gpt-*\"]",
        &[
            "fallback for *: removed",
            "fallback for gpt-*: added (account team-b)",
        ],
    ),
];

#[test]
fn every_change_is_a_line() {
    for (from, to, lines) in CHANGES {
        assert_eq!(told(BASE, &with(from, to)), *lines, "{from} → {to}");
    }
}

#[test]
fn way_back_tells_as_much_as_the_way_there() {
    for (from, to, lines) in CHANGES {
        let there = told(BASE, &with(from, to));
        let back = told(&with(from, to), BASE);
        assert_eq!(back.len(), lines.len(), "{there:?}\n{back:?}");
        let restarts =
            |lines: &[String]| lines.iter().filter(|it| it.ends_with("restart)")).count();
        assert_eq!(restarts(&there), restarts(&back));
    }
}

#[test]
fn policy_differs_from_itself_in_nothing() {
    let difference = Difference::between(&policy(BASE), &policy(BASE));
    assert!(difference.is_empty(), "{difference}");
}

#[test]
fn account_that_goes_takes_its_keys_along() {
    let start = BASE.find("[[account]]\nid = \"team-a\"").expect("there");
    let end = BASE.find("[[account]]\nid = \"team-b\"").expect("there");
    let without = format!("{}{}", &BASE[..start], &BASE[end..]);
    assert_eq!(told(BASE, &without), ["account team-a: removed"]);
    assert_eq!(
        told(&without, BASE),
        ["account team-a: added (at first, 1 key)"]
    );
}

/// Where the order of things decides who is asked, it is told; elsewhere it is no difference.
#[test]
fn order_is_told_where_it_means_something() {
    let swapped = |one: &str, other: &str| {
        let (at, then) = (BASE.find(one), BASE.find(other));
        let (at, then) = (at.expect("there"), then.expect("there"));
        assert!(at + one.len() <= then, "{one} stands before {other}");
        [
            &BASE[..at],
            other,
            &BASE[at + one.len()..then],
            one,
            &BASE[then + other.len()..],
        ]
        .concat()
    };
    let groups = swapped(
        "id = \"opus\"\nmodels = [\"claude-opus-*\"]",
        "id = \"rest\"\nmodels = [\"claude-*\"]",
    );
    assert_eq!(
        told(BASE, &groups),
        ["provider first: order of model groups opus, rest → rest, opus"]
    );
    let start = BASE.find("[[provider]]\nid = \"second\"").expect("there");
    let end = BASE.find("[[account]]\nid = \"team-a\"").expect("there");
    let second = &BASE[start..end];
    let providers =
        BASE.replace(second, "")
            .replacen("[[provider]]", &format!("{second}[[provider]]"), 1);
    assert_eq!(
        told(BASE, &providers),
        ["providers: order first, second → second, first"]
    );
    let fallbacks = swapped(
        "models = [\"claude-opus-*\"]\nsteps = [{ model = \"claude-sonnet-4-5\" }, { account = \"team-b\" }]",
        "models = [\"*\"]\nsteps = [{ account = \"team-b\" }]",
    );
    assert_eq!(
        told(BASE, &fallbacks),
        ["fallbacks: order claude-opus-*, * → *, claude-opus-*"]
    );
    let limits = |one: &str, other: &str| {
        let limit = |models: &str| {
            format!("[[account.limit]]\nmodels = [\"{models}\"]\ntokens_per_minute = 1\n")
        };
        let key = "[[account.key]]\nid = \"team-a-1\"";
        with(key, &format!("{}{}{key}", limit(one), limit(other)))
    };
    assert_eq!(
        told(&limits("a-*", "*-b"), &limits("*-b", "a-*")),
        ["account team-a: order of limits group opus, a-*, *-b → group opus, *-b, a-*"]
    );
    let tenants = swapped(
        "id = \"search\"\nclient_keys = [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]\nfallbacks = [{ model = \"gpt-5\", provider = \"second\" }]",
        "id = \"chat\"\nclient_keys = []",
    );
    assert_eq!(told(BASE, &tenants), [""; 0]);
}

/// A limit without numbers keeps the one for every group from its models.
#[test]
fn limit_of_nothing_is_told_too() {
    let key = "[[account.key]]\nid = \"team-a-1\"";
    let limit = format!("[[account.limit]]\ngroup = \"rest\"\n{key}");
    assert_eq!(
        told(BASE, &with(key, &limit)),
        ["account team-a: limit of group rest none → unknown"]
    );
}

/// Two policies that were read one after the other have other ids than two that were read apart.
#[test]
fn ids_make_no_difference() {
    let before = policy(BASE);
    let mut identity = Identity::default();
    identity.adopt(&before, |_| true);
    for (from, to, lines) in CHANGES {
        let text = with(from, to);
        let after = parse_after(&[("keys.toml", &text)], SystemTime::UNIX_EPOCH, &identity);
        let (after, _) = after.expect("it is right");
        let difference = Difference::between(&before, &after).to_string();
        assert_eq!(difference.lines().collect::<Vec<_>>(), *lines);
    }
}

#[test]
fn what_looks_like_a_secret_is_not_told_wherever_it_stands() {
    let text = with("env = \"KEY_A1\"", "env = \"sk_hunter2\"");
    assert_eq!(
        told(BASE, &text),
        ["key team-a-1: secret env KEY_A1 → env (hidden)"]
    );
    let text = with(
        "steps = [{ account = \"team-b\" }]",
        "steps = [{ model = \"sk-hunter2\" }]",
    );
    assert_eq!(
        told(BASE, &text),
        ["fallback for *: steps account team-b → model (hidden)"]
    );
    let after = with(
        "provider = \"first\"\n",
        "provider = \"first\"\nmodels = [\"sk-hunter2\"]\n",
    );
    assert_eq!(told(BASE, &after), ["account team-a: models * → (hidden)"]);
}

#[test]
fn all_that_a_policy_says_tells_how_many_client_keys_a_tenant_has() {
    let more = "ad\", { env = \"MORE\" }]\nfallbacks";
    for (text, line) in [
        (BASE.to_owned(), "tenant search: client_keys = 1 hash"),
        (
            with("ad\"]\nfallbacks", more),
            "tenant search: client_keys = 1 hash, env MORE",
        ),
        (BASE.to_owned(), "tenant chat: client_keys = none"),
    ] {
        let whole = Difference::whole(&policy(&text)).to_string();
        assert!(whole.lines().any(|it| it == line), "{line} in {whole}");
    }
}

#[test]
fn accounts_of_tenants_and_issuers_are_told_by_name() {
    let changed = with(
        "client_keys = []",
        "client_keys = []\naccounts = [\"team-b\", \"team-a\"]\ngroup = \"g\"\n\
         [[tenant_group]]\nid = \"g\"\naccounts = [\"team-b\"]\n\
         [[gateway.jwt]]\nissuer = \"https://id.example\"\naudiences = [\"k\"]\n\
         claim = \"team\"\njwks_file = \"i.json\"",
    );
    assert_eq!(
        told(BASE, &changed),
        [
            "gateway: jwt none → https://id.example for k by team (RS256, ES256, EdDSA, keys of \
             i.json kept 1h, leeway 30s)",
            "group g: added",
            "tenant chat: group none → g",
            "tenant chat: accounts all → team-a, team-b",
        ]
    );
}

/// A day that begins elsewhere is no second budget.
#[test]
fn a_budget_that_takes_over_what_is_spent_says_so() {
    let budget = |of: &str| {
        let tenant = "id = \"chat\"\nclient_keys = []\n";
        with(tenant, &format!("{tenant}[[tenant.budget]]\n{of}\n"))
    };
    let before = budget("per = \"day\"\ntokens = 9");
    for (of, line) in [
        (
            "per = \"day\"\ntokens = 9\nhour = 6",
            "9 tokens per day, 06:00 UTC, with what is spent",
        ),
        (
            "per = \"day\"\ntokens = 9\ntime_zone = \"Etc/UTC\"",
            "9 tokens per day, 00:00 Etc/UTC, with what is spent",
        ),
        ("per = \"day\"\ntokens = 8", "8 tokens per day, 00:00 UTC"),
        (
            "per = \"week\"\ntokens = 9",
            "9 tokens per week from monday, 00:00 UTC",
        ),
        ("per = \"day\"\nusd = 9", "9.00 USD per day, 00:00 UTC"),
    ] {
        let line = format!("tenant chat: budgets 9 tokens per day, 00:00 UTC → {line}");
        assert_eq!(told(&before, &budget(of)), [line]);
    }
}
