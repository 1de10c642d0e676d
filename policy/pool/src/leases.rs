//! Open leases: what each was granted on, what it holds, and what it has told so far.

use keyweir_health::breaker::Generation;
use keyweir_quota::budget::{Charge, Marks};
use keyweir_quota::reserve::Draw;
use keyweir_terms::ids::{AccountId, GroupId, KeyId, ModelId, RequestId, TenantId};
use keyweir_terms::request::RequestSize;
use keyweir_terms::time::Time;

use crate::attempts::Earlier;
use crate::lone_failures::Sender;
use crate::output::Output;

/// A row of the table, and the turn it was used in, so that no lease is ever taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    index: u32,
    turn: u32,
}

/// An open lease.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) grant: Grant,
    pub(crate) request: Request,
    pub(crate) charge: Charge,
    /// The part of the account that it draws on.
    pub(crate) draw: Option<Draw>,
    pub(crate) marks: Marks,
    pub(crate) output: Output,
    /// A good answer has begun.
    pub(crate) answered: bool,
}

/// What a lease was granted on, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) group: GroupId,
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    pub(crate) at: Time,
    pub(crate) generations: Generations,
}

/// The generations of the three breakers a grant goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generations {
    pub(crate) account: Generation,
    pub(crate) key: Generation,
    pub(crate) key_model: Generation,
}

/// What its end tells something about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    /// Whom it has failed with before.
    pub(crate) earlier: Earlier,
    pub(crate) tenant: TenantId,
    pub(crate) model: ModelId,
    pub(crate) size: RequestSize,
    pub(crate) affinity: Option<u64>,
}

impl Request {
    /// Who sends it.
    pub(crate) const fn sender(&self) -> Sender {
        (self.tenant, self.affinity)
    }
}

/// The table of open leases. Its size is that of the busiest moment.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    slots: Vec<(u32, Option<Open>)>,
    free: Vec<u32>,
}

impl Leases {
    pub(crate) fn open(&mut self, open: Open) -> Slot {
        match self.free.pop() {
            Some(index) => {
                let (turn, row) = &mut self.slots[index as usize];
                *row = Some(open);
                Slot { index, turn: *turn }
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("fewer than 4 billion leases");
                self.slots.push((0, Some(open)));
                Slot { index, turn: 0 }
            }
        }
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Open> {
        let (turn, open) = self.slots.get_mut(slot.index as usize)?;
        (*turn == slot.turn).then_some(open.as_mut()).flatten()
    }

    pub(crate) fn close(&mut self, slot: Slot) -> Option<Open> {
        let (turn, row) = self.slots.get_mut(slot.index as usize)?;
        if *turn != slot.turn {
            return None;
        }
        let open = row.take()?;
        *turn = turn.wrapping_add(1);
        self.free.push(slot.index);
        Some(open)
    }

    /// The models that the open ones are of.
    pub(crate) fn models(&self) -> impl Iterator<Item = ModelId> {
        let open = self.slots.iter().filter_map(|(_, open)| open.as_ref());
        open.map(|open| open.request.model)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
