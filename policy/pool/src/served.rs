//! Who was served last.

use std::time::Duration;

use keyweir_terms::ids::TenantId;
use keyweir_terms::time::Time;

/// How long it counts that somebody was served, where another is told that a key is out. Long enough for
/// tenants that ask a few times a minute; whoever is alone then is believed.
const COUNTS: Duration = Duration::from_secs(60);

/// The last two tenants that were served, and when.
#[derive(Debug, Default)]
pub(crate) struct Served([Option<(TenantId, Time)>; 2]);

impl Served {
    pub(crate) fn note(&mut self, tenant: TenantId, now: Time) {
        let [last, other] = &mut self.0;
        if last.is_some_and(|(it, _)| it != tenant) {
            *other = *last;
        }
        *last = Some((tenant, now));
    }

    /// When anybody was.
    pub(crate) fn last(&self) -> Option<Time> {
        let (_, at) = self.0[0]?;
        Some(at)
    }

    /// Whether others than `tenant` were served lately.
    pub(crate) fn is_any_but(&self, tenant: TenantId, now: Time) -> bool {
        let mut all = self.0.iter().flatten();
        all.any(|(it, at)| *it != tenant && now.since(*at) < COUNTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_known_however_often_one_is_served() {
        let mut served = Served::default();
        let at = |secs| Time::ZERO.after_secs(secs);
        assert!(served.last().is_none() && !served.is_any_but(TenantId(1), at(0.0)));
        served.note(TenantId(1), at(0.0));
        served.note(TenantId(2), at(1.0));
        served.note(TenantId(2), at(2.0));
        assert_eq!(served.last(), Some(at(2.0)));
        assert!(served.is_any_but(TenantId(2), at(30.0)));
        assert!(served.is_any_but(TenantId(1), at(61.0)));
        assert!(!served.is_any_but(TenantId(2), at(61.0)));
    }
}
