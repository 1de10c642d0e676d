//! Which values a message may quote: none that could be a secret in the wrong place.
//!
//! An operator who pastes a key into the wrong field gets an error, and errors end up in terminals,
//! logs and tickets. What looks like a key is therefore never repeated: it begins as keys do, or
//! has a long unbroken run of letters and digits. Names of models and accounts have neither.

/// The longest value that is quoted.
const LEN_MAX: usize = 80;

/// From how many letters and digits in a row on a text with a digit counts as a secret.
const RUN_MIN: usize = 20;

const SECRET_PREFIXES: [&str; 8] = [
    "sk-", "sk_", "kw_", "gsk_", "xai-", "pplx-", "aiza", "bearer ",
];

/// `"value"`, or words for it if it should not be repeated.
pub(super) fn quoted(value: &str) -> String {
    if is_showable(value) {
        format!("\"{value}\"")
    } else {
        "this value".into()
    }
}

/// A field's name, or words for it if it should not be repeated.
pub(super) fn field_name(name: &str) -> &str {
    if is_showable(name) { name } else { "(hidden)" }
}

pub(crate) fn is_showable(value: &str) -> bool {
    value.len() <= LEN_MAX && !value.chars().any(char::is_control) && !looks_secret(value)
}

fn looks_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    SECRET_PREFIXES.iter().any(|prefix| lower.contains(prefix)) || has_random_run(value)
}

fn has_random_run(value: &str) -> bool {
    let runs = value.split(|c: char| !c.is_ascii_alphanumeric());
    runs.into_iter()
        .any(|run| run.len() >= RUN_MIN && run.bytes().any(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown() {
        for name in [
            "antropic",
            "claude-haiku-4-5-20251001",
            "org/llama-3.1:70b",
            "https://x.y/z",
        ] {
            assert_eq!(quoted(name), format!("\"{name}\""));
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not() {
        let secrets = [
            "sk-ant-api03-abc",
            "SK-proj-1",
            "kw_1",
            "0123456789abcdef0123456789abcdef",
            "https://user:sk-1@host",
            "two\nlines",
            &"long ".repeat(20),
        ];
        for secret in secrets {
            assert_eq!(quoted(secret), "this value", "{secret}");
        }
    }
}
