//! Who a model is asked of: the vendors' addresses and dialects, and how keys and models tell them.
//!
//! Addresses are those of the vendors' API references.

use keyweir_terms::dialect::Dialect;

/// A vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vendor {
    /// What LiteLLM puts before its models, and what its provider is called here.
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    /// Where it is; empty where only the operator knows.
    pub(super) base_url: &'static str,
    /// Which header carries the key, where it is not the dialect's own.
    pub(super) credential: Option<&'static str>,
}

const fn openai(name: &'static str, base_url: &'static str) -> Vendor {
    Vendor {
        name,
        dialect: Dialect::OpenAi,
        base_url,
        credential: None,
    }
}

pub(super) const OPENAI: Vendor = openai("openai", "https://api.openai.com");
pub(super) const ANTHROPIC: Vendor = Vendor {
    name: "anthropic",
    dialect: Dialect::Anthropic,
    base_url: "https://api.anthropic.com",
    credential: None,
};
pub(super) const GEMINI: Vendor = Vendor {
    name: "gemini",
    dialect: Dialect::Generic,
    base_url: "https://generativelanguage.googleapis.com",
    credential: Some("x-goog-api-key"),
};
const GROQ: Vendor = openai("groq", "https://api.groq.com/openai/v1");

const VENDORS: &[Vendor] = &[
    OPENAI,
    ANTHROPIC,
    GEMINI,
    GROQ,
    openai("mistral", "https://api.mistral.ai/v1"),
    openai("deepseek", "https://api.deepseek.com/v1"),
    openai("openrouter", "https://openrouter.ai/api/v1"),
    openai("together_ai", "https://api.together.xyz/v1"),
    openai("xai", "https://api.x.ai/v1"),
    openai("fireworks_ai", "https://api.fireworks.ai/inference/v1"),
    openai("perplexity", "https://api.perplexity.ai"),
    openai("cerebras", "https://api.cerebras.ai/v1"),
    openai("hosted_vllm", ""),
    openai("lm_studio", ""),
    openai("custom_openai", ""),
];

/// The vendor of a model as LiteLLM writes it, and what the vendor calls the model. `has_base`: its
/// address is given.
pub(super) fn of_model(model: &str, has_base: bool) -> Option<(Vendor, &str)> {
    if let Some((prefix, rest)) = model.split_once('/')
        && let Some(vendor) = VENDORS.iter().find(|vendor| vendor.name == prefix)
    {
        return Some((*vendor, rest));
    }
    let begins = |words: &[&str]| words.iter().any(|word| model.starts_with(word));
    if begins(&["claude"]) {
        return Some((ANTHROPIC, model));
    }
    if begins(&[
        "gpt-",
        "o1",
        "o3",
        "o4",
        "chatgpt-",
        "text-embedding-",
        "dall-e",
        "whisper",
    ]) {
        return Some((OPENAI, model));
    }
    let is_plain = !model.contains('/');
    (has_base && is_plain).then_some((openai("custom_openai", ""), model))
}

/// Why a model is of nobody that is known here, and what to do instead.
pub(super) fn advice(model: &str) -> &'static str {
    let prefix = model.split_once('/').map_or("", |(prefix, _)| prefix);
    match prefix {
        "azure" | "azure_ai" => {
            "is of Azure: add a [[provider]] with dialect = \"openai\", credential = \"api-key\" and \
             base_url = \"https://RESOURCE.openai.azure.com/openai/v1\", and ask for the deployment's \
             name as the model"
        }
        "bedrock" | "sagemaker" => "is of AWS, whose requests are signed and not keyed",
        "vertex_ai" => "is of Vertex AI, whose tokens last an hour; use gemini/ with an API key",
        _ => "is of no vendor that is known here",
    }
}

/// Whose key this is, by how it begins.
pub(super) fn of_key(key: &str) -> Option<Vendor> {
    let vendors = [
        ("sk-ant-", ANTHROPIC),
        ("AIza", GEMINI),
        ("gsk_", GROQ),
        ("sk-", OPENAI),
    ];
    let found = vendors.iter().find(|(prefix, _)| key.starts_with(prefix));
    found.map(|(_, vendor)| *vendor)
}
