//! Which names, of headers and of a query's parameters, say that a credential stands behind them.
//!
//! By rule and not by list: vendors and the proxies before them invent such names faster than a
//! list grows, and a client's credential that reaches a provider makes it refuse the pool's key for
//! what another said. A name is read as words, however they are put together (`x-api-key`,
//! `apiKey`, `API_KEY`), so that what only sounds alike (`monkey`, `max_tokens`, `author`) stays.

use crate::word_list::list;

list!(
    /// Words that name a credential wherever they stand.
    CREDENTIAL_WORDS, is_credential_word:
    "apikey",
    "assertion",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cert",
    "certificate",
    "cookie",
    "credential",
    "credentials",
    "dpop",
    "jwt",
    "oauth",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "sig",
    "signature",
);

/// What such words end in where nothing stands between them: `accesstoken`, `xapikey`.
const CREDENTIAL_ENDINGS: &[&str] = &[
    "accesskey",
    "apikey",
    "auth",
    "authkey",
    "authorization",
    "clientkey",
    "credential",
    "credentials",
    "functionskey",
    "licensekey",
    "masterkey",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "sharedkey",
    "signature",
    "subscriptionkey",
    "token",
    "userkey",
    "virtualkey",
];

list!(
    /// Words with which `key`, `pass`, `pat` and `token` mean something else: a place in a list, a cache, a count.
    HARMLESS_COMPANIONS, is_harmless_companion:
    "affinity",
    "after",
    "before",
    "budget",
    "cache",
    "continuation",
    "count",
    "cursor",
    "dedup",
    "deduplication",
    "idempotency",
    "idempotent",
    "limit",
    "max",
    "min",
    "next",
    "order",
    "page",
    "partition",
    "prev",
    "previous",
    "routing",
    "sort",
    "start",
    "surrogate",
    "sync",
    "type",
);

list!(
    /// Words that name the account to be charged, which is the pool's to choose.
    ACCOUNT_WORDS, is_account_word:
    "account",
    "billing",
    "org",
    "organisation",
    "organization",
    "project",
    "workspace",
);

/// What SDKs send with every request; most names are one of these, and need not be taken apart.
fn is_plainly_none(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "anthropic-beta"
            | "anthropic-version"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "host"
            | "idempotency-key"
            | "openai-beta"
            | "transfer-encoding"
            | "user-agent"
            | "x-app"
            | "x-request-id"
    ) || name.starts_with("x-stainless-")
}

/// What clients present their keys in, and in what providers say with every answer whose account it
/// was; the same goes for these.
fn is_plainly_one(name: &str) -> bool {
    matches!(
        name,
        "anthropic-organization-id"
            | "api-key"
            | "authorization"
            | "cookie"
            | "openai-organization"
            | "x-api-key"
            | "x-goog-api-key"
    )
}

/// Whether a header (its name in lower case) holds a client's credential, or chooses the account to
/// be charged.
pub(crate) fn is_credential_header(name: &str) -> bool {
    if is_plainly_none(name) {
        return false;
    }
    // The gateway opens no WebSockets; browsers put keys into the protocols they offer there.
    is_plainly_one(name) || name.starts_with("sec-websocket-") || is_credential(name)
}

/// Whether a query's parameter, decoded, holds a credential, or makes the request another one than
/// it seems: Google's system parameters (`$httpHeaders`, `$httpMethod`) and the method overrides of
/// common frameworks. <https://cloud.google.com/apis/docs/system-parameters>
pub(super) fn is_credential_parameter(name: &str) -> bool {
    let lower = name.trim().to_ascii_lowercase();
    lower.starts_with('$')
        || matches!(lower.as_str(), "_method" | "x-http-method-override")
        || is_credential(&parted(name))
}

/// Of a name in lower case whose words are parted by anything but letters and digits.
fn is_credential(name: &str) -> bool {
    let (mut is_one, mut is_harmless) = (false, false);
    for word in name.split(|letter: char| !letter.is_alphanumeric()) {
        // As in `oauth2` and `token1`.
        let word = match word.trim_end_matches(|letter: char| letter.is_ascii_digit()) {
            "" | "v" => word,
            unnumbered => unnumbered,
        };
        if is_credential_word(word) || is_account_word(word) || has_credential_ending(word) {
            return true;
        }
        // A key's or a token's number or version may follow, but not what it is measured in
        // (`first-token-ms`).
        if !is_number(word) {
            is_one = matches!(word, "key" | "pass" | "pat" | "token");
            is_harmless |= is_harmless_companion(word);
        }
    }
    is_one && !is_harmless
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches('v');
    digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// `accesstoken`, but not `pagetoken`; the bare words are for the caller to judge.
fn has_credential_ending(word: &str) -> bool {
    let mut endings = CREDENTIAL_ENDINGS.iter();
    let found =
        endings.find_map(|ending| word.strip_suffix(ending).map(|before| (before, *ending)));
    match found {
        Some(("", "token")) => false,
        Some((before, "token")) => !is_harmless_companion(before),
        Some(_) => true,
        None => false,
    }
}

/// A name in lower case, with its words parted where a capital follows a small letter.
fn parted(name: &str) -> String {
    let mut parted = String::with_capacity(name.len() + 4);
    let mut was_small = false;
    for letter in name.chars() {
        if was_small && letter.is_uppercase() {
            parted.push(' ');
        }
        parted.extend(letter.to_lowercase());
        was_small = letter.is_lowercase() || letter.is_ascii_digit();
    }
    parted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_hold_credentials_are_known_by_their_words() {
        for name in [
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "api-key",
            "apikey",
            "x-apikey",
            "x_api_key",
            "x-goog-api-key",
            "x-goog-user-project",
            "x-goog-iam-authorization-token",
            "x-goog-iap-jwt-assertion",
            "ocp-apim-subscription-key",
            "cookie",
            "x-auth-token",
            "x-authtoken",
            "x-access-token",
            "cf-aig-authorization",
            "cf-access-client-secret",
            "x-amz-security-token",
            "x-litellm-api-key",
            "x-litellm-key",
            "x-portkey-virtual-key",
            "helicone-auth",
            "x-functions-key",
            "x-api-key-2",
            "x-token-v2",
            "x-apikey2",
            "x-auth0-token1",
            "cookie2",
            "dpop",
            "x-pat",
            "x-vercel-oidc-token",
            "x-forwarded-access-token",
            "x-forwarded-client-cert",
            "sec-websocket-protocol",
            "sec-websocket-key",
            "anthropic-organization-id",
            "anthropic-workspace-id",
            "anthropic-api-key",
            "openai-organization",
            "openai-project",
            "chatgpt-account-id",
            "x-dashscope-workspace",
        ] {
            assert!(is_credential_header(name), "{name}");
        }
    }

    #[test]
    fn headers_that_are_the_clients_own_stay() {
        for name in [
            "accept",
            "content-type",
            "idempotency-key",
            "x-idempotency-key",
            "anthropic-version",
            "anthropic-beta",
            "anthropic-dangerous-direct-browser-access",
            "openai-beta",
            "openai-intent",
            "openai-client-user-agent",
            "x-stainless-retry-count",
            "x-claude-code-session-id",
            "x-client-request-id",
            "session_id",
            "conversation_id",
            "originator",
            "x-author",
            "x-monkey",
            "x-max-tokens",
            "x-first-token-ms",
            "x-token-count",
            "x-page-token",
            "x-prompt-cache-key",
            "x-goog-api-client",
            "http-referer",
            "x-title",
            "traceparent",
            "x-custom",
            "x-designation",
            "x-pass-through",
            "x-pat-count",
            "x-base64",
        ] {
            assert!(!is_credential_header(name), "{name}");
        }
    }

    #[test]
    fn parameters_that_hold_credentials_are_known_by_their_words() {
        for name in [
            "key",
            "KEY",
            "key[]",
            " key ",
            "api_key",
            "api-key",
            "api.key",
            "apiKey",
            "apikey",
            "access_token",
            "accessToken",
            "accesstoken",
            "oauth_token",
            "access-Token2",
            "apiKey1",
            "pass",
            "bearer_token",
            "id_token",
            "token",
            "subscription-key",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "sig",
            "client_secret",
            "password",
            "auth",
            "userProject",
            "$httpHeaders",
            "$httpMethod",
            "_method",
        ] {
            assert!(is_credential_parameter(name), "{name}");
        }
        for name in [
            "",
            "limit",
            "after",
            "after_id",
            "keys",
            "monkey",
            "order",
            "pageToken",
            "pagetoken",
            "page_token",
            "next_page_token",
            "sort_key",
            "max_tokens",
            "beta",
            "alt",
            "api-version",
            "author",
            "include[]",
            "purpose",
            "q",
        ] {
            assert!(!is_credential_parameter(name), "{name}");
        }
    }

    #[test]
    fn operators_are_told_of_the_rule() {
        let told = include_str!("../../../../docs/HEADERS.md");
        for list in [
            CREDENTIAL_WORDS,
            CREDENTIAL_ENDINGS,
            HARMLESS_COMPANIONS,
            ACCOUNT_WORDS,
        ] {
            let line: Vec<_> = list.iter().map(|word| format!("`{word}`")).collect();
            let line = line.join(", ");
            assert!(told.lines().any(|told| told == line), "{line}");
        }
    }
}
