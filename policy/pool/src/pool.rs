//! A pool's parts, and what is asked of it as a whole.

use keyweir_quota::budget::Charge;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{GroupId, ModelId, TenantId, Ticket};
use keyweir_terms::request::Usage;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use crate::ask::{Admission, Ask, Lease, Notice, Refusal, RefusalReason, Settlement};
use crate::asked::Asked;
use crate::attempts::Attempts;
use crate::clock::Clock;
use crate::group::QuotaGroup;
use crate::models::Named;
use crate::room_full;
use crate::shared::Shared;
use crate::spec::PoolSpec;

/// One provider's pool. See the [crate documentation](crate) for who calls what, and when.
#[derive(Debug)]
pub struct Pool {
    pub(crate) spec: PoolSpec,
    pub(crate) clock: Clock,
    pub(crate) groups: Table<GroupId, QuotaGroup>,
    pub(crate) shared: Shared,
    /// How often the policy was replaced.
    pub(crate) generation: u64,
}

impl Pool {
    /// A pool of these parts, of which nothing is known yet but what the policy file declares.
    pub fn new(spec: PoolSpec, now: Time) -> Self {
        Self {
            clock: Clock::default(),
            groups: Table::default(),
            shared: Shared::new(&spec, now),
            spec,
            generation: 0,
        }
    }

    /// The handle of `name` at `endpoint`, which `tenant` asks for; an empty name for requests that
    /// name no model. It is good for a call that follows at once: models that nobody waits for, and
    /// that no lease is of, may give way to others.
    pub fn model(
        &mut self,
        now: Time,
        tenant: TenantId,
        name: &str,
        endpoint: Endpoint,
    ) -> ModelId {
        let seen = self.clock.peek(now);
        if let Some(known) = self.shared.models.find(seen, name, endpoint) {
            return known;
        }
        let now = self.clock.read(now);
        let mut free = None;
        if self.shared.models.is_full() {
            let leased = self.shared.leases.models();
            let rooms = self.groups.values().map(|group| &group.room);
            let waiting =
                rooms.flat_map(|room| room.iter().map(|(_, it)| it.what.asked().ask.model));
            free = self.shared.models.evict(tenant, leased.chain(waiting));
        }
        let named = Named {
            name,
            endpoint,
            tenant,
        };
        let (model, new_group) = self.shared.models.add(now, &self.spec, named, free);
        if let Some(new) = new_group {
            let id = new.0;
            let mut group = QuotaGroup::new(now, &self.spec, &self.shared.members, new);
            group.reserve(now, &self.shared.members, &self.shared.reserves);
            self.groups.insert(id, group);
        }
        model
    }

    /// Asks for a key. [`Self::next_decision`] is to be called until `None` afterwards, as after
    /// every call that takes `now`.
    pub fn admit(&mut self, now: Time, ask: Ask, attempts: &Attempts) -> Admission {
        let now = self.clock.read(now);
        let ask = Ask {
            arrived: self.clock.inward(ask.arrived),
            deadline: self.clock.inward(ask.deadline),
            ..self.resolved(&ask)
        };
        self.lapse(now);
        let admission = self.admit_or_wait(now, &ask, attempts);
        self.spread(now);
        match admission {
            Admission::Refused(refusal) => Admission::Refused(self.told(refusal)),
            admitted => admitted,
        }
    }

    fn admit_or_wait(&mut self, now: Time, ask: &Ask, attempts: &Attempts) -> Admission {
        let id = self.group_of(ask);
        self.groups[id].run_timers(now, &self.shared.members);
        if let Some(reason) = self.shared.never(ask) {
            let not_until = None;
            return Admission::Refused(Refusal { not_until, reason });
        }
        let asked = self.asked(ask, attempts);
        if self.groups[id]
            .lone
            .paused_until(now, asked.sender())
            .is_some()
        {
            return Admission::Refused(Refusal {
                not_until: self.expected_turn(now, &self.groups[id], &asked),
                reason: RefusalReason::Exhausted,
            });
        }
        let (group, shared) = (&mut self.groups[id], &mut self.shared);
        if let Some(lease) = group.grant_at_once(now, shared, &asked) {
            return Admission::Granted(lease);
        }
        let refusal = match group.turn_in_time(now, shared, &asked) {
            Err(refusal) => refusal,
            // A retry had its place and its turn; that others have filled the room since is not its
            // fault. Its number is bounded by what is in flight.
            Ok(turn) if !asked.is_retry() && self.is_room_full_for(ask) => Refusal {
                not_until: Some(turn),
                reason: RefusalReason::RoomFull,
            },
            Ok(_) => return self.groups[id].wait(now, &mut self.shared, &asked),
        };
        self.groups[id].note_refused(now, &self.shared, &asked, refusal.reason);
        Admission::Refused(refusal)
    }

    /// A waiting client left. Tickets that are unknown (or were just decided) are ignored.
    pub fn cancel(&mut self, now: Time, ticket: Ticket) {
        let now = self.clock.read(now);
        let left = self
            .groups
            .iter_mut()
            .find_map(|(id, group)| group.room.leave(ticket).map(|_| id));
        match left {
            Some(group) => self.dispatch(now, group),
            // Decided, but not yet fetched: the lease goes back unused.
            None => {
                if let Some(Ok(lease)) = self.shared.decisions.take(ticket) {
                    self.give_back(now, lease);
                }
            }
        }
    }

    /// A good answer has begun: its head, and of a stream the first content, arrived. What comes
    /// with the head is known seconds before the answer ends.
    pub fn answered(&mut self, now: Time, lease: &Lease, snapshot: &Snapshot) {
        let now = self.clock.read(now);
        let Some(open) = self.shared.leases.get_mut(lease.slot) else {
            return;
        };
        if std::mem::replace(&mut open.answered, true) {
            return;
        }
        let (grant, request) = (open.grant, open.request.id);
        let group = &mut self.groups[grant.group];
        group.admitted(now, open);
        group.reconcile(now, open, (snapshot, true));
        self.shared.recognize(group, grant.account, snapshot);
        self.shared.begun(now, group, lease.slot);
        group.refresh(now, &self.shared.members, grant.account);
        let reach = self.shared.provider_succeeded(now, &grant, request);
        self.follow(now, grant.group, &reach);
    }

    /// The stream has produced `output` tokens so far (as reported, or by a guess from its bytes).
    pub fn progressed(&mut self, now: Time, lease: &Lease, output: u64) {
        let now = self.clock.read(now);
        let Some(open) = self.shared.leases.get_mut(lease.slot) else {
            return;
        };
        let grant = open.grant;
        let group = &mut self.groups[grant.group];
        if group.progressed(now, open, output as f64) {
            group.refresh(now, &self.shared.members, grant.account);
        }
    }

    /// Ends a lease: trues up the budgets and lets breakers and estimates learn.
    pub fn settle(&mut self, now: Time, lease: Lease, settlement: &Settlement) {
        let now = self.clock.read(now);
        self.close(now, lease, settlement);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a lease is given back, so that it cannot be settled twice"
    )]
    fn close(&mut self, now: Time, lease: Lease, settlement: &Settlement) {
        let Some(mut open) = self.shared.leases.close(lease.slot) else {
            return;
        };
        let (group, shared) = (&mut self.groups[open.grant.group], &mut self.shared);
        group.true_up(now, &mut open, settlement);
        if !settlement.snapshot.is_empty() && !open.answered {
            let is_admitted = settlement.fault == Fault::None;
            group.reconcile(now, &open, (&settlement.snapshot, is_admitted));
            shared.recognize(group, open.grant.account, &settlement.snapshot);
        }
        let reach = shared.attribute(now, group, &open, settlement);
        group.refresh(now, &shared.members, open.grant.account);
        self.follow(now, open.grant.group, &reach);
    }

    /// A lease that was granted but will not be used.
    fn give_back(&mut self, now: Time, lease: Lease) {
        let unused = Settlement {
            fault: Fault::ClientLeft,
            snapshot: Snapshot::default(),
            usage: Usage::default(),
            sent: false,
        };
        self.close(now, lease, &unused);
    }

    /// The next decision about a waiting request, if one was made by the calls before.
    pub fn next_decision(&mut self) -> Option<(Ticket, Result<Lease, Refusal>)> {
        let (ticket, decision) = self.shared.decisions.next()?;
        Some((ticket, decision.map_err(|it| self.told(it))))
    }

    /// The next thing operators should hear of.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.shared.notices.next()
    }

    /// Takes one retry of the pool's allowance, if there is one.
    pub fn spend_retry(&mut self, now: Time) -> bool {
        let now = self.clock.read(now);
        let may = self.shared.retry.spend(now);
        self.shared.retries_denied += u64::from(!may);
        may
    }

    /// Jitter, in 0..1.
    pub fn draw(&mut self) -> f64 {
        self.shared.draws.f64()
    }

    pub(crate) fn group_of(&self, ask: &Ask) -> GroupId {
        self.shared.models.get(ask.model).group
    }

    /// `ask` for the account that has the keys now, where it must be a certain one.
    pub(crate) fn resolved(&self, ask: &Ask) -> Ask {
        let members = &self.shared.members;
        Ask {
            account: ask.account.map(|account| members.merged(account)),
            ..*ask
        }
    }

    pub(crate) fn asked<'a>(&self, ask: &'a Ask, attempts: &'a Attempts) -> Asked<'a> {
        self.asked_in(&self.groups[self.group_of(ask)], ask, attempts)
    }

    /// `ask` with what it is expected to take of `group`.
    pub(crate) fn asked_in<'a>(
        &self,
        group: &QuotaGroup,
        ask: &'a Ask,
        attempts: &'a Attempts,
    ) -> Asked<'a> {
        let need = group.estimates.need(ask.tenant, &ask.size);
        let output_max = ask.size.output_max;
        Asked {
            ask,
            attempts,
            charge: Charge::of(&need, output_max, self.spec.charging()),
            weight: self.spec.weight(ask.tenant),
        }
    }

    fn is_room_full_for(&self, ask: &Ask) -> bool {
        let rooms = self.groups.values().map(|group| &group.room);
        room_full::is_full_for(rooms, &self.spec.room, self.spec.weights.len(), ask)
    }

    /// A refusal in the driver's time.
    fn told(&self, refusal: Refusal) -> Refusal {
        let not_until = refusal.not_until.map(|at| self.clock.outward(at));
        Refusal {
            not_until,
            ..refusal
        }
    }
}
