use std::time::SystemTime;

use super::*;
use crate::file::{Policy, Scope, parse};
use crate::import::{Finding, Rating};
use keyweir_terms::dialect::Dialect;

/// As its documentation has it, with what teams add.
const CONFIG: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 60
      tpm: 100000
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY_2
      rpm: "120"
  - model_name: fast
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: sk-literal-hunter2
      timeout: 30
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_key: os.environ/ANTHROPIC_API_KEY
  - model_name: claude-big
    litellm_params:
      model: claude-opus-4-1
      api_key: os.environ/ANTHROPIC_API_KEY
  - model_name: own
    litellm_params:
      model: hosted_vllm/qwen
      api_base: http://127.0.0.1:8000/v1
    model_info: {mode: chat}
  - model_name: bedrock
    litellm_params: {model: bedrock/anthropic.claude-v2, aws_region_name: us-east-1}
  - model_name: pro
    litellm_params: {model: gemini/gemini-2.5-pro, api_key: os.environ/GEMINI_API_KEY}
router_settings:
  routing_strategy: usage-based-routing-v2
  num_retries: 2
  fallbacks: [{"claude-big": ["claude"]}, {"fast": ["claude"]}, {"none": ["fast"]}]
  context_window_fallbacks: [{"fast": ["gpt-4o"]}]
  model_group_alias: {"gpt-4": "gpt-4o"}
litellm_settings:
  drop_params: true
general_settings:
  master_key: sk-1234
  database_url: postgresql://u:hunter2@db/x
environment_variables:
  A: hunter2
"#;

fn policy(imported: &Imported) -> Policy {
    let parsed = parse(&[("keys.toml", &imported.policy)], SystemTime::UNIX_EPOCH);
    let (policy, report) = parsed.unwrap_or_else(|report| panic!("{report}\n{}", imported.policy));
    assert_eq!(report.to_string(), "no problems\n", "{}", imported.policy);
    policy
}

#[test]
fn a_config_becomes_a_policy_without_mistakes() {
    let imported = import(CONFIG).expect("a config");
    let policy = policy(&imported);
    let providers: Vec<&str> = policy
        .providers_in_order()
        .map(|(_, provider)| provider.id.as_str())
        .collect();
    assert_eq!(providers, ["openai", "anthropic", "hosted_vllm", "gemini"]);
    let accounts: Vec<&str> = policy.accounts().map(|(_, it)| it.id.as_str()).collect();
    let expected = [
        "openai-1",
        "openai-2",
        "openai-3",
        "anthropic-1",
        "hosted_vllm-1",
        "gemini-1",
    ];
    assert_eq!(accounts, expected);
    let text = &imported.policy;
    for part in [
        "requests_per_minute = 60\ntokens_per_minute = 100000",
        "requests_per_minute = 120\n",
        "name = \"fast\"\nmodel = \"gpt-4o-mini\"",
        "name = \"gpt-4\"\nmodel = \"gpt-4o\"",
        "models = [\"claude-opus-4-1\"]\nsteps = [{ model = \"claude-sonnet-4-5\", provider = \"anthropic\" }]",
        "on = [\"context_length\"]",
        "attempts_max = 3",
        "{ env = \"IMPORTED_KEY_1\" }",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(policy.tenants.len(), 1);
}

#[test]
fn every_finding_has_its_line_and_its_rating() {
    let imported = import(CONFIG).expect("a config");
    let told: Vec<String> = imported.findings.iter().map(ToString::to_string).collect();
    for begins in [
        "3: exact: gpt-4o",
        "17: approximate: fast: api_key stands in the file",
        "18: unsupported: fast: timeout",
        "32: unsupported: bedrock",
        "34: approximate: pro",
        "37: unsupported: routing_strategy",
        "38: approximate: num_retries",
        "39: exact: fallbacks of claude-big",
        "39: unsupported: fallbacks of fast",
        "39: unsupported: fallbacks of none",
        "40: exact: context_window_fallbacks of fast",
        "41: exact: model_group_alias: gpt-4",
        "43: unsupported: drop_params",
        "45: approximate: master_key",
        "46: unsupported: database_url",
        "47: unsupported: environment_variables",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(begins)),
            "{begins} in {told:#?}"
        );
    }
    let all = format!("{}{}", told.join("\n"), imported.policy);
    assert!(
        !all.contains("hunter2") && !all.contains("sk-1234"),
        "{all}"
    );
}

/// What a client of `dialect` is served that asks for `name`: provider/model.
fn served(policy: &Policy, dialect: Dialect, name: &str) -> Option<String> {
    let scope = Scope {
        dialect,
        named: None,
    };
    let alias = policy.aliases.get(name, scope);
    let model = alias.map_or(name, |alias| &alias.model);
    let only = alias.and_then(|alias| alias.provider);
    let mut providers = policy.providers_in_order();
    let (id, provider) = providers.find(|(id, it)| {
        let is_meant = only.map_or(it.dialect == dialect, |only| only == *id);
        is_meant && it.models.matches(model)
    })?;
    let mut accounts = policy.accounts().filter(|(of, _)| *of == id);
    let is_served = accounts.any(|(_, it)| it.models.matches(model));
    is_served.then(|| format!("{}/{model}", provider.id))
}

fn told(imported: &Imported) -> Vec<String> {
    imported.findings.iter().map(ToString::to_string).collect()
}

fn assert_told(imported: &Imported, all: &[&str]) {
    let told = told(imported);
    for begins in all {
        let is_there = told.iter().any(|line| line.starts_with(begins));
        assert!(is_there, "{begins} in {told:#?}");
    }
}

#[test]
fn no_name_leads_to_a_vendor_that_it_does_not_name() {
    let config = "model_list:\n\
        - {model_name: claude-sonnet, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/A}}\n\
        - {model_name: gemini-pro, litellm_params: {model: gemini/gemini-2.5-pro, api_key: os.environ/B}}\n\
        - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o, api_key: os.environ/C}}\n\
        - {model_name: 'groq/*', litellm_params: {model: 'groq/*', api_key: os.environ/D}}\n\
        - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: os.environ/C}}\n\
        - {model_name: '*', litellm_params: {model: 'mistral/*', api_key: os.environ/E}}\n\
        - {model_name: gpt-oss, litellm_params: {model: groq/gpt-oss, api_key: os.environ/D}}\n\
        - {model_name: gpt-claude, litellm_params: {model: claude-opus-4-1, api_key: os.environ/A}}\n\
        - {model_name: oss, litellm_params: {model: groq/gpt-oss, api_key: os.environ/D}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    for (name, openai, anthropic) in [
        ("claude-sonnet", None, Some("anthropic/claude-sonnet-4-5")),
        ("gemini-pro", Some("gemini/gemini-2.5-pro"), None),
        ("gpt-4o", Some("openai/gpt-4o"), None),
        ("gpt-oss", Some("groq/gpt-oss"), None),
        ("gpt-claude", None, Some("anthropic/claude-opus-4-1")),
        ("chatgpt-5", Some("openai/chatgpt-5"), None),
        ("groq/llama", None, None),
        ("llama", None, None),
    ] {
        let found = served(&policy, Dialect::OpenAi, name);
        assert_eq!(found.as_deref(), openai, "{name}\n{}", imported.policy);
        let found = served(&policy, Dialect::Anthropic, name);
        assert_eq!(found.as_deref(), anthropic, "{name}\n{}", imported.policy);
    }
    assert_told(
        &imported,
        &[
            "2: approximate: claude-sonnet: claude-sonnet-4-5 of account anthropic-1; its clients must",
            "3: approximate: gemini-pro: gemini-2.5-pro of account gemini-1; through Gemini's OpenAI",
            "4: exact: gpt-4o",
            "5: unsupported: groq/*: what groq calls its models does not tell them from others'",
            "6: approximate: openai/*: * of account openai-1; clients ask for o1*, o3*, o4*, chatgpt-*",
            "7: unsupported: *: would take claude-sonnet away, which leads elsewhere",
        ],
    );
    assert_eq!(imported.first.len(), 1, "{:?}", imported.first);
    let first = &imported.first[0];
    assert!(first.starts_with("clients that ask for these must now speak Anthropic's API"));
    assert!(first.ends_with(": claude-sonnet, gpt-claude"), "{first}");
}

#[test]
fn a_name_that_is_another_vendors_model_is_told() {
    let config = "model_list:\n\
        - {model_name: o3, litellm_params: {model: claude-opus-4-1, api_key: os.environ/A}}\n\
        - {model_name: reason, litellm_params: {model: openai/o3, api_key: os.environ/C}}\n";
    let imported = import(config).expect("a config");
    assert_told(
        &imported,
        &["2: unsupported: o3: is also what openai calls a model of its own"],
    );
}

#[test]
fn a_key_is_found_where_litellm_finds_it() {
    let config = "x: &of_b {api_key: os.environ/B, rpm: 7}\n\
        credential_list:\n\
        - {credential_name: c, credential_values: {api_key: os.environ/C, api_base: 'https://c.example/v1'}}\n\
        - {credential_name: half}\n\
        router_settings: {default_litellm_params: {rpm: 9}}\n\
        litellm_settings: {groq_key: os.environ/G}\n\
        model_list:\n\
        - {model_name: merged, litellm_params: {<<: *of_b, model: anthropic/claude-m, rpm: 8}}\n\
        - {model_name: many, litellm_params: {<<: [*of_b, {api_key: os.environ/X}], model: anthropic/claude-n}}\n\
        - {model_name: named, litellm_params: {model: openai/n, litellm_credential_name: c}}\n\
        - {model_name: own, litellm_params: {model: openai/o, litellm_credential_name: c, api_key: os.environ/O}}\n\
        - {model_name: lost, litellm_params: {model: openai/l, litellm_credential_name: nobody}}\n\
        - {model_name: all, litellm_params: {model: groq/g}}\n\
        - {model_name: unsaid, litellm_params: {model: mistral/u}}\n\
        - {model_name: other, litellm_params: {model: openai/p, api_base: 'https://p.example', extra_headers: {a: b}}}\n\
        - {model_name: local, litellm_params: {model: hosted_vllm/v, api_base: 'http://127.0.0.1:8000/v1', api_key: none}}\n\
        - {model_name: keyless, litellm_params: {model: hosted_vllm/w, api_base: 'http://127.0.0.1:8001/v1'}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    let ids = policy.accounts().map(|(_, it)| it.id.as_str());
    let ids: Vec<&str> = ids.collect();
    let of = |id: &str| {
        let at = imported.policy.find(&format!("id = \"{id}-key\""));
        let rest = &imported.policy[at.unwrap_or_else(|| panic!("no {id}"))..];
        rest.lines().nth(1).unwrap_or_default().to_owned()
    };
    for (id, secret) in [
        ("anthropic-1", "secret = { env = \"B\" }"),
        ("openai-1", "secret = { env = \"C\" }"),
        ("openai-2", "secret = { env = \"O\" }"),
        ("groq-1", "secret = { env = \"G\" }"),
        ("mistral-1", "secret = { env = \"MISTRAL_API_KEY\" }"),
        ("hosted_vllm-1", "secret = \"no-key\""),
        ("hosted_vllm-2-1", "secret = \"no-key\""),
    ] {
        assert_eq!(of(id), secret, "{id} of {ids:?}");
    }
    assert_eq!(ids.len(), 7, "{ids:?}");
    assert!(
        imported.policy.contains("https://c.example/v1"),
        "{}",
        imported.policy
    );
    assert!(
        imported
            .policy
            .contains("models = [\"claude-m\"]\nrequests_per_minute = 8")
    );
    assert!(
        imported
            .policy
            .contains("models = [\"claude-n\"]\nrequests_per_minute = 7")
    );
    assert_told(
        &imported,
        &[
            "3: exact: credential_list: c",
            "4: unsupported: credential_list: a credential without",
            "10: exact: named",
            "12: unsupported: lost: litellm_credential_name: nobody is not in credential_list",
            "13: exact: all",
            "14: approximate: unsaid: u of account mistral-1; no api_key is said: $MISTRAL_API_KEY",
            "15: unsupported: other: has no api_key, and shows who it is in another way",
            "16: exact: local",
            "17: approximate: keyless: w of account",
        ],
    );
}

#[test]
fn azure_is_asked_by_its_v1_api() {
    let config = "model_list:\n\
        - model_name: gpt\n  litellm_params: {model: azure/my-gpt, api_base: 'https://r.openai.azure.com/', \
          api_key: os.environ/AZURE_API_KEY, api_version: 2024-10-21, rpm: 60}\n  \
          model_info: {base_model: azure/gpt-4o}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    let found = served(&policy, Dialect::OpenAi, "gpt");
    assert_eq!(found.as_deref(), Some("azure/my-gpt"));
    for part in [
        "base_url = \"https://r.openai.azure.com/openai/v1\"\ncredential = \"api-key\"",
        "requests_per_minute = 60",
    ] {
        assert!(imported.policy.contains(part), "{}", imported.policy);
    }
    assert_told(
        &imported,
        &[
            "2: approximate: gpt: my-gpt of account azure-1; through Azure's v1 API",
            "3: unsupported: gpt: api_version: Azure's v1 API needs none",
        ],
    );
}

#[test]
fn what_is_like_a_setting_is_named() {
    let config = "model_list:\n\
        - {model_name: smart, litellm_params: {model: claude-opus-4-5, api_key: os.environ/A, max_budget: 5}}\n\
        - {model_name: smart, litellm_params: {model: gpt-5, api_key: os.environ/B, max_parallel_requests: 5}}\n\
        - {model_name: quick, litellm_params: {model: gpt-5-mini, api_key: os.environ/B}}\n\
        litellm_settings:\n  default_fallbacks: [quick]\n  max_budget: 100\n  budget_duration: 30d\n  num_retries: 0\n\
        include: [more.yaml]\n";
    let imported = import(config).expect("a config");
    policy(&imported);
    let fallback = "models = [\"*\"]\nsteps = [{ model = \"gpt-5-mini\", provider = \"openai\" }]";
    assert!(imported.policy.contains(fallback), "{}", imported.policy);
    assert_told(
        &imported,
        &[
            "2: unsupported: smart: max_budget: see [[tenant.budget]]",
            "3: unsupported: smart: max_parallel_requests: see concurrency = N",
            "3: approximate: smart: leads to models of several APIs: clients of Anthropic's API are served \
             claude-opus-4-5, clients of OpenAI's API are served gpt-5; none of them stands in",
            "6: exact: default_fallbacks: all of them",
            "7: unsupported: max_budget: see [[tenant.budget]]",
            "8: unsupported: budget_duration: see [[tenant.budget]]",
            "9: approximate: num_retries: 1 attempt,",
            "10: unsupported: include: other files are not read",
        ],
    );
    assert!(!told(&imported).join("\n").contains("where it cannot serve"));
}

#[test]
fn several_models_of_one_name_follow_each_other() {
    let config = "model_list:\n\
        - {model_name: m, litellm_params: {model: openai/gpt-a, api_key: os.environ/A}}\n\
        - {model_name: m, litellm_params: {model: openai/gpt-b, api_key: os.environ/A}}\n\
        - {model_name: m, litellm_params: {model: anthropic/claude-a, api_key: os.environ/B}}\n\
        - {model_name: '*', litellm_params: {model: 'mistral/*', api_key: os.environ/C}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    assert_eq!(policy.aliases.iter().count(), 2, "one a dialect");
    assert!(
        imported
            .policy
            .contains("models = [\"gpt-a\"]\nsteps = [{ model = \"gpt-b\"")
    );
    let any = served(&policy, Dialect::OpenAi, "any");
    assert_eq!(any.as_deref(), Some("mistral/any"));
    assert_told(
        &imported,
        &["3: approximate: m: leads to several models", "5: exact: *"],
    );
}

#[test]
fn what_is_no_config_is_told_with_its_line() {
    for (text, error) in [
        ("", "has no document that could be taken over"),
        ("a: [", "line 2"),
        ("a: b", "has no deployment that could be taken over"),
        ("model_list: 7", "has no deployment"),
        ("model_list: [{model_name: x}]", "has no deployment"),
    ] {
        let found = import(text).expect_err(text).to_string();
        assert!(found.contains(error), "{text}: {found}");
    }
    let deep = format!("a: {}", "[".repeat(100_000));
    assert_eq!(import(&deep).expect_err("deep"), ImportError::TooDeep);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                g: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    assert!(import(bomb).is_err());
    let large = "#".repeat(BYTES_MAX + 1);
    assert_eq!(
        import(&large).expect_err("large"),
        ImportError::TooLarge(BYTES_MAX)
    );
}

#[test]
fn what_takes_most_names_comes_last() {
    let config = "model_list:\n\
        - {model_name: '*', litellm_params: {model: 'openai/*', api_key: os.environ/A}}\n\
        - {model_name: gpt-5, litellm_params: {model: openai/gpt-5, api_key: os.environ/A}}\n\
        - {model_name: mistral-large, litellm_params: {model: mistral/mistral-large, api_key: os.environ/B}}\n\
        - {model_name: 'm*', litellm_params: {model: 'openai/m*', api_base: 'https://o.example', api_key: os.environ/C}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    let order = policy.providers_in_order().map(|(_, it)| it.id.as_str());
    assert_eq!(order.collect::<Vec<_>>(), ["mistral", "openai-2", "openai"]);
    assert!(
        !imported.policy.contains("\"gpt-5\""),
        "{}",
        imported.policy
    );
    assert_told(&imported, &["2: exact: *", "5: exact: m*"]);
    for (name, expected) in [
        ("gpt-5", "openai/gpt-5"),
        ("mistral-large", "mistral/mistral-large"),
        ("mine", "openai-2/mine"),
    ] {
        let found = served(&policy, Dialect::OpenAi, name);
        assert_eq!(found.as_deref(), Some(expected));
    }
}

#[test]
fn prices_are_taken_over_and_all_else_of_a_model_is_told() {
    let config = "model_list:\n\
        - model_name: own\n  litellm_params: {model: openai/own, api_key: sk-xxxx, input_cost_per_token: 0.0000025}\n\
        \x20 model_info: {output_cost_per_token: 1.0e-05, mode: chat, supports_vision: true}\n\
        - model_name: half\n  litellm_params: {model: openai/half, api_key: os.environ/A}\n\
        \x20 model_info: {input_cost_per_token: 1.0e-06}\n\
        - model_name: vectors\n  litellm_params: {model: openai/vectors, api_key: os.environ/A}\n\
        \x20 model_info: {mode: embedding, input_cost_per_token: 1.0e-07}\n\
        - {model_name: az, litellm_params: {model: azure/gpt, api_base: 'https://x.azure-api.net/gpt'}}\n";
    let imported = import(config).expect("a config");
    let price = "[[price]]\nmodels = [\"own\"]\nprovider = \"openai\"\ninput = 2.5\noutput = 10\n";
    assert!(imported.policy.contains(price), "{}", imported.policy);
    let parsed = parse(&[("keys.toml", &imported.policy)], SystemTime::UNIX_EPOCH);
    assert!(parsed.is_ok(), "{}", imported.policy);
    let told: Vec<String> = imported.findings.iter().map(ToString::to_string).collect();
    for begins in [
        "3: exact: own: the price of own",
        "3: unsupported: own: api_key: it looks like a placeholder",
        "4: unsupported: own: model_info.mode",
        "4: unsupported: own: model_info.supports_vision",
        "7: unsupported: half: a price needs",
        "10: exact: vectors: the price of vectors",
        "11: unsupported: az: azure/gpt is of Azure, at an address that",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(begins)),
            "{begins} in {told:#?}"
        );
    }
}

#[test]
fn limits_are_found_wherever_litellm_looks_for_them() {
    let config = "model_list:\n\
        - {model_name: a, rpm: 1, litellm_params: {model: openai/a, api_key: os.environ/K, rpm: 2, tpm: 3}}\n\
        - {model_name: b, litellm_params: {model: openai/b, api_key: os.environ/K}, model_info: {rpm: 4}}\n\
        - {model_name: c, tpm: 5, litellm_params: {model: openai/c, api_key: os.environ/K}}\n";
    let imported = import(config).expect("a config");
    policy(&imported);
    let is_exact = |it: &Finding| it.rating == Rating::Exact;
    assert!(
        imported.findings.iter().all(is_exact),
        "{:?}",
        imported.findings
    );
    for limit in [
        "models = [\"a\"]\nrequests_per_minute = 1\ntokens_per_minute = 3\n",
        "models = [\"b\"]\nrequests_per_minute = 4\n",
        "models = [\"c\"]\ntokens_per_minute = 5\n",
    ] {
        assert!(
            imported.policy.contains(limit),
            "{limit}{}",
            imported.policy
        );
    }
}

#[test]
fn a_limit_that_cannot_be_read_is_told() {
    let config = "model_list:\n\
        - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/K, rpm: '100', tpm: 1e6}}\n\
        - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/K, rpm: -5}}\n\
        - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/K, rpm: 200, tpm: null}}\n\
        - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/K, rpm: 100}}\n";
    let imported = import(config).expect("a config");
    policy(&imported);
    let told: Vec<String> = imported
        .findings
        .iter()
        .filter(|it| it.rating == Rating::Unsupported)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "2: unsupported: a: tpm: is no whole number above 0, and left out",
            "3: unsupported: a: rpm: is no whole number above 0, and left out",
            "4: unsupported: a: rpm and tpm of a are said before, for the same key: those hold",
        ]
    );
    assert!(imported.policy.contains("requests_per_minute = 100"));
}

#[test]
fn a_name_forges_no_line_of_what_is_told() {
    let config = "model_list:\n\
        - {model_name: \"a\\n9: exact: all\\u202eis well\", litellm_params: {model: openai/a, api_key: os.environ/K}}\n\
        - {model_name: b, litellm_params: {model: openai/b, api_key: os.environ/K}}\n";
    let imported = import(config).expect("a config");
    for finding in &imported.findings {
        let told = finding.to_string();
        assert!(!told.contains(['\n', '\u{202e}']), "{told:?}");
    }
    assert_told(
        &imported,
        &["2: unsupported: a\\n9: exact: all\\u{202e}is well: is no name"],
    );
}

#[test]
fn a_vendors_own_address_makes_one_account_of_a_key_with_v1_and_without() {
    let config = "model_list:\n\
        - {model_name: o3, litellm_params: {model: openai/o3, api_key: os.environ/K, api_base: 'https://api.openai.com/v1/'}}\n\
        - {model_name: o4, litellm_params: {model: openai/o4, api_key: os.environ/K}}\n\
        - {model_name: own, litellm_params: {model: openai/own, api_key: os.environ/K, api_base: 'http://127.0.0.1:8000/v1'}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    let accounts = policy.accounts().map(|(_, it)| it.id.as_str());
    assert_eq!(accounts.collect::<Vec<_>>(), ["openai-1", "openai-2-1"]);
    let mut providers = policy.providers_in_order().map(|(_, it)| it.id.as_str());
    assert!(providers.any(|it| it == "openai-2"));
}

#[test]
fn what_is_like_a_setting_today_is_named() {
    for (name, word) in [
        ("redis_host", "[gateway.shared.redis]"),
        ("default_litellm_params", "router_settings"),
    ] {
        assert!(instead(name).contains(word), "{name}");
    }
}

#[test]
fn what_a_template_would_fill_in_is_a_variable_and_never_a_key() {
    let config = |api_key: &str, master_key: &str| {
        format!(
            "model_list:\n- model_name: gpt\n  litellm_params: {{model: openai/gpt-4o, api_key: '{api_key}'}}\n\
             general_settings: {{master_key: '{master_key}'}}\n"
        )
    };
    let imported = import(&config("${OPENAI_KEY}", "${MASTER}")).expect("a config");
    for part in [
        "secret = { env = \"OPENAI_KEY\" }",
        "client_keys = [{ env = \"MASTER\" }]",
    ] {
        assert!(
            imported.policy.contains(part),
            "{part}: {}",
            imported.policy
        );
    }
    for none in [
        "${MASTER:-x}",
        "<your key>",
        "sk-your-master-key",
        "{{ master }}",
    ] {
        let imported = import(&config("${OPENAI_KEY}", none)).expect("a config");
        assert!(
            !imported.policy.contains("[[tenant]]"),
            "{}",
            imported.policy
        );
        let mut told = imported.findings.iter().map(ToString::to_string);
        let begins = "4: unsupported: master_key: it is none, or a placeholder";
        assert!(told.any(|line| line.starts_with(begins)), "{none}");
    }
}
