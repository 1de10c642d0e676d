//! Looking headers up, and putting what they say where it belongs.

use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::{Reading, Snapshot};

/// A look-up of a header by its lower-case name.
pub(crate) type Header<'h, 'a> = &'h dyn Fn(&str) -> Option<&'a str>;

/// Puts a reading where it belongs. Where several buckets are metered in one dimension (a
/// project's beside its organization's), the scarcest is the one that will refuse.
pub(super) fn add(snapshot: &mut Snapshot, dimension: Dimension, reading: Reading) {
    if reading.limit.is_none() && reading.remaining.is_none() {
        return;
    }
    let place = &mut snapshot.readings[dimension.index()];
    let is_scarcer = place.is_none_or(|known| {
        reading.remaining.unwrap_or(u64::MAX) < known.remaining.unwrap_or(u64::MAX)
    });
    if is_scarcer {
        *place = Some(reading);
    }
}
