//! Whose a key is: how it begins tells, or else the name that its owner gave it.
//!
//! A key goes to the vendor that it is taken for: so what does not tell is not guessed.

use super::vendor::{self, ANTHROPIC, GEMINI, OPENAI, Vendor};

/// How keys begin; the longest that fits counts.
const BEGINNINGS: [(&str, &str); 13] = [
    ("sk-ant-api", "anthropic"),
    ("sk-proj-", "openai"),
    ("sk-svcacct-", "openai"),
    ("sk-None-", "openai"),
    ("sk-or-", "openrouter"),
    ("AIza", "gemini"),
    ("gsk_", "groq"),
    ("xai-", "xai"),
    ("pplx-", "perplexity"),
    ("csk-", "cerebras"),
    ("fw_", "fireworks_ai"),
    ("tgp_", "together_ai"),
    ("tgp-", "together_ai"),
];

/// What stands in every key of OpenAI's of the older form.
const OPENAIS_MARK: &str = "T3BlbkFJ";

/// Why nobody is asked with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("it is an Admin key, which manages an organization and serves no model")]
    Admin,
    #[error("it is the session of a person's browser, which may not be pooled")]
    Session,
    #[error(
        "its beginning does not show whose it is: call it after its vendor, as MISTRAL_API_KEY=KEY"
    )]
    Unknown,
}

/// Whose `key` is, which its owner calls `name`; and whether that is a guess.
pub(super) fn of(key: &str, name: Option<&str>) -> Result<(Vendor, bool), NotTaken> {
    let begins = |beginning: &str| key.starts_with(beginning);
    if begins("sk-ant-admin") || begins("sk-admin-") {
        return Err(NotTaken::Admin);
    }
    if begins("sk-ant-sid") {
        return Err(NotTaken::Session);
    }
    let beginning = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning));
    if let Some(vendor) = beginning.and_then(|(_, vendor)| called(vendor)) {
        return Ok((vendor, false));
    }
    let is_classic = begins("sk-") && !begins("sk-ant-");
    if is_classic && key.contains(OPENAIS_MARK) {
        return Ok((OPENAI, false));
    }
    if let Some(vendor) = name.and_then(in_name) {
        return Ok((vendor, false));
    }
    // DeepSeek's and others' are `sk-` and 32 hexadecimal digits; OpenAI's never were.
    let is_hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|it| it.is_ascii_hexdigit());
    match key.strip_prefix("sk-") {
        Some(rest) if is_classic && !is_hex(rest) => Ok((OPENAI, true)),
        _ => Err(NotTaken::Unknown),
    }
}

/// The vendor, as keys of its own API are for.
fn called(name: &str) -> Option<Vendor> {
    match name {
        "anthropic" => Some(ANTHROPIC),
        "gemini" => Some(GEMINI),
        name => vendor::named(name).filter(|vendor| !vendor.base_url.is_empty()),
    }
}

/// The vendor that a name has a word of: `OPENAI_API_KEY`, `team-b-mistral`.
fn in_name(name: &str) -> Option<Vendor> {
    const CALLED: [(&str, &str); 3] = [
        ("together", "together_ai"),
        ("fireworks", "fireworks_ai"),
        ("google", "gemini"),
    ];
    let lower = name.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| {
        let other = CALLED.iter().find(|(said, _)| *said == word);
        called(other.map_or(word, |(_, vendor)| vendor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_whose_it_begins_like_or_is_called_after() {
        for (key, name, expected) in [
            ("sk-ant-api03-a", None, Ok(("anthropic", false))),
            ("sk-ant-admin01-a", Some("ANTHROPIC"), Err(NotTaken::Admin)),
            ("sk-admin-a", None, Err(NotTaken::Admin)),
            ("sk-ant-sid01-a", None, Err(NotTaken::Session)),
            ("sk-ant-what", None, Err(NotTaken::Unknown)),
            ("sk-proj-a", Some("DEEPSEEK_KEY"), Ok(("openai", false))),
            ("sk-aT3BlbkFJb", None, Ok(("openai", false))),
            ("sk-qwertzuiop", None, Ok(("openai", true))),
            ("sk-or-v1-a", None, Ok(("openrouter", false))),
            (
                "sk-0123456789abcdef0123456789abcdef",
                None,
                Err(NotTaken::Unknown),
            ),
            (
                "sk-0123456789abcdef0123456789abcdef",
                Some("DEEPSEEK_API_KEY"),
                Ok(("deepseek", false)),
            ),
            ("AIzaSy", None, Ok(("gemini", false))),
            ("gsk_a", None, Ok(("groq", false))),
            ("xai-a", None, Ok(("xai", false))),
            ("pplx-a", None, Ok(("perplexity", false))),
            ("csk-a", None, Ok(("cerebras", false))),
            ("fw_a", None, Ok(("fireworks_ai", false))),
            ("tgp_v1_a", None, Ok(("together_ai", false))),
            ("what", Some("mistral-eu"), Ok(("mistral", false))),
            ("what", Some("team_azure"), Err(NotTaken::Unknown)),
            ("what", None, Err(NotTaken::Unknown)),
        ] {
            let found = of(key, name).map(|(vendor, guess)| (vendor.name, guess));
            assert_eq!(found, expected, "{key} {name:?}");
        }
    }
}
