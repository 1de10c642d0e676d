//! Which values a message may quote: none that could be a secret in the wrong place.
//!
//! An operator who pastes a key into the wrong field gets an error, and errors end up in terminals,
//! logs and tickets. What looks like a key is therefore never repeated: it begins as keys do, or
//! has a long unbroken run of letters and digits. Names of models and accounts have neither.

/// The longest value that is quoted.
const LEN_MAX: usize = 80;

/// The longest path that is quoted.
const PATH_LEN_MAX: usize = 256;

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

/// Whether a variable's name may be repeated: capitals, as such names are and keys are not.
pub(super) fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.len() <= LEN_MAX && name.chars().all(is_letter) && !has_random_run(name)
}

/// Whether a path may be repeated: none of its parts begins as a key does, or looks drawn at random,
/// and it is not a bare word, which any key is.
pub(super) fn is_path(path: &str) -> bool {
    let is_name = |part: &str| {
        let lower = part.to_ascii_lowercase();
        let is_key = SECRET_PREFIXES.iter().any(|it| lower.starts_with(it));
        !is_key && !has_random_run(part)
    };
    path.len() <= PATH_LEN_MAX
        && path.contains(['/', '.'])
        && !path.contains('@')
        && !path.chars().any(char::is_control)
        && path.split('/').all(is_name)
}

/// Whether a program's name may be repeated: a path, or a word of letters, as keys are not.
pub(super) fn is_program(name: &str) -> bool {
    let is_word = |name: &str| !name.bytes().any(|byte| byte.is_ascii_digit());
    is_path(name) || is_showable(name) && is_word(name)
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
            assert!(!is_variable(secret) && !is_path(secret), "{secret}");
        }
    }

    #[test]
    fn names_of_variables_and_files_are_shown() {
        assert!(is_variable("TASK_KEY_2") && !is_variable("AKIA0123456789ABCDEF"));
        assert!(!is_variable("a1b2c3d4"));
        for path in ["/run/secrets/task-key", "keys/a.txt", "../team-a-1.key"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "bareword",
            "/run/sk-ant-1",
            "a/0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
