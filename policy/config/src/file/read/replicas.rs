//! Setting `gateway.replicas`: a number, or a name that has an address for each.

use keyweir_terms::replicas::Replicas;

use crate::file::replicas::ReplicaCount;
use crate::file::value::Value;

/// The longest name that DNS has.
const NAME_LEN_MAX: usize = 253;

pub(super) fn replicas(value: Value<'_>) -> Option<ReplicaCount> {
    value.table_or(named, |value| count(&value).map(ReplicaCount::Fixed))
}

fn named(value: Value<'_>) -> Option<ReplicaCount> {
    value.table(|fields| {
        let dns = fields.required("dns", |value| name(&value));
        let least = fields.or("least", Replicas::ONE, |value| count(&value));
        Some(ReplicaCount::Named { dns: dns?, least })
    })
}

fn count(value: &Value<'_>) -> Option<Replicas> {
    let count = value.count(1..=u64::from(Replicas::MAX))?;
    u32::try_from(count).ok().map(Replicas::new)
}

fn name(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !label.starts_with('-')
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    if text.len() <= NAME_LEN_MAX && labels.split('.').all(is_label) {
        return Some(text.to_owned());
    }
    value.refuse_with_hint(
        "is not a host name",
        "write the name of a headless Service, as \"keyweir-replicas.default.svc\"",
    )
}
