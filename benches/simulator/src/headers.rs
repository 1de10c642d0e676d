//! Headers about budgets that lie: written as text and read back by the dialect's own reader, so
//! that what a run meets is what the gateway would make of them.

use std::collections::HashMap;

use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::snapshot::{Reading, Snapshot};
use keyweir_policy::wire::Wire;

use crate::weather::Lie;

pub(crate) const NAMES: [&str; Dimension::COUNT] =
    ["requests", "input-tokens", "output-tokens", "tokens"];

/// What the gateway reads where the truth at `now` is `truth`. `draw` gives numbers in 0..1.
pub fn lie(lie: Lie, truth: &Snapshot, now: f64, mut draw: impl FnMut() -> f64) -> Snapshot {
    // The run starts an hour after midnight, so that the past fits into the day.
    let now = now as u64 + 3600;
    let mut headers = HashMap::from([("date".to_owned(), http_date(now))]);
    for (name, reading) in NAMES.iter().zip(&truth.readings) {
        let Some(reading) = reading else { continue };
        let [limit, remaining, reset] = told(lie, reading, now, draw());
        for (what, text) in [("limit", limit), ("remaining", remaining), ("reset", reset)] {
            if lie != Lie::Missing || draw() < 0.5 {
                headers.insert(format!("anthropic-ratelimit-{name}-{what}"), text);
            }
        }
    }
    Dialect::Anthropic.snapshot(|name| headers.get(name).map(String::as_str))
}

/// Limit, remaining and reset as told.
fn told(lie: Lie, truth: &Reading, now: u64, draw: f64) -> [String; 3] {
    let limit = truth.limit.unwrap_or(0);
    let remaining = truth.remaining.unwrap_or(0);
    let full_at = now + truth.reset.map_or(0, |reset| reset.as_secs());
    let (limit, remaining, reset) = match lie {
        Lie::NothingLeft => (limit, 0, moment(full_at)),
        Lie::AllLeft => (limit, limit, moment(now)),
        Lie::LimitOfOne => (1, 1, moment(now)),
        Lie::Tenth => (limit / 10, remaining / 10, moment(full_at)),
        Lie::Tenfold => (limit * 10, remaining * 10, moment(full_at)),
        Lie::ResetFarAhead => (limit, remaining, moment(now + 3600)),
        Lie::RandomLeft => (limit, (limit as f64 * draw) as u64, moment(full_at)),
        Lie::RemainingAboveLimit => (limit, limit * 10, moment(full_at)),
        Lie::ResetInThePast => (limit, remaining, moment(now - 3600)),
        Lie::Absurd => {
            return [
                u64::MAX.to_string(),
                "-5".to_owned(),
                "9999-12-31T23:59:59Z".to_owned(),
            ];
        }
        Lie::Missing | Lie::MinuteScale => (limit, remaining, moment(full_at)),
    };
    [limit.to_string(), remaining.to_string(), reset]
}

/// Runs with lies are shorter than a day.
pub(crate) fn moment(secs: u64) -> String {
    let (hours, minutes, seconds) = clock(secs);
    format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}Z")
}

pub(crate) fn http_date(secs: u64) -> String {
    let (hours, minutes, seconds) = clock(secs);
    format!("Thu, 01 Jan 2026 {hours:02}:{minutes:02}:{seconds:02} GMT")
}

fn clock(secs: u64) -> (u64, u64, u64) {
    (secs / 3600 % 24, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn truth() -> Snapshot {
        let mut truth = Snapshot::default();
        truth.readings[0] = Some(Reading {
            limit: Some(4000),
            remaining: Some(120),
            reset: Some(Duration::from_secs(2)),
            ..Reading::default()
        });
        truth
    }

    #[test]
    fn what_is_told_truly_is_read_back() {
        let read = lie(Lie::MinuteScale, &truth(), 5.0, || 0.0);
        let reading = read.of(Dimension::Requests).expect("it was told");
        assert_eq!(reading.limit, Some(4000));
        assert_eq!(reading.remaining, Some(120));
        assert_eq!(reading.reset, Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_is_missing_is_not_read() {
        assert!(lie(Lie::Missing, &truth(), 5.0, || 0.9).is_empty());
    }
}
