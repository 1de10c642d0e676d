//! Looking an error up in the attribution table.

use crate::classify::families::FAMILIES;
use crate::classify::heard::Heard;
use keyweir_terms::fault::Fault;

/// Whom the first row that fits charges it to.
pub(crate) fn fault(heard: &Heard) -> Fault {
    let rows = FAMILIES.iter().flat_map(|family| family.rows);
    let mut fitting = rows.filter(|row| row.is_about(heard));
    // The last rows take every status from 400 on; anything below is no error and breaks nothing.
    fitting
        .next()
        .map_or(Fault::Broken { wait: heard.wait }, |row| {
            row.charge.fault(heard.wait)
        })
}
