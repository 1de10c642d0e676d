//! Which key a deployment has.

use super::params::Params;
use super::taken::Import;
use crate::import::draft::quoted;
use crate::import::finding::Rating;
use crate::import::vendor::Vendor;
use crate::secret;

/// What stands for a key where none is needed, as operators of local models write it.
const NONE: [&str; 16] = [
    "none",
    "null",
    "empty",
    "dummy",
    "fake",
    "fake-key",
    "fake-api-key",
    "no-key",
    "nokey",
    "not-needed",
    "na",
    "n/a",
    "anything",
    "unused",
    "sk-no-key-required",
    "lm-studio",
];

/// The key of a deployment.
#[derive(Debug)]
pub(super) struct Secret {
    /// As TOML writes it.
    pub(super) written: String,
    /// What is different about it.
    pub(super) difference: Option<String>,
}

/// Whose key is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    /// The public name.
    pub(super) name: &'a str,
    pub(super) vendor: Vendor,
    pub(super) base: &'a str,
}

/// The key of a deployment; in words, why it cannot be had.
pub(super) fn of(
    import: &mut Import,
    of: Of<'_>,
    params: &Params<'_>,
) -> Result<Secret, &'static str> {
    let Some(key) = params.key(of.vendor.name) else {
        return not_said(of, params);
    };
    let written = key.text().ok_or("api_key: must be text")?;
    if let Some(variable) = variable(written) {
        if !is_variable(variable) {
            return Err("api_key: names no environment variable");
        }
        return Ok(variable_of(variable, None));
    }
    if written.starts_with("oidc/") {
        return Err("api_key: is made anew for each request (oidc), and there is nothing like it");
    }
    let is_elsewhere = of.base != of.vendor.base_url;
    if is_elsewhere && NONE.contains(&written.to_ascii_lowercase().as_str()) {
        return Ok(no_key(None));
    }
    let (at, is_new) = literal(import, written);
    let variable = format!("IMPORTED_KEY_{}", at + 1);
    if is_new {
        let (name, line) = (of.name, key.line());
        match keyweir_wire::suspect_secret(written) {
            Some(suspect) => {
                import.unsupported(line, format!("{name}: api_key: {suspect}, in ${variable}"));
            }
            None => {
                let words = format!("{name}: api_key stands in the file: put it into ${variable}");
                import.found(line, Rating::Approximate, words);
            }
        }
    }
    Ok(variable_of(&variable, None))
}

/// What LiteLLM takes where no key is said.
fn not_said(of: Of<'_>, params: &Params<'_>) -> Result<Secret, &'static str> {
    const OTHERS: [&str; 6] = [
        "azure_ad_token",
        "client_secret",
        "azure_username",
        "extra_headers",
        "default_headers",
        "headers",
    ];
    if OTHERS.iter().any(|field| params.get(field).is_some()) {
        return Err("has no api_key, and shows who it is in another way, which is not taken over");
    }
    if of.vendor.base_url.is_empty() && of.vendor.credential.is_none() {
        let words = format!("no api_key is said: the word {} is sent", secret::NO_KEY);
        return Ok(no_key(Some(words)));
    }
    let usual = format!("{}_API_KEY", of.vendor.name.to_ascii_uppercase());
    let words = format!("no api_key is said: ${usual} is taken");
    Ok(variable_of(&usual, Some(words)))
}

fn variable_of(variable: &str, difference: Option<String>) -> Secret {
    Secret {
        written: format!("{{ env = {} }}", quoted(variable)),
        difference,
    }
}

fn no_key(difference: Option<String>) -> Secret {
    Secret {
        written: quoted(secret::NO_KEY),
        difference,
    }
}

/// The place of a key that stands in the file among all such, the same for the same key; and whether it
/// is a new one.
fn literal(import: &mut Import, literal: &str) -> (usize, bool) {
    match import.literals.iter().position(|it| it == literal) {
        Some(at) => (at, false),
        None => {
            import.literals.push(literal.to_owned());
            (import.literals.len() - 1, true)
        }
    }
}

/// The variable that a text names: as LiteLLM writes it, or as templates do that fill it in before.
pub(super) fn variable(written: &str) -> Option<&str> {
    let filled_in = written.strip_prefix("${");
    let filled_in = filled_in.and_then(|rest| rest.strip_suffix('}'));
    written
        .strip_prefix("os.environ/")
        .or_else(|| filled_in.filter(|name| is_variable(name)))
}

fn is_variable(name: &str) -> bool {
    let begins = name.bytes().next();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    begins.is_some_and(|byte| !byte.is_ascii_digit())
        && name.len() <= 256
        && name.bytes().all(is_plain)
}
