//! A key for the next attempt: now, after waiting, or not at all.

use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::HeaderName;
use keyweir_policy::ids::AccountId;
use keyweir_policy::pool::Priority;
use keyweir_policy::retry::Attempts;
use keyweir_policy::units::Time;

use super::Stop;
use super::record::Record;
use super::refuse::Refuse;
use super::settle::Held;
use crate::downstream::client::Client;
use crate::headers::{CLIENT_TIMEOUT, PATIENCE};
use crate::runtime::gateway::{Gateway, Live};
use crate::runtime::pool::{Admitted, Asking};
use crate::runtime::provider::Provider;

/// Asks the pool for a key, and waits for it as long as the request is patient.
///
/// # Errors
/// If there is none in time, or the client leaves.
pub(crate) async fn admit(
    gateway: &Gateway,
    provider: &Provider,
    asking: &Asking,
    attempts: &Attempts,
    client: &mut Client,
    record: &mut Record,
) -> Result<Held, Stop> {
    let decision = match provider.pool.admit(asking, attempts) {
        Admitted::Granted(lease) => Ok(lease),
        Admitted::Refused(refusal) => Err(refusal),
        Admitted::Waiting(place) => {
            let since = Instant::now();
            let decision = tokio::select! {
                biased;
                decision = place => decision,
                () = client.gone() => return Err(Stop::ClientLeft),
            };
            record.waited += since.elapsed();
            // The pool decides every ticket; it cannot go while a request holds it.
            decision.ok_or(Stop::ClientLeft)?
        }
    };
    match decision {
        Ok(lease) => {
            let held = Held::new(&provider.pool, lease);
            record.account = Some(held.account());
            record.key = Some(held.key());
            Ok(held)
        }
        Err(refusal) => {
            let now = gateway.clock.now();
            Err(Refuse::of_pool(&refusal, now, record.model.as_deref()).into())
        }
    }
}

/// Where a request may wait, and until when: what the client says it would wait, or else its
/// tenant's patience, or else the pool's. Never beyond the operator's bound, nor beyond the moment
/// at which the client's SDK gives up.
pub(crate) fn patience(live: &Live, record: &Record, headers: &HeaderMap) -> (Priority, Duration) {
    let waiting = &live.policy.waiting;
    let tenant = record.tenant.and_then(|tenant| live.tenant(tenant));
    let priority = tenant.map(|tenant| tenant.priority).unwrap_or_default();
    let asked = seconds(headers, &PATIENCE).map(|asked| asked.min(waiting.patience_max));
    let declared = tenant
        .and_then(|tenant| tenant.patience)
        .unwrap_or(waiting.patience);
    let patience = asked.unwrap_or(declared);
    let gives_up = seconds(headers, &CLIENT_TIMEOUT).unwrap_or(Duration::MAX);
    (priority, patience.min(gives_up))
}

/// A header that holds a number of seconds, perhaps with a fraction.
fn seconds(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// The account that a request must go to, if any: the one that the thing it names lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// Any will do.
    Any,
    /// This one.
    Known(AccountId),
    /// It must be one, but which is not known: each is asked in turn, this one next.
    Sought(AccountId),
}

impl Home {
    pub(crate) fn account(self) -> Option<AccountId> {
        match self {
            Self::Any => None,
            Self::Known(account) | Self::Sought(account) => Some(account),
        }
    }

    /// Where to look next, of `accounts`, if the one looked at does not know it.
    pub(crate) fn next(self, accounts: usize) -> Option<Self> {
        match self {
            Self::Sought(account) => {
                let next = account.0 + 1;
                ((next as usize) < accounts.min(SOUGHT_MAX))
                    .then_some(Self::Sought(AccountId(next)))
            }
            Self::Any | Self::Known(_) => None,
        }
    }
}

/// Accounts asked for a thing that nobody remembers. Each costs a request, and guessed ids must not
/// make a large pool ask itself empty.
const SOUGHT_MAX: usize = 32;

/// The end of `patience` from `arrived` on.
pub(crate) fn deadline(arrived: Time, patience: Duration) -> Time {
    arrived + patience
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

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

    #[test]
    fn accounts_are_asked_one_after_the_other_and_not_without_end() {
        let mut home = Home::Sought(AccountId(0));
        let mut asked = 1;
        while let Some(next) = home.next(1000) {
            home = next;
            asked += 1;
        }
        assert_eq!(asked, SOUGHT_MAX);
        assert_eq!(Home::Sought(AccountId(1)).next(2), None);
        assert_eq!(Home::Any.next(2), None);
    }
}
