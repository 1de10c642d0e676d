//! What a request holds of its tenant's limits, and what it came to: settled exactly once, also when
//! its task ends where nobody expected it.

use http::{HeaderMap, HeaderValue};
use keyweir_policy::tenancy::lack::{Lack, Overspent};
use keyweir_policy::tenancy::left::AllLeft;
use keyweir_policy::tenancy::request::{Cost, Reserved, Used};
use keyweir_policy::tenancy::tally::SpenderIds;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::ProviderId;

use crate::headers::{self, BUDGET_WARNING};
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::runtime::tenancy::{Ended, wall};

/// A request's charge.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    reserved: Option<Reserved>,
    /// What is left of its tenant's limits.
    left: AllLeft,
    overspent: Option<Box<Overspent>>,
    is_settled: bool,
    cost: Cost,
}

impl Charge {
    /// It holds this from now on.
    pub(crate) fn hold(&mut self, mut reserved: Reserved) {
        self.left = reserved.left;
        self.overspent = reserved.overspent.take();
        self.reserved = Some(reserved);
    }

    /// It is rerouted to this model of this provider.
    ///
    /// # Errors
    /// If its tenant's limits for that have no room for it now.
    pub(crate) fn reroute(
        &mut self,
        gateway: &Gateway,
        to: (ProviderId, &str),
    ) -> Result<(), Box<Lack>> {
        let Some(mut reserved) = self.reserved.take() else {
            return Ok(());
        };
        let rerouted = gateway.tenancy.reroute(&mut reserved, to);
        if rerouted.is_ok() {
            self.hold(reserved);
        } else {
            self.reserved = Some(reserved);
        }
        rerouted
    }

    /// What it holds, if anything.
    pub(crate) const fn held(&self) -> Option<&Reserved> {
        self.reserved.as_ref()
    }

    /// It holds nothing any more: what it held.
    pub(crate) fn let_go(&mut self) -> Option<Reserved> {
        (self.left, self.overspent) = (AllLeft::default(), None);
        self.reserved.take()
    }

    /// It lacks something; this is what is left.
    pub(crate) fn lacks(&mut self, left: AllLeft) {
        self.left = left;
    }

    /// Nothing is held that would have to be given back.
    pub(crate) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// What it cost, once that is known.
    pub(crate) const fn cost(&self) -> &Cost {
        &self.cost
    }

    /// It has come to `used`, of `spender`. Only the first time counts.
    pub(crate) fn settle(
        &mut self,
        gateway: &Gateway,
        live: &Live,
        spender: SpenderIds,
        used: Used,
    ) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let tenant = live.tenant(spender.tenant);
        let name = tenant.map_or("", |tenant| tenant.id.as_str());
        let ended = Ended {
            reserved: self.reserved.take(),
            spender,
            used,
        };
        let metrics = &gateway.metrics.tenancy;
        self.cost = gateway.tenancy.settle(ended, name, metrics);
    }

    /// What an answer in `dialect` tells of the tenant's limits.
    pub(crate) fn headers(&self, dialect: Dialect) -> HeaderMap {
        let mut headers = headers::left(&self.left, dialect, wall());
        if let Some(over) = &self.overspent
            && let Ok(over) = HeaderValue::try_from(over.to_string())
        {
            headers.insert(BUDGET_WARNING, over);
        }
        headers
    }
}
