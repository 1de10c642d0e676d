//! What is wrong with a secret that looks as if a shell, a file or a person had wrapped it.
//!
//! Such a secret is sent as it is, and the provider answers 401: nobody sees why. So an operator who
//! asks is told; nothing of the secret is repeated.

/// Why a provider key is most likely not what its owner meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuspectSecret {
    /// `"sk-…"`: quotes that a shell or an env file should have removed.
    #[error("it stands in quotes; remove them")]
    Quoted,
    /// `sk-1,sk-2`: several keys where one is meant.
    #[error("it looks like several keys in one; give each a key of its own in the policy")]
    Several,
    /// `Bearer sk-…`: the header's word, which the gateway sets itself.
    #[error("it begins with `Bearer`; give the key alone")]
    WithScheme,
    /// `KEY=sk-…`: a line of an env file.
    #[error("it looks like a line of an environment file; give what stands behind the `=`")]
    Assignment,
    /// `${KEY}`, `<your key>`, `sk-...`, `sk-xxxx`: nothing has been filled in.
    #[error("it looks like a placeholder; fill in the key")]
    Placeholder,
    /// White space or control characters in the middle.
    #[error("it has white space or control characters in it; most likely a line was broken")]
    Broken,
}

/// Why `secret` (without white space at its ends) is suspect, if it is.
pub(crate) fn suspect(secret: &str) -> Option<SuspectSecret> {
    let secret = secret.trim();
    let quotes = ['"', '\'', '`'];
    let scheme = secret.split_once(' ').map(|(scheme, _)| scheme);
    let several = |separator| {
        secret
            .split(separator)
            .filter(|key| key.len() >= KEY_BYTES_MIN)
    };
    if secret.starts_with(quotes) || secret.ends_with(quotes) {
        return Some(SuspectSecret::Quoted);
    }
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return Some(SuspectSecret::WithScheme);
    }
    if is_placeholder(secret) {
        return Some(SuspectSecret::Placeholder);
    }
    if [',', ';', '|']
        .into_iter()
        .any(|by| several(by).count() > 1)
    {
        return Some(SuspectSecret::Several);
    }
    if is_assignment(secret) {
        return Some(SuspectSecret::Assignment);
    }
    let is_broken = |c: char| c.is_whitespace() || c.is_control();
    secret.contains(is_broken).then_some(SuspectSecret::Broken)
}

/// No provider's key is shorter.
const KEY_BYTES_MIN: usize = 16;

/// Words of examples and templates. A key's random part has none of them by chance.
const PLACEHOLDERS: [&str; 11] = [
    "your-",
    "your_",
    "changeme",
    "change-me",
    "change_me",
    "replace-",
    "replace_",
    "placeholder",
    "xxxxxx",
    "api-key-here",
    "api_key_here",
];

fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    let random = lower.rsplit(['-', '_']).next().unwrap_or_default();
    let is_one_letter = |first: char| random.len() > 3 && random.chars().all(|c| c == first);
    secret.starts_with("${")
        || secret.starts_with("{{")
        || secret.starts_with('<') && secret.ends_with('>')
        || secret.ends_with("...")
        || random.chars().next().is_some_and(is_one_letter)
        || PLACEHOLDERS.iter().any(|words| lower.contains(words))
}

/// `NAME=value`. Keys may end in `=` (base64), so something must follow, and a name comes before.
fn is_assignment(secret: &str) -> bool {
    secret.split_once('=').is_some_and(|(name, value)| {
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        !value.trim_matches('=').is_empty()
            && name.len() > 2
            && name.trim_start_matches("export ").chars().all(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::SuspectSecret::*;
    use super::*;

    #[test]
    fn wrapped_secrets_are_suspect_and_keys_are_not() {
        for (secret, expected) in [
            ("sk-ant-api03-abcdefghijklmnop", None),
            ("AIzaSyA-1234567890abcdefgh_ijk", None),
            ("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=", None),
            ("  sk-proj-abcdefghijklmnop\r\n", None),
            ("k1", None),
            ("\"sk-abcdefghijklmnopq\"", Some(Quoted)),
            ("'sk-abcdefghijklmnopq", Some(Quoted)),
            ("sk-abcdefghijklmnopq,sk-bbcdefghijklmnopq", Some(Several)),
            ("sk-abcdefghijklmnopq; sk-bbcdefghijklmnopq", Some(Several)),
            ("Bearer sk-abcdefghijklmnopq", Some(WithScheme)),
            ("OPENAI_API_KEY=sk-abcdefghijklmnopq", Some(Assignment)),
            ("export OPENAI_API_KEY=sk-abcdefghij", Some(Assignment)),
            ("${OPENAI_API_KEY}", Some(Placeholder)),
            ("<your key>", Some(Placeholder)),
            ("sk-...", Some(Placeholder)),
            ("sk-xxxx", Some(Placeholder)),
            ("sk-proj-****", Some(Placeholder)),
            ("sk-ant-api03-XXXX", Some(Placeholder)),
            ("YOUR_API_KEY", Some(Placeholder)),
            ("sk-abcdefgh\nijklmnopq", Some(Broken)),
            ("sk-abcdefgh ijklmnopq", Some(Broken)),
        ] {
            assert_eq!(suspect(secret), expected, "{secret}");
        }
    }
}
