//! What a case comes to, in a sentence or two.

use super::number::{amount, percent, seconds};
use super::outcome::{Demanded, Outcome};
use super::what_if::in_words;

/// Waits that nobody notices.
const UNNOTICED_SECS: f64 = 0.1;
/// From this share of its limit on a budget is what others wait for.
const SPENT: f64 = 0.95;

/// The verdict on an outcome.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut verdict = fate(outcome);
    if let Some(budget) = &outcome.bottleneck {
        let is_spent =
            budget.used_in_busiest_minute >= SPENT || outcome.answered < outcome.requests;
        let what = if is_spent {
            "What runs out first"
        } else {
            "The fullest budget"
        };
        verdict += &format!(
            " {what}: {} ({} of its limit in the busiest minute).",
            budget.in_words(),
            percent(budget.used_in_busiest_minute)
        );
    }
    if let Some(demanded) = short(outcome) {
        verdict += &lacking(demanded);
    }
    verdict
}

fn fate(outcome: &Outcome) -> String {
    let waits = &outcome.wait_secs;
    if outcome.answered == 0 {
        return "No request is answered.".to_owned();
    }
    if outcome.refused > 0 {
        return format!(
            "{} of the requests are refused ({} of {}); of those that are answered, half wait {} \
             or more and one in 20 {} or more.",
            percent(1.0 - outcome.success),
            outcome.refused,
            outcome.requests,
            seconds(waits.p50),
            seconds(waits.p95),
        );
    }
    if waits.p99 < UNNOTICED_SECS {
        return "Every request is answered, practically without waiting.".to_owned();
    }
    format!(
        "Every request is answered; one in 20 waits {} or more, one in 100 {} or more.",
        seconds(waits.p95),
        seconds(waits.p99)
    )
}

/// The dimension in which most is asked for beyond what is declared.
fn short(outcome: &Outcome) -> Option<&Demanded> {
    let ratio = |it: &Demanded| {
        it.declared_per_minute
            .map(|limit| it.busiest_minute / limit)
    };
    let short = outcome
        .demand
        .iter()
        .filter_map(|it| Some((ratio(it)?, it)));
    short
        .filter(|(ratio, _)| *ratio > 1.0)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, it)| it)
}

fn lacking(demanded: &Demanded) -> String {
    let limit = demanded.declared_per_minute.unwrap_or_default();
    let of_group = match demanded.group.as_str() {
        "" => String::new(),
        group => format!(" of {group}"),
    };
    format!(
        " Asked for are {} {}{of_group} a minute on average and {} in the busiest; all limits \
         together allow {}.",
        amount(demanded.mean_per_minute),
        in_words(demanded.dimension),
        amount(demanded.busiest_minute),
        amount(limit)
    )
}
