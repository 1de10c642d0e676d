//! How long a client says that it would wait.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;
use keyweir_policy::exchange::patience::{PatienceLimits, Wishes, patience};
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire::refusal_kind::RefusalKind;

use crate::headers::{CLIENT_TIMEOUT, PATIENCE};
use crate::request::respond::refuse::Refuse;
use crate::runtime::live::Live;

/// Whether the patience that a client asks for is one.
///
/// # Errors
/// If it is not: whoever asks to wait no longer than 5s (and not 5) waits for half a minute otherwise.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Refuse> {
    if !headers.contains_key(&PATIENCE) || seconds(headers, &PATIENCE).is_some() {
        return Ok(());
    }
    let message = "x-keyweir-patience: must be a number of seconds, such as 20 or 2.5";
    Err(Refuse::new(RefusalKind::InvalidRequest, "bad_patience", message).non_retryable())
}

/// How long a request of `tenant` with these headers may wait in all.
pub(crate) fn allowed(live: &Live, tenant: TenantId, headers: &HeaderMap) -> Duration {
    let waiting = &live.policy.waiting;
    let tenant = live.tenant(tenant);
    let wishes = Wishes {
        client: seconds(headers, &PATIENCE),
        tenant: tenant.and_then(|tenant| tenant.patience),
        gives_up: seconds(headers, &CLIENT_TIMEOUT),
    };
    let limits = PatienceLimits {
        usual: waiting.patience,
        most: waiting.patience_max,
    };
    patience(&wishes, &limits)
}

/// A header that holds a number of seconds, perhaps with a fraction.
pub(crate) fn seconds(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    const A: HeaderName = HeaderName::from_static("a");

    #[test]
    fn seconds_may_have_a_fraction_and_nonsense_is_none() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([(A, HeaderValue::from_static(value))]);
        assert_eq!(
            seconds(&headers("2.5"), &A),
            Some(Duration::from_millis(2500))
        );
        for nonsense in ["-1", "NaN", "inf", "1e30", "soon", ""] {
            assert_eq!(seconds(&headers(nonsense), &A), None, "{nonsense}");
        }
    }
}
