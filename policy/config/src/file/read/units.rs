//! Counts within bounds, and the units that bounds are written in.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::value::Value;

pub(super) const KIB: u64 = 1 << 10;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const TIB: u64 = 1 << 40;

pub(super) fn counted<T: TryFrom<u64>>(
    fields: &mut Fields<'_>,
    name: &'static str,
    default: T,
    bounds: RangeInclusive<u64>,
) -> T {
    fields.or(name, default, |value| count(&value, bounds))
}

pub(super) fn count<T: TryFrom<u64>>(value: &Value<'_>, bounds: RangeInclusive<u64>) -> Option<T> {
    T::try_from(value.count(bounds)?).ok()
}

pub(super) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(super) const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) const fn minutes(count: u64) -> Duration {
    secs(60 * count)
}

pub(super) const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}
