//! The attribution table: what came over the wire → whose fault it is.
//!
//! Status first, then the error's type, then its code, and the message's words last: providers
//! change wording without notice, but some states (no money, a closed account) have nothing else.
//! When in doubt an outcome is charged to the party that loses least by it: an unknown 4xx to the
//! request (passed through, nobody cools down), an unknown 5xx to key or provider.
//!
//! A redirect is charged like a broken answer: none of these APIs redirects, so it comes from a
//! wrong base URL or a portal in between, and passing it on would send the client, with its
//! credential, to wherever it points. So is a page of HTML where an API's answer belongs.

mod wait;

use crate::error_body::ErrorBody;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// The most of an error body that [`classify`] looks at.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Whose fault an answer is. `header` looks up by lower-case name; `body_prefix` is the beginning
/// of the body where [`needs_body`] asked for it, else empty.
pub fn classify<'a>(
    dialect: Dialect,
    endpoint: Endpoint,
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body_prefix: &[u8],
) -> Fault {
    // What other APIs do with 2xx, 3xx and HTML is their business.
    let is_strict = dialect != Dialect::Generic || endpoint != Endpoint::Other;
    match status {
        200..=299 if is_strict && is_page(endpoint, &header) => Fault::Broken { wait: None },
        200..=299 | 304 => Fault::None,
        400.. => {
            let body = &body_prefix[..body_prefix.len().min(BODY_BYTES_MAX)];
            let said = ErrorBody::read(body);
            let answer = Answer {
                endpoint,
                status,
                is_html: is_html(&header),
                should_retry: header("x-should-retry"),
                wait: wait::read(&header, &said),
                said: &said,
            };
            answer.fault()
        }
        _ => Fault::Broken { wait: None },
    }
}

/// Whether [`classify`] wants to see the body (at most [`BODY_BYTES_MAX`]) of this status.
pub const fn needs_body(dialect: Dialect, status: u16) -> bool {
    // The same for all: every dialect has states that only a body tells apart.
    let _ = dialect;
    status >= 400
}

/// An error that came as an event of a stream: classified as the status it would have had.
pub(crate) fn in_stream(said: &ErrorBody) -> Fault {
    let answer = Answer {
        endpoint: Endpoint::Inference,
        status: said
            .status
            .filter(|s| *s >= 400)
            .unwrap_or_else(|| implied_status(said)),
        is_html: false,
        should_retry: None,
        wait: wait::in_body(said),
        said,
    };
    answer.fault()
}

/// The status that goes with an error's type or code.
fn implied_status(said: &ErrorBody) -> u16 {
    const STATUSES: &[(&str, u16)] = &[
        ("invalid_request_error", 400),
        ("invalid_prompt", 400),
        ("authentication_error", 401),
        ("invalid_api_key", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("rate_limit_exceeded", 429),
        ("insufficient_quota", 429),
        ("slow_down", 429),
        ("tokens", 429),
        ("requests", 429),
        ("resource_exhausted", 429),
        ("timeout_error", 504),
        ("overloaded_error", 529),
        ("server_overloaded", 529),
    ];
    // The code is the finer word: OpenAI gives many errors the type `invalid_request_error`.
    let of = |word: &str| STATUSES.iter().find(|(name, _)| *name == word);
    let found = of(&said.code).or_else(|| of(&said.kind));
    found.map_or(500, |(_, status)| *status)
}

/// A page for people in the place of an answer.
fn is_page<'a>(endpoint: Endpoint, header: &impl Fn(&str) -> Option<&'a str>) -> bool {
    // Files may be pages.
    !matches!(endpoint, Endpoint::Files | Endpoint::Other) && is_html(header)
}

fn is_html<'a>(header: &impl Fn(&str) -> Option<&'a str>) -> bool {
    const HTML: &str = "text/html";
    header("content-type")
        .and_then(|value| value.trim_start().get(..HTML.len()))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(HTML))
}

/// An error answer, read.
struct Answer<'a> {
    endpoint: Endpoint,
    status: u16,
    is_html: bool,
    should_retry: Option<&'a str>,
    wait: Option<std::time::Duration>,
    said: &'a ErrorBody,
}

impl Answer<'_> {
    fn fault(&self) -> Fault {
        if let Some(account) = self.account_fault() {
            return account;
        }
        match self.status {
            401 => Fault::KeyRejected,
            403 => self.forbidden(),
            404 if self.is_about_the_model() => Fault::ModelDenied,
            408 | 409 | 425 if self.is_transient() => self.broken(),
            413 if self.said.says("rate_limit_exceeded") => Fault::TooLargeForLimit,
            429 => self.too_many(),
            // Groq's flexible tier has no capacity.
            498 => Fault::Overloaded { wait: self.wait },
            400 if self.is_about_the_key() => Fault::KeyRejected,
            400 if self.said.says("model_not_found") => Fault::ModelDenied,
            400..=499 => Fault::BadRequest,
            529 => Fault::Overloaded { wait: self.wait },
            _ if self.said.says("slow_down") => Fault::RampLimited { wait: self.wait },
            _ if self.is_overloaded() => Fault::Overloaded { wait: self.wait },
            _ => self.broken(),
        }
    }

    const fn broken(&self) -> Fault {
        Fault::Broken { wait: self.wait }
    }

    /// States of the whole account, which come under several statuses.
    fn account_fault(&self) -> Option<Fault> {
        let out_of_money = Fault::OutOfMoney { wait: self.wait };
        if !matches!(self.status, 400..=403 | 429) {
            return None;
        }
        if CLOSED_CODES.iter().any(|code| self.said.says(code)) || self.message_begins(CLOSED_WORDS)
        {
            return Some(Fault::AccountDisabled);
        }
        if self.status == 402
            || MONEY_CODES.iter().any(|code| self.said.says(code))
            || self.message_begins(MONEY_WORDS)
        {
            return Some(out_of_money);
        }
        None
    }

    fn forbidden(&self) -> Fault {
        if self.is_html {
            // The edge turned us away, whoever asked for what.
            return self.broken();
        }
        if self.said.says("content_policy_violation") || self.message_has(MODERATION_WORDS) {
            return Fault::BadRequest;
        }
        Fault::ModelDenied
    }

    fn too_many(&self) -> Fault {
        let wait = self.wait;
        if RAMP_CODES.iter().any(|code| self.said.says(code)) || self.message_has(RAMP_WORDS) {
            return Fault::RampLimited { wait };
        }
        if self.message_begins(TOO_LARGE_WORDS) || self.asks_for_more_than_the_limit() {
            return Fault::TooLargeForLimit;
        }
        Fault::RateLimited { wait }
    }

    /// `… Limit 30000, Requested 34307. …`: no wait makes this fit.
    fn asks_for_more_than_the_limit(&self) -> bool {
        let after = |word| {
            let (_, rest) = self.said.message.split_once(word)?;
            let rest = rest.trim_start_matches([' ', ':']);
            let end = rest
                .find(|c: char| !(c.is_ascii_digit() || c == ','))
                .unwrap_or(rest.len());
            rest[..end].replace(',', "").parse::<u64>().ok()
        };
        match (after("limit "), after("requested ")) {
            (Some(limit), Some(requested)) => requested > limit,
            _ => false,
        }
    }

    fn is_about_the_model(&self) -> bool {
        let asks_a_model = matches!(self.endpoint, Endpoint::Inference | Endpoint::CountTokens);
        asks_a_model
            && (MODEL_CODES.iter().any(|code| self.said.says(code))
                || self.message_begins(MODEL_WORDS))
    }

    fn is_about_the_key(&self) -> bool {
        KEY_CODES.iter().any(|code| self.said.says(code)) || self.message_begins(KEY_WORDS)
    }

    /// Statuses that usually are the client's, but not always.
    fn is_transient(&self) -> bool {
        self.should_retry == Some("true")
            || self.status == 408
                && (self.said.says("timeout_error")
                    || self.said.says("timeout")
                    || !self.said.is_json)
    }

    fn is_overloaded(&self) -> bool {
        self.said.says("overloaded_error")
            || self.said.says("server_overloaded")
            || self.said.message.contains("overloaded")
    }

    /// Only the beginning of a message is the provider's own for sure: the rest may quote the
    /// request, and no client may talk a key or an account out of service.
    fn message_begins(&self, beginnings: &[&str]) -> bool {
        beginnings
            .iter()
            .any(|beginning| self.said.message.starts_with(beginning))
    }

    /// For what costs nobody anything.
    fn message_has(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.said.message.contains(words))
    }
}

const MONEY_CODES: &[&str] = &[
    "billing_error",
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "insufficient_balance",
];
const MONEY_WORDS: &[&str] = &[
    "your credit balance is too low",
    "you have reached your specified api usage limits",
    "you have reached your specified workspace api usage limits",
    "you exceeded your current quota, please check your plan and billing",
];
const CLOSED_CODES: &[&str] = &[
    "organization_on_hold",
    "organization_disabled",
    "organization_deactivated",
    "account_deactivated",
    "access_terminated",
];
const CLOSED_WORDS: &[&str] = &["this organization has been disabled"];
const RAMP_CODES: &[&str] = &["ramp_limit_exceeded", "slow_down"];
const RAMP_WORDS: &[&str] = &["usage increase rate", "acceleration limit"];
const TOO_LARGE_WORDS: &[&str] = &["request too large for"];
const MODEL_CODES: &[&str] = &["model_not_found", "deploymentnotfound", "modelnotfound"];
const MODEL_WORDS: &[&str] = &[
    "model:",
    "model '",
    "model \\\"",
    "model `",
    "the model ",
    "no such model",
    "unknown model",
];
const KEY_CODES: &[&str] = &["authentication_error", "invalid_api_key", "api_key_invalid"];
const KEY_WORDS: &[&str] = &["api key not valid", "incorrect api key provided"];
const MODERATION_WORDS: &[&str] = &["moderation", "was flagged"];

#[cfg(test)]
mod tests;
