//! What is probably wrong with a secret, as far as one can see it. Never holds any of the secret.

use keyweir_terms::dialect::Dialect;

use crate::file::base_url::Host;

/// Where the secret is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// What is spoken there.
    pub dialect: Dialect,
    /// Which host it is.
    pub host: &'a Host,
}

/// What is doubtful, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is doubtful.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Doubt {
    fn new(message: &str, hint: &str) -> Self {
        Self {
            message: message.to_owned(),
            hint: hint.to_owned(),
        }
    }
}

/// What is probably wrong with `secret`, which is sent to `to`.
pub fn doubt(secret: &str, to: Destination<'_>) -> Option<Doubt> {
    if let Some(suspect) = keyweir_wire::suspect_secret(secret) {
        let told = suspect.to_string();
        let (message, hint) = told.split_once("; ").unwrap_or((&told, "look at it again"));
        return Some(Doubt::new(message, hint));
    }
    let host = to.host.to_string();
    let is_at = |vendor: &str| host == vendor || host.ends_with(&format!(".{vendor}"));
    let is_anthropics = secret.starts_with("sk-ant-");
    let is_openais = ["sk-proj-", "sk-svcacct-", "sk-admin-"]
        .iter()
        .any(|prefix| secret.starts_with(prefix));
    // Anthropic speaks OpenAI's dialect as well, and takes its own keys there.
    let goes_astray = is_anthropics && (to.dialect == Dialect::OpenAi || is_at("openai.com"));
    if goes_astray && !is_at("anthropic.com") {
        return Some(Doubt::new(
            "is a key of Anthropic's, and goes to a provider of the openai dialect",
            "put it into an account of the provider it is for",
        ));
    }
    let goes_astray = is_openais && (to.dialect == Dialect::Anthropic || is_at("anthropic.com"));
    if goes_astray && !is_at("openai.com") {
        return Some(Doubt::new(
            "is a key of OpenAI's, and goes to a provider of the anthropic dialect",
            "put it into an account of the provider it is for",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::base_url::BaseUrl;

    fn doubted(secret: &str, dialect: Dialect, url: &str) -> Option<String> {
        let url: BaseUrl = url.parse().expect("a URL");
        let to = Destination {
            dialect,
            host: &url.host,
        };
        doubt(secret, to).map(|doubt| doubt.message)
    }

    #[test]
    fn placeholders_are_doubted() {
        for secret in [
            "sk-...",
            "YOUR_API_KEY",
            "your-key",
            "sk-ant-xxxxxxxx",
            "changeme",
            "<key>",
            "${KEY}",
            "sk-placeholder",
        ] {
            let found = doubted(secret, Dialect::OpenAi, "https://api.openai.com");
            assert_eq!(
                found.as_deref(),
                Some("it looks like a placeholder"),
                "{secret}"
            );
        }
    }

    #[test]
    fn a_key_at_another_vendor_is_doubted() {
        use Dialect::{Anthropic, Generic, OpenAi};
        const ANT: &str = "sk-ant-api03-Qx7vJ2mWcR9tYb4L";
        const PROJ: &str = "sk-proj-Fk9rDq2NzUv8LxEt7AoW";
        for (secret, dialect, url, is_doubted) in [
            (ANT, OpenAi, "https://api.openai.com", true),
            (ANT, OpenAi, "https://proxy.example", true),
            (ANT, OpenAi, "https://api.anthropic.com", false),
            (ANT, Anthropic, "https://api.anthropic.com", false),
            (ANT, Generic, "https://api.openai.com", true),
            (PROJ, Anthropic, "https://api.anthropic.com", true),
            (PROJ, OpenAi, "https://api.openai.com", false),
            (PROJ, Generic, "https://proxy.example", false),
            (
                "gsk_abcdefghijklmnop1",
                OpenAi,
                "https://api.groq.com",
                false,
            ),
            (
                "sk-abcdefghijklmnop1",
                Anthropic,
                "https://a.example",
                false,
            ),
        ] {
            let found = doubted(secret, dialect, url);
            assert_eq!(found.is_some(), is_doubted, "{secret} {dialect:?} {url}");
        }
    }
}
