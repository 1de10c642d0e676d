//! The next choice of a request whose present one cannot serve it in time.
//!
//! Which steps there are, the policy says. Taking one means the same request again, at another
//! provider, with another account or another model: its head is aimed anew, its body gets the
//! other model's name, and its attempts begin from nothing.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Uri;
use keyweir_policy::dialect;
use keyweir_policy::fallback;
use keyweir_policy::fault::{Blame, Fault};
use keyweir_policy::ids::{AccountId, ProviderId};
use keyweir_policy::retry::Attempts;

use super::admit::Home;
use super::exchange::Job;
use super::record::Record;
use super::route::Routed;
use crate::runtime::gateway::Live;

/// Steps that are left, and what it takes to take one.
#[derive(Debug)]
pub(crate) struct Fallbacks {
    path: String,
    query: Option<String>,
    steps: VecDeque<Step>,
}

#[derive(Debug)]
struct Step {
    provider: usize,
    account: Option<AccountId>,
    model: Option<String>,
}

impl Fallbacks {
    /// The steps for a request for `model` whose first choice is `provider`; `None` where there are
    /// none, which costs nothing.
    pub(crate) fn of(
        live: &Live,
        record: &Record,
        routed: &Routed<'_>,
        query: Option<&str>,
        provider: usize,
        model: Option<&str>,
    ) -> Option<Box<Self>> {
        let first = ProviderId(u32::try_from(provider).ok()?);
        let steps: VecDeque<Step> = fallback::choices(&live.policy, record.tenant, first, model?)
            .map(|choice| Step {
                provider: choice.provider.index(),
                account: choice.account,
                model: choice.model.map(str::to_owned),
            })
            .collect();
        (!steps.is_empty()).then(|| {
            Box::new(Self {
                path: routed.path.to_owned(),
                query: query.map(str::to_owned),
                steps,
            })
        })
    }
}

/// Whether another choice could do better where this one met `fault`.
pub(crate) fn may_help(fault: &Fault) -> bool {
    !matches!(fault.blame(), Blame::Request | Blame::Us)
}

impl Job<'_> {
    /// Turns to the next choice; `false` if there is none.
    pub(crate) fn fall_back(&mut self, record: &mut Record) -> bool {
        let Some((step, uri)) = self.next_step() else {
            return false;
        };
        let provider = &self.live.providers[step.provider];
        if let Some(model) = &step.model
            && !self.ask_for(model)
        {
            return false;
        }
        let length = self.body.as_ref().map(|body| body.bytes.len());
        self.head.aim(uri, &provider.upstream.authority, length);
        self.provider = provider;
        self.metrics = self.live.provider_metrics(step.provider);
        self.home = step.account.map_or(Home::Any, Home::Known);
        self.attempts = Attempts::of(self.creates);
        if step.model.is_some() {
            record.model = step.model;
        }
        record.provider = Some(step.provider);
        record.fell_back = true;
        let model = record.model.as_deref().unwrap_or_default();
        self.asking.model = provider.pool.model(model, self.endpoint);
        self.asking.account = step.account;
        true
    }

    fn next_step(&mut self) -> Option<(Step, Uri)> {
        let fallbacks = self.fallbacks.as_mut()?;
        let step = fallbacks.steps.pop_front()?;
        let upstream = &self.live.providers[step.provider].upstream;
        let prefix = upstream.prefix_for(&fallbacks.path);
        let uri = super::exchange::uri(prefix, &fallbacks.path, fallbacks.query.as_deref());
        Some((step, uri))
    }

    /// Puts `model` into the body. `false` where the body names none.
    fn ask_for(&mut self, model: &str) -> bool {
        let Some(body) = &mut self.body else {
            return false;
        };
        let Some(renamed) = dialect::with_model(&body.bytes, model) else {
            return false;
        };
        body.bytes = Bytes::from(renamed);
        true
    }
}
