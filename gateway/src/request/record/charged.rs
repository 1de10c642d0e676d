//! What a request is charged for, and where.

use keyweir_policy::tenancy::request::Used;
use keyweir_policy::tenancy::tally::SpenderIds;
use keyweir_policy::terms::ids::{AccountId, KeyId};
use keyweir_policy::terms::request::Usage;

use super::observed::Observed;

impl Observed {
    /// To whom its use is booked; `None`: no tenant or no provider had it.
    pub(super) fn spender(&self) -> Option<SpenderIds> {
        let (asked, served) = (&self.asked, &self.served);
        let (tenant, provider) = asked.tenant.zip(served.provider)?;
        let model = served.model.as_ref().or(asked.model.as_ref());
        Some(SpenderIds {
            day: 0,
            tenant,
            provider,
            account: served.account.unwrap_or(AccountId(u32::MAX)),
            key: served.key.unwrap_or(KeyId(u32::MAX)),
            model: model.cloned().unwrap_or_default(),
        })
    }

    /// Whoever serves it says that it took so much.
    pub(super) fn charged(&mut self, usage: Usage, is_counted: bool) {
        (self.end.usage, self.end.is_counted) = (usage.apart(), is_counted);
    }

    /// What it used, as far as that is known.
    pub(super) fn used(&self) -> Used {
        let (served, end) = (&self.served, &self.end);
        if !end.usage.is_empty() {
            return match end.is_counted {
                true => Used::Told(end.usage),
                false => Used::Partly(end.usage),
            };
        }
        if served.attempts == 0 {
            return Used::Nothing;
        }
        let failed = u32::try_from(served.failed().count()).unwrap_or(u32::MAX);
        if failed < served.attempts || end.first_byte.is_some() && end.status < 400 {
            return Used::Untold;
        }
        // Whatever was tried failed, and nobody charges for that.
        Used::Told(Usage::default())
    }
}
