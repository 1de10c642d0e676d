//! How long a request may wait in all.

use std::time::Duration;

/// What is known of a request's patience.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// What the client asks for.
    pub client: Option<Duration>,
    /// What its tenant is given.
    pub tenant: Option<Duration>,
    /// When the client's own SDK gives up.
    pub gives_up: Option<Duration>,
}

/// The policy's side.
#[derive(Clone, Copy, Debug)]
pub struct PatienceLimits {
    /// For whoever says nothing else.
    pub usual: Duration,
    /// The most that a client may ask for.
    pub most: Duration,
}

/// What the client says it would wait, or else its tenant's patience, or else the usual. Never
/// beyond the operator's bound, nor beyond the moment at which the client's SDK gives up.
pub fn patience(wishes: &Wishes, limits: &PatienceLimits) -> Duration {
    let asked = wishes.client.map(|asked| asked.min(limits.most));
    let patience = asked.or(wishes.tenant).unwrap_or(limits.usual);
    patience.min(wishes.gives_up.unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_asks_within_the_operators_bound() {
        let secs = Duration::from_secs;
        let limits = PatienceLimits {
            usual: secs(30),
            most: secs(600),
        };
        for (client, tenant, gives_up, expected) in [
            (None, None, None, 30),
            (None, Some(60), None, 60),
            (Some(5), Some(60), None, 5),
            (Some(5000), None, None, 600),
            (Some(100), None, Some(20), 20),
        ] {
            let wishes = Wishes {
                client: client.map(secs),
                tenant: tenant.map(secs),
                gives_up: gives_up.map(secs),
            };
            assert_eq!(patience(&wishes, &limits), secs(expected), "{wishes:?}");
        }
    }
}
