//! Open leases: what each holds, where it was taken from, and what it has told so far.

use crate::breaker::Generation;
use crate::budget::{Charge, Marks};
use crate::ids::{AccountId, KeyId, ModelId, TenantId};
use crate::pool::ask::RequestSize;
use crate::pool::models::LaneId;
use crate::units::Time;

/// A place in the table, and the turn it was used in, so that no lease is ever taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    index: u32,
    turn: u32,
}

/// An open lease.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) tenant: TenantId,
    pub(super) model: ModelId,
    pub(super) lane: LaneId,
    pub(super) account: AccountId,
    pub(super) key: KeyId,
    pub(super) size: RequestSize,
    pub(super) affinity: Option<u64>,
    pub(super) charge: Charge,
    pub(super) marks: Marks,
    pub(super) granted: Time,
    pub(super) generations: Generations,
    /// Output tokens seen so far.
    pub(super) produced: f64,
    /// Output that is still foreseen.
    pub(super) foreseen: f64,
    /// When the first output was reported, and how much it was.
    pub(super) first_output: Option<(Time, f64)>,
    /// The delay of its output was learned from its beginning.
    pub(super) is_paced: bool,
    pub(super) answered: bool,
}

/// The generations of the three breakers a grant goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generations {
    pub(super) account: Generation,
    pub(super) key: Generation,
    pub(super) key_model: Generation,
}

/// The table of open leases. Its size is that of the busiest moment.
#[derive(Debug, Default)]
pub(super) struct Leases {
    slots: Vec<(u32, Option<Open>)>,
    free: Vec<u32>,
}

impl Leases {
    pub(super) fn open(&mut self, open: Open) -> Slot {
        match self.free.pop() {
            Some(index) => {
                let (turn, place) = &mut self.slots[index as usize];
                *place = Some(open);
                Slot { index, turn: *turn }
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("fewer than 4 billion leases");
                self.slots.push((0, Some(open)));
                Slot { index, turn: 0 }
            }
        }
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Open> {
        let (turn, open) = self.slots.get_mut(slot.index as usize)?;
        (*turn == slot.turn).then_some(open.as_mut()).flatten()
    }

    pub(super) fn close(&mut self, slot: Slot) -> Option<Open> {
        let (turn, place) = self.slots.get_mut(slot.index as usize)?;
        if *turn != slot.turn {
            return None;
        }
        let open = place.take()?;
        *turn = turn.wrapping_add(1);
        self.free.push(slot.index);
        Some(open)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
