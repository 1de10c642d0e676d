//! A question that is answered piece by piece: why each account and key would serve a request or would
//! not, of a pool that goes on deciding in between.
//!
//! To look at every one of 10,000 accounts takes milliseconds, and requests must not wait for that. So
//! each call looks at a few, and whoever asks lets others at the pool before the next. What is told of an
//! account is as of the call that looked at it; what would be chosen, as of one call.
//!
//! A model that nobody has asked for has no row, and perhaps no quota group. Both are made for the
//! question alone, a few accounts at a time, and go with it.

use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{GroupId, ModelId, TenantId};
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use crate::ask::Ask;
use crate::asked::Asked;
use crate::attempts::Attempts;
use crate::explain::Explanation;
use crate::group::QuotaGroup;
use crate::models::{Model, Named};
use crate::pool::Pool;

/// Accounts and keys looked at in one call: some tenths of a millisecond.
const LOOKED_AT_ONCE: usize = 256;

/// A question, and as much of its answer as there is.
#[derive(Debug)]
pub struct Inquiry {
    ask: Ask,
    /// A copy of the model's row, since models may give way to others in between.
    model: Model,
    group: Group,
    /// The policy that a new group was made for.
    generation: u64,
    stage: Stage,
}

/// The quota group that the request is charged to.
#[derive(Debug)]
enum Group {
    /// One of the pool.
    Known(GroupId),
    /// One that is made for the question.
    New(Box<QuotaGroup>),
}

/// What is looked at next.
#[derive(Debug)]
enum Stage {
    /// Whether the accounts from this index on serve the model, and their part of a new group.
    Make(usize),
    /// What would be chosen.
    Choose,
    /// The accounts from this index on; those before are told of, and when the turn would be.
    Explain(usize, Explanation, Option<Time>),
    /// Nothing: all is told.
    Done,
}

impl Pool {
    /// Begins to ask which key a request of `tenant` for a model would get, were it to come now for the
    /// first time, and why no other. `ask` makes the request; its model is not to be used for anything.
    pub fn inquire(
        &mut self,
        now: Time,
        tenant: TenantId,
        (name, endpoint): (&str, Endpoint),
        ask: impl FnOnce(ModelId) -> Ask,
    ) -> Inquiry {
        let now = self.clock.read(now);
        let models = &self.shared.models;
        let named = Named {
            name,
            endpoint,
            tenant,
        };
        let (model, group, stage) = match models.known(name, endpoint) {
            Some(known) => {
                let model = models.get(known).copy();
                let group = Group::Known(model.group);
                (model, group, Stage::Choose)
            }
            None => {
                let (model, new_group) = models.stranger(now, &self.spec, named);
                let group = match new_group {
                    None => Group::Known(model.group),
                    Some(name) => {
                        let group = QuotaGroup::empty(&self.spec, (model.group, name));
                        Group::New(Box::new(group))
                    }
                };
                (model, group, Stage::Make(0))
            }
        };
        let ask = ask(ModelId::from_index(0));
        Inquiry {
            ask: Ask {
                arrived: self.clock.inward(ask.arrived),
                deadline: self.clock.inward(ask.deadline),
                ..self.resolved(&ask)
            },
            model,
            group,
            generation: self.generation,
            stage,
        }
    }

    /// Looks at a few accounts more. Returns the answer once all are looked at, and when the request
    /// would have its turn (`None`: never).
    pub fn answer(
        &mut self,
        now: Time,
        inquiry: &mut Inquiry,
    ) -> Option<(Explanation, Option<Time>)> {
        let now = self.clock.read(now);
        let clock = self.clock;
        match std::mem::replace(&mut inquiry.stage, Stage::Done) {
            Stage::Make(from) => inquiry.stage = self.make(now, inquiry, from),
            Stage::Choose => {
                if let Group::New(group) = &mut inquiry.group {
                    group.reserve(now, &self.shared.members, &self.shared.reserves);
                }
                inquiry.stage = self.with_group(now, inquiry, |pool, group, asked| {
                    let explanation = group.explain(now, &pool.shared, asked);
                    Stage::Explain(0, explanation, pool.expected_turn(now, group, asked))
                });
            }
            Stage::Explain(from, mut explanation, turn) => {
                let told = &mut explanation.accounts;
                let (next, end) = self.with_group(now, inquiry, |pool, group, asked| {
                    let end = group.accounts.width();
                    let some = (from..end, LOOKED_AT_ONCE);
                    let next = group.explain_accounts(now, (&pool.shared, asked), some, told);
                    (next, end)
                });
                if next >= end {
                    let told = explanation.told(|at| clock.outward(at));
                    return Some((told, turn.map(|turn| clock.outward(turn))));
                }
                inquiry.stage = Stage::Explain(next, explanation, turn);
            }
            Stage::Done => {}
        }
        None
    }

    fn make(&self, now: Time, inquiry: &mut Inquiry, from: usize) -> Stage {
        self.catch_up(now, inquiry);
        let end = self.spec.accounts.width();
        let to = (from + LOOKED_AT_ONCE).min(end);
        inquiry.model.look_up(&self.spec, from..to);
        if let Group::New(group) = &mut inquiry.group {
            group.add_some_members(now, &self.spec, &self.shared.members, from..to);
        }
        match to < end {
            true => Stage::Make(to),
            false => Stage::Choose,
        }
    }

    /// Lets a new group follow a policy that has come into force since it was begun.
    fn catch_up(&self, now: Time, inquiry: &mut Inquiry) {
        let generation = std::mem::replace(&mut inquiry.generation, self.generation);
        if let Group::New(group) = &mut inquiry.group
            && generation != self.generation
        {
            group.add_members(now, &self.spec, &self.shared.members);
        }
    }

    /// Lets `f` see the pool as if the model of `inquiry` had a row in it.
    fn with_group<R>(
        &mut self,
        now: Time,
        inquiry: &mut Inquiry,
        f: impl FnOnce(&Self, &QuotaGroup, &Asked<'_>) -> R,
    ) -> R {
        self.catch_up(now, inquiry);
        match &mut inquiry.group {
            Group::Known(id) => self.groups[*id].run_timers(now, &self.shared.members),
            Group::New(group) => group.run_timers(now, &self.shared.members),
        }
        let model = self.shared.models.enter(&inquiry.model);
        let ask = Ask {
            model,
            ..inquiry.ask
        };
        let group: &QuotaGroup = match &inquiry.group {
            Group::Known(id) => &self.groups[*id],
            Group::New(group) => group,
        };
        let attempts = Attempts::default();
        let result = f(self, group, &self.asked_in(group, &ask, &attempts));
        self.shared.models.leave();
        result
    }
}
