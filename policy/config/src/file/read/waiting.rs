//! Tables `waiting` and `retry`.

use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::read::units::{TIB, counted, hours, secs};
use crate::file::report::Severity;
use crate::file::settings::WaitingSettings;
use crate::file::value::Value;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;

pub(super) fn waiting(fields: &mut Fields<'_>) -> WaitingSettings {
    let default = WaitingSettings::default();
    let patience = fields.or("patience", default.patience, |value| patience(&value));
    let patience_max = fields.optional("patience_max", |v| {
        v.at(|v| v.duration(secs(0)..=hours(24)))
    });
    if let Some(max) = patience_max.as_ref().filter(|max| max.value < patience) {
        fields.problems().note(
            Severity::Error,
            max.spot.clone(),
            "must not be below patience",
        );
    }
    WaitingSettings {
        patience,
        patience_max: patience_max.map_or(default.patience_max.max(patience), |at| at.value),
        fallback_after: fields.or("fallback_after", default.fallback_after, |value| {
            value.duration(secs(0)..=hours(24))
        }),
        room: room(fields, default.room),
    }
}

fn room(fields: &mut Fields<'_>, default: RoomLimits) -> RoomLimits {
    let places = 0..=1_000_000;
    let per_tenant = default.per_tenant_max;
    RoomLimits {
        requests_max: counted(fields, "requests_max", default.requests_max, places.clone()),
        per_tenant_max: counted(fields, "per_tenant_max", per_tenant, places),
        bytes_max: fields.or("bytes_max", default.bytes_max, |v| v.size(0..=TIB)),
    }
}

/// How long somebody waits; zero: not at all.
pub(super) fn patience(value: &Value<'_>) -> Option<Duration> {
    value.duration(secs(0)..=hours(24))
}

pub(super) fn retry(fields: &mut Fields<'_>) -> RetryLimits {
    let default = RetryLimits::default();
    RetryLimits {
        attempts_max: counted(fields, "attempts_max", default.attempts_max, 1..=32),
        ambiguous: fields.or("ambiguous", default.ambiguous, |value| value.boolean()),
        budget_share: fields.or("budget_share", default.budget_share, |value| {
            value.fraction(0.0..=1.0)
        }),
        budget_per_sec: fields.or("budget_per_sec", default.budget_per_sec, |value| {
            value.fraction(0.0..=10_000.0)
        }),
    }
}
