//! One request between its intake and the end of its answer: who asks, what is sent, and the plan
//! that says what to do next.

use std::sync::Arc;

use keyweir_policy::exchange::plan::{Event, Plan};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;

use crate::downstream::client::Client;
use crate::request::lease::HeldLease;
use crate::request::outgoing::Outgoing;
use crate::request::record::{self, Record};
use crate::runtime::deadline::Deadline;
use crate::runtime::gateway::{Gateway, Live};
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
}

/// What stays the same whoever is asked.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    pub(crate) method: http::Method,
    /// A success makes something that later requests refer to.
    pub(crate) creates: bool,
    /// Where the client thinks the provider is.
    pub(crate) public_base: Option<String>,
    /// The id of the thing that the path names.
    pub(crate) resource: Option<String>,
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

    /// Ends an attempt.
    pub(crate) fn settle(&mut self, held: HeldLease, fault: Fault) {
        self.record.on(record::Event::AttemptEnded { fault });
        held.settle(fault);
    }

    /// Lets go of what another attempt would need: there will be none.
    pub(crate) fn let_go(&mut self) {
        self.outgoing.let_go();
    }
}
