//! Whether the waiting rooms of all groups together are full for one more request.

use keyweir_queue::waiting_room::{RoomLimits, WaitingRoom};

use crate::ask::Ask;
use crate::asked::Waiting;

/// Whether one more would be one too many, for all or for its tenant, of `tenants`.
pub(crate) fn is_full_for<'a>(
    rooms: impl Iterator<Item = &'a WaitingRoom<Waiting>>,
    limits: &RoomLimits,
    tenants: usize,
    ask: &Ask,
) -> bool {
    let (mut waiting, mut of_tenant, mut bytes) = (0, 0, ask.body_bytes);
    for room in rooms.filter(|room| !room.is_empty()) {
        waiting += room.len();
        of_tenant += room.waiting_of(ask.tenant);
        bytes = bytes.saturating_add(room.bytes());
    }
    // The last places are kept for tenants that hold few; a single tenant may have them all.
    let kept = match tenants {
        0 | 1 => 0,
        _ => limits.per_tenant_max,
    };
    let open = limits.requests_max.saturating_sub(kept);
    waiting >= limits.requests_max
        || (waiting >= open && of_tenant >= kept && kept > 0)
        || bytes > limits.bytes_max
}
