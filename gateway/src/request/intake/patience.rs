//! How long a client says that it would wait.

use std::time::Duration;

use http::header::HeaderValue;
use keyweir_policy::exchange::patience::{PatienceLimits, Wishes, patience};
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire::refusal_kind::RefusalKind;

use crate::headers::ForUs;
use crate::request::respond::refuse::Refuse;
use crate::runtime::live::Live;

/// How long a request of `tenant` with these headers may wait in all.
///
/// # Errors
/// If what the client asks for is no time: whoever asks to wait no longer than 5s (and not 5) waits for
/// half a minute otherwise.
pub(super) fn allowed(live: &Live, tenant: TenantId, for_us: &ForUs) -> Result<Duration, Refuse> {
    let waiting = &live.policy.waiting;
    let tenant = live.tenant(tenant);
    let wishes = Wishes {
        client: for_us.patience.as_ref().map(asked).transpose()?,
        tenant: tenant.and_then(|tenant| tenant.patience),
        gives_up: for_us.client_timeout.as_ref().and_then(seconds),
    };
    let limits = PatienceLimits {
        usual: waiting.patience,
        most: waiting.patience_max,
    };
    Ok(patience(&wishes, &limits))
}

fn asked(value: &HeaderValue) -> Result<Duration, Refuse> {
    seconds(value).ok_or_else(|| {
        let message = "x-keyweir-patience: must be a number of seconds, such as 20 or 2.5";
        Refuse::new(RefusalKind::InvalidRequest, "bad_patience", message).non_retryable()
    })
}

/// A number of seconds, perhaps with a fraction.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_a_fraction_and_nonsense_is_none() {
        let seconds = |value| seconds(&HeaderValue::from_static(value));
        assert_eq!(seconds("2.5"), Some(Duration::from_millis(2500)));
        for nonsense in ["-1", "NaN", "inf", "1e30", "soon", ""] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}
