//! One request between its intake and the end of its answer: who asks, what is sent, and the plan
//! that says what to do next.

use std::sync::Arc;
use std::time::Duration;

use keyweir_policy::exchange::plan::{Event, Plan};
use keyweir_policy::exchange::silence::SilenceLimits;
use keyweir_policy::exchange::silence::request::Silence;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{AccountId, TenantId};

use crate::downstream::client::Client;
use crate::request::lease::HeldLease;
use crate::request::outgoing::Outgoing;
use crate::request::record::{self, Record};
use crate::runtime::deadline::Deadline;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::runtime::pool::Next;
use crate::runtime::provider::Provider;

/// One request on its way.
pub(crate) struct Exchange<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) live: &'a Arc<Live>,
    pub(crate) client: &'a mut Client,
    pub(crate) record: &'a mut Record,
    pub(crate) facts: Facts,
    pub(crate) outgoing: Outgoing,
    pub(crate) plan: Plan,
    pub(crate) deadline: Deadline,
    pub(crate) silence: Silence,
}

/// What stays the same whoever is asked.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    pub(crate) method: http::Method,
    /// Its body is JSON, so a model's answer is, too.
    pub(crate) asks_in_json: bool,
    /// A success makes something that later requests refer to.
    pub(crate) makes_things: bool,
    /// Whose the things are that a success names and that nobody is known to have made.
    pub(crate) maker: Option<TenantId>,
    /// Whether a streamed answer is held until it is complete; `None`: as its provider has it.
    pub(crate) whole: Option<bool>,
    /// Who asks.
    pub(crate) tenant: TenantId,
    /// Where the client thinks the provider is.
    pub(crate) public_base: Option<String>,
    /// The id of the thing that the path names.
    pub(crate) resource: Option<String>,
    /// Names of what its body refers to, which only one account knows or can read.
    pub(crate) references: Vec<String>,
}

impl<'a> Exchange<'a> {
    /// The provider that is asked.
    pub(crate) fn provider(&self) -> &'a Provider {
        self.live.provider(self.plan.provider())
    }

    /// Tells the plan what happened; says what to do next.
    pub(crate) fn advance(&mut self, event: Event) -> Next {
        let pool = &self.live.provider(self.plan.provider()).pool;
        pool.advance(&mut self.plan, event)
    }

    /// An attempt has been sent. The longest that its answer's head may take.
    pub(crate) fn silence_begins(&mut self) -> Duration {
        let (now, limits) = (self.gateway.clock.now(), self.silence_limits());
        let may_leave = self.silence.may_leave(self.plan.has_fallback());
        let provider = self.live.provider(self.plan.provider());
        let learned = may_leave.then(|| provider.silences());
        let of_model = (learned.as_deref(), self.plan.model());
        self.silence.begins(now, of_model, &limits)
    }

    /// How long is left for the first byte of a stream.
    pub(crate) fn silence_left(&self) -> Duration {
        let now = self.gateway.clock.now();
        self.silence.left(now, &self.silence_limits())
    }

    fn silence_limits(&self) -> SilenceLimits {
        let timeouts = &self.live.settings().timeouts;
        SilenceLimits {
            fallback: timeouts.first_token_fallback,
            first_token: timeouts.first_token,
            head: timeouts.head,
        }
    }

    /// Something of a stream has come.
    pub(crate) fn silence_ends(&mut self) {
        if let Some((allowed, silent)) = self.silence.ends(self.gateway.clock.now()) {
            let mut silences = self.provider().silences();
            silences.heard(self.plan.model(), allowed, silent);
        }
    }

    /// Ends an attempt.
    pub(crate) fn settle(&mut self, held: HeldLease, fault: Fault) {
        let changed = held.settle(fault);
        self.record
            .on(record::Event::AttemptEnded { fault, changed });
        if fault == Fault::TimedOut
            && let Some(allowed) = self.silence.timed_out()
        {
            let mut silences = self.provider().silences();
            silences.left(self.plan.model(), allowed);
        }
    }

    /// The account that answered holds these.
    pub(crate) fn learn<'i>(&self, ids: impl IntoIterator<Item = &'i String>, account: AccountId) {
        let holder = (self.plan.provider(), account);
        for id in ids {
            self.live.learn_holder(id, holder, self.facts.maker);
        }
    }

    /// Lets go of what another attempt would need: there will be none.
    pub(crate) fn let_go(&mut self) {
        self.outgoing.let_go();
    }
}
