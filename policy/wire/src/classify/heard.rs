//! An error answer, as far as attribution depends on it.

use std::time::Duration;

use crate::classify::answer_wait;
use crate::provider_error::ProviderError;
use crate::wait::moment::Moment;
use keyweir_terms::endpoint::Endpoint;

/// An error, read.
pub(crate) struct Heard {
    pub(crate) endpoint: Endpoint,
    /// Its status, or the one it would have had.
    pub(crate) status: u16,
    /// It is a page for people.
    pub(crate) is_html: bool,
    /// `x-should-retry: true`.
    pub(crate) should_retry: bool,
    /// How long to stay away, stated or in words.
    pub(crate) wait: Option<Duration>,
    pub(crate) said: ProviderError,
}

impl Heard {
    /// An error answer.
    pub(crate) fn answer<'a>(
        endpoint: Endpoint,
        status: u16,
        header: &impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Self {
        let mut said = ProviderError::read(body);
        // Bedrock names the error in a header; some of its bodies have nothing but a message.
        if said.kind.is_empty()
            && let Some(kind) = header("x-amzn-errortype")
        {
            let kind = kind.split([':', ';']).next().unwrap_or_default();
            said.kind = kind.trim().to_ascii_lowercase();
        }
        Self {
            endpoint,
            status,
            is_html: is_html(header),
            should_retry: header("x-should-retry") == Some("true"),
            wait: answer_wait::read(header, &said),
            said,
        }
    }

    /// An error inside a good answer, or in a stream.
    pub(crate) fn inside(endpoint: Endpoint, said: ProviderError, date: Option<Moment>) -> Self {
        Self {
            endpoint,
            status: status_inside(&said),
            is_html: false,
            should_retry: false,
            wait: said.wait(date),
            said,
        }
    }

    /// Its type, code or detail is one of `words`.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.said.says(word))
    }

    /// Its message begins with one of `beginnings`, where `*` stands for a name. Only the beginning
    /// is the provider's own for sure: the rest may quote the request, and no client may talk a key
    /// or an account out of service.
    pub(crate) fn begins(&self, beginnings: &[&str]) -> bool {
        let message = &self.said.message;
        beginnings
            .iter()
            .any(|beginning| match beginning.split_once('*') {
                Some((before, after)) => message
                    .strip_prefix(before)
                    .is_some_and(|rest| rest.contains(after)),
                None => message.starts_with(beginning),
            })
    }

    /// Its message has one of `words` somewhere. For what costs nobody anything.
    pub(crate) fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.said.message.contains(words))
    }

    /// `… Limit 30000, Requested 34307. …`: no wait makes this fit.
    pub(crate) fn asks_for_more_than_the_limit(&self) -> bool {
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
}

/// Whether the content is announced as a page for people.
pub(crate) fn is_html<'a>(header: &impl Fn(&str) -> Option<&'a str>) -> bool {
    const HTML: &str = "text/html";
    header("content-type")
        .and_then(|value| value.trim_start().get(..HTML.len()))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(HTML))
}

/// The status that an error names, or that goes with its type or code.
pub(crate) fn status_inside(said: &ProviderError) -> u16 {
    let named = said.status.filter(|status| (400..600).contains(status));
    named.unwrap_or_else(|| implied_status(said))
}

/// The status that goes with an error's type or code, as each family documents it.
fn implied_status(said: &ProviderError) -> u16 {
    const STATUSES: &[(&str, u16)] = &[
        // Anthropic, "Errors".
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("timeout_error", 504),
        ("overloaded_error", 529),
        // OpenAI, "Error codes", and the codes of a failed response.
        ("invalid_api_key", 401),
        ("model_not_found", 404),
        ("context_length_exceeded", 400),
        ("string_above_max_length", 400),
        ("content_filter", 400),
        ("content_policy_violation", 400),
        ("empty_image_file", 400),
        ("failed_to_download_image", 400),
        ("previous_response_not_found", 400),
        ("rate_limit_exceeded", 429),
        ("insufficient_quota", 429),
        ("slow_down", 429),
        ("tokens", 429),
        ("requests", 429),
        ("server_overloaded", 529),
        // Alibaba, "Error codes".
        ("arrearage", 400),
        ("invalidapikey", 401),
        ("datainspectionfailed", 400),
        ("data_inspection_failed", 400),
        // Google, `google.rpc.Code`.
        ("invalid_argument", 400),
        ("failed_precondition", 400),
        ("out_of_range", 400),
        ("unauthenticated", 401),
        ("permission_denied", 403),
        ("not_found", 404),
        ("resource_exhausted", 429),
        ("cancelled", 499),
        ("unavailable", 503),
        ("deadline_exceeded", 504),
        // Amazon Bedrock, the exceptions of its event streams.
        ("validationexception", 400),
        ("accessdeniedexception", 403),
        ("throttlingexception", 429),
        ("modelstreamerrorexception", 424),
        ("modeltimeoutexception", 408),
        ("servicequotaexceededexception", 429),
        ("serviceunavailableexception", 503),
        // vLLM and SGLang.
        ("badrequesterror", 400),
        ("notfounderror", 404),
    ];
    // OpenAI's codes of what is wrong with an image or a parameter.
    const REQUEST: [&str; 3] = ["invalid_", "unsupported_", "image_"];
    let of = |word: &str| STATUSES.iter().find(|(name, _)| *name == word);
    // The code is the finer word: OpenAI gives many errors the type `invalid_request_error`.
    if let Some((_, status)) = of(&said.code) {
        return *status;
    }
    if REQUEST.iter().any(|prefix| said.code.starts_with(prefix)) {
        return 400;
    }
    of(&said.kind).map_or(500, |(_, status)| *status)
}
