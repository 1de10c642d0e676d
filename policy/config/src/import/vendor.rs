//! Who a model is asked of: the vendors' addresses and dialects, and how models tell them.
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
/// Gemini's own API.
pub(super) const GEMINI: Vendor = Vendor {
    name: "gemini",
    dialect: Dialect::Generic,
    base_url: "https://generativelanguage.googleapis.com",
    credential: Some("x-goog-api-key"),
};
/// Gemini, as clients of OpenAI's API reach it.
const GEMINI_FOR_OPENAIS: Vendor = openai(
    "gemini",
    "https://generativelanguage.googleapis.com/v1beta/openai",
);
const AZURE: Vendor = Vendor {
    name: "azure",
    dialect: Dialect::OpenAi,
    base_url: "",
    credential: Some("api-key"),
};
const CUSTOM: Vendor = openai("custom_openai", "");

const VENDORS: &[Vendor] = &[
    OPENAI,
    ANTHROPIC,
    GEMINI_FOR_OPENAIS,
    openai("groq", "https://api.groq.com/openai/v1"),
    openai("mistral", "https://api.mistral.ai/v1"),
    openai("deepseek", "https://api.deepseek.com/v1"),
    openai("openrouter", "https://openrouter.ai/api/v1"),
    openai("together_ai", "https://api.together.xyz/v1"),
    openai("xai", "https://api.x.ai/v1"),
    openai("fireworks_ai", "https://api.fireworks.ai/inference/v1"),
    openai("perplexity", "https://api.perplexity.ai"),
    openai("cerebras", "https://api.cerebras.ai/v1"),
    openai("nvidia_nim", "https://integrate.api.nvidia.com/v1"),
    openai("sambanova", "https://api.sambanova.ai/v1"),
    openai("deepinfra", "https://api.deepinfra.com/v1/openai"),
    openai("moonshot", "https://api.moonshot.ai/v1"),
    AZURE,
    openai("hosted_vllm", ""),
    openai("lm_studio", ""),
    CUSTOM,
];

/// How models begin that a vendor calls so, and nobody else.
const FAMILIES: [(&str, &[&str]); 2] = [
    ("anthropic", &["claude"]),
    (
        "openai",
        &[
            "gpt-",
            "o1",
            "o3",
            "o4",
            "chatgpt-",
            "text-embedding-",
            "dall-e",
            "whisper",
        ],
    ),
];

impl Vendor {
    /// An address of it as it is written here: `/v1` may stand at its end or not.
    pub(super) fn base(self, base: &str) -> String {
        let is_own = !self.base_url.is_empty() && base.strip_suffix("/v1") == Some(self.base_url);
        if is_own { self.base_url } else { base }.to_owned()
    }

    /// Patterns of what it calls its models, as far as that tells them from others'.
    pub(super) fn families(self) -> impl Iterator<Item = String> {
        let own = FAMILIES.iter().filter(move |(name, _)| *name == self.name);
        own.flat_map(|(_, begins)| begins.iter().map(|begin| format!("{begin}*")))
    }
}

/// The vendor called `name`, as LiteLLM calls it.
pub(super) fn named(name: &str) -> Option<Vendor> {
    VENDORS.iter().find(|vendor| vendor.name == name).copied()
}

/// Whether a setting is the key of a vendor, or of all: `openai_key`, `api_key`.
pub(super) fn of_setting(name: &str) -> bool {
    let vendor = name.strip_suffix("_key");
    vendor.is_some_and(|vendor| vendor == "api" || named(vendor).is_some())
}

/// The vendor of a model as LiteLLM writes it, and what the vendor calls the model. `base`: its address,
/// if it is given.
pub(super) fn of_model<'m>(model: &'m str, base: Option<&str>) -> Option<(Vendor, &'m str)> {
    if let Some((prefix, rest)) = model.split_once('/')
        && let Some(vendor) = named(prefix)
    {
        // What stands before Gemini speaks its own API.
        let is_native = vendor == GEMINI_FOR_OPENAIS && base.is_some();
        return Some((if is_native { GEMINI } else { vendor }, rest));
    }
    let family = FAMILIES
        .iter()
        .find(|(_, begins)| begins.iter().any(|begin| model.starts_with(begin)));
    if let Some((name, _)) = family {
        return named(name).map(|vendor| (vendor, model));
    }
    let is_plain = !model.contains('/');
    (base.is_some() && is_plain).then_some((CUSTOM, model))
}

/// What is different about asking a vendor as it is asked here.
pub(super) fn difference(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        GEMINI_FOR_OPENAIS => Some("through Gemini's OpenAI-compatible API"),
        AZURE => Some("through Azure's v1 API, which asks for the deployment's name as the model"),
        _ => None,
    }
}

/// Where the v1 API of the Azure resource is that LiteLLM reaches at `base`, if it is Azure's own address.
///
/// Source: <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>.
pub(super) fn azure_base(base: &str) -> Option<String> {
    const HOSTS: [&str; 3] = [
        ".openai.azure.com",
        ".cognitiveservices.azure.com",
        ".services.ai.azure.com",
    ];
    let rest = base.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    let is_azures = HOSTS.iter().any(|suffix| host.ends_with(suffix));
    let is_whole = ["", "openai", "openai/v1"].contains(&path);
    (is_azures && (is_whole || path.starts_with("openai/deployments/")))
        .then(|| format!("https://{host}/openai/v1"))
}

/// Why a model is of nobody that is known here, and what to do instead.
pub(super) fn advice(model: &str) -> &'static str {
    let prefix = model.split_once('/').map_or("", |(prefix, _)| prefix);
    match prefix {
        "azure" | "azure_ai" => {
            "is of Azure, at an address that is not https://RESOURCE.openai.azure.com: add a \
             [[provider]] with dialect = \"openai\", credential = \"api-key\" and base_url = \
             \"https://RESOURCE.openai.azure.com/openai/v1\", and ask for the deployment's name as the \
             model"
        }
        "bedrock" | "sagemaker" => "is of AWS, whose requests are signed and not keyed",
        "vertex_ai" => "is of Vertex AI, whose tokens last an hour; use gemini/ with an API key",
        "ollama" | "ollama_chat" => {
            "is of Ollama, which speaks OpenAI's API, too: add a [[provider]] with dialect = \"openai\" and \
             base_url = \"http://HOST:11434/v1\", and an [[account]] with the key \"no-key\""
        }
        "cohere" | "cohere_chat" => {
            "is of Cohere: add a [[provider]] with dialect = \"generic\" and base_url = \
             \"https://api.cohere.com\" for its own API, or with dialect = \"openai\" and base_url = \
             \"https://api.cohere.ai/compatibility/v1\" for clients of OpenAI's"
        }
        _ => {
            "is of no vendor that is known here: if it speaks OpenAI's API, add a [[provider]] with dialect = \
             \"openai\" and the base_url that it documents"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_model_is_of_nobody_known_is_told_what_to_write_instead() {
        for model in [
            "ollama_chat/llama3.1",
            "cohere/command-r",
            "databricks/dbrx",
            "x/y",
        ] {
            let advice = advice(model);
            assert!(advice.contains("add a [[provider]]"), "{model}: {advice}");
            assert!(advice.contains("base_url"), "{model}: {advice}");
            assert_eq!(of_model(model, None), None, "{model}");
        }
        let vendor = of_model("nvidia_nim/meta/llama3-70b-instruct", None).expect("known");
        assert_eq!(vendor.1, "meta/llama3-70b-instruct");
    }

    #[test]
    fn azures_v1_api_is_found_at_its_own_addresses_only() {
        const V1: Option<&str> = Some("https://r.openai.azure.com/openai/v1");
        for (base, expected) in [
            ("https://r.openai.azure.com", V1),
            ("https://r.openai.azure.com/", V1),
            ("https://r.openai.azure.com/openai/", V1),
            ("https://r.openai.azure.com/openai/v1/", V1),
            ("https://r.openai.azure.com/openai/deployments/d", V1),
            (
                "https://r.cognitiveservices.azure.com/",
                Some("https://r.cognitiveservices.azure.com/openai/v1"),
            ),
            ("https://gateway.azure-api.net/x", None),
            ("https://r.openai.azure.com/other", None),
            ("https://r.openai.azure.com.evil.example", None),
            ("http://r.openai.azure.com", None),
            ("os.environ/AZURE_API_BASE", None),
            ("", None),
        ] {
            assert_eq!(azure_base(base).as_deref(), expected, "{base}");
        }
    }
}
