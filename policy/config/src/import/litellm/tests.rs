use std::time::SystemTime;

use super::*;
use crate::file::{Policy, parse};
use crate::import::finding::Rating;

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
    let ratings = imported.findings.iter().map(|finding| finding.rating);
    assert!(ratings.into_iter().any(|it| it == Rating::Approximate));
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
fn stars_come_last_and_stand_for_what_they_match_and_change_names_only_where_told() {
    let config = "model_list:\n\
        - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: os.environ/A}}\n\
        - {model_name: gpt-5, litellm_params: {model: openai/gpt-5, api_key: os.environ/A}}\n\
        - {model_name: mistral-large, litellm_params: {model: mistral/mistral-large, api_key: os.environ/B}}\n\
        - {model_name: 'gpt-*', litellm_params: {model: 'openai/gpt-*', api_key: os.environ/C}}\n";
    let imported = import(config).expect("a config");
    let policy = policy(&imported);
    let order: Vec<&str> = policy
        .providers_in_order()
        .map(|(_, provider)| provider.id.as_str())
        .collect();
    assert_eq!(order, ["mistral", "openai"]);
    assert!(
        !imported.policy.contains("\"gpt-5\""),
        "{}",
        imported.policy
    );
    let told: Vec<String> = imported.findings.iter().map(ToString::to_string).collect();
    let begins = |words: &str| told.iter().any(|line| line.starts_with(words));
    assert!(
        begins("2: approximate: openai/*: * of account openai-1; clients ask"),
        "{told:#?}"
    );
    assert!(begins("5: exact: gpt-*"), "{told:#?}");
}

#[test]
fn prices_are_taken_over_and_all_else_of_a_model_is_told() {
    let config = "model_list:\n\
        - model_name: own\n  litellm_params: {model: openai/own, api_key: sk-xxxx, input_cost_per_token: 0.0000025}\n\
        \x20 model_info: {output_cost_per_token: 1.0e-05, mode: chat, supports_vision: true}\n\
        - model_name: half\n  litellm_params: {model: openai/half, api_key: os.environ/A}\n\
        \x20 model_info: {input_cost_per_token: 1.0e-06}\n\
        - {model_name: az, litellm_params: {model: azure/gpt, api_base: 'https://x.openai.azure.com'}}\n";
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
        "8: unsupported: az: azure/gpt is of Azure: add a [[provider]]",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(begins)),
            "{begins} in {told:#?}"
        );
    }
}
