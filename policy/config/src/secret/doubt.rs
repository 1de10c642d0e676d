//! What is probably wrong with a secret, as far as one can see it. Never holds any of the secret.

use keyweir_terms::dialect::Dialect;

use crate::file::Host;

/// Where the secret is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// What is spoken there.
    pub dialect: Dialect,
    /// Which host it is.
    pub host: &'a Host,
}

/// What is doubtful, and what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is doubtful.
    pub message: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// What examples and templates have in a key's place.
const PLACEHOLDERS: &[&str] = &[
    "...",
    "\u{2026}",
    "<",
    ">",
    "${",
    "{{",
    "api-key-here",
    "api_key_here",
    "apikeyhere",
    "changeme",
    "change-me",
    "change_me",
    "dummy",
    "insert-",
    "placeholder",
    "replace-",
    "replace_",
    "todo",
    "xxxx",
    "your-",
    "your_",
    "yourkey",
];

/// What is probably wrong with `secret`, which is sent to `to`.
pub fn doubt(secret: &str, to: Destination<'_>) -> Option<Doubt> {
    let lower = secret.to_lowercase();
    if PLACEHOLDERS.iter().any(|known| lower.contains(known)) {
        return Some(Doubt {
            message: "looks like a placeholder",
            hint: "put the key itself there",
        });
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
        return Some(Doubt {
            message: "is a key of Anthropic's, and goes to a provider of the openai dialect",
            hint: "put it into an account of the provider it is for",
        });
    }
    let goes_astray = is_openais && (to.dialect == Dialect::Anthropic || is_at("anthropic.com"));
    if goes_astray && !is_at("openai.com") {
        return Some(Doubt {
            message: "is a key of OpenAI's, and goes to a provider of the anthropic dialect",
            hint: "put it into an account of the provider it is for",
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::BaseUrl;

    fn doubted(secret: &str, dialect: Dialect, url: &str) -> Option<&'static str> {
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
            assert_eq!(found, Some("looks like a placeholder"), "{secret}");
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
