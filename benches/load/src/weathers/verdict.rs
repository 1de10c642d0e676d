//! Whether a row reached what it must.

use super::figures::{Broken, Figures};
use super::forecast::{Asked, Forecast};

/// Waits may be so much longer than the all-knowing scheduler's.
const WAITS_FACTOR: f64 = 1.5;
const WAITS_SECS: f64 = 0.1;
/// Nobody hears nothing for longer: patience, the attempt that follows it, and its answer's head.
const SILENCE_SECS_MAX: f64 = 33.0;

/// What was missed, in words; empty if nothing was.
pub(crate) fn misses(forecast: &Forecast, figures: &Figures) -> Vec<String> {
    let mut misses = Vec::new();
    let Asked {
        success,
        upstream,
        upstream_in_storm,
        waits,
        used,
        prompt_refusals,
        recovery,
        streams,
        fairness,
    } = forecast.asked;
    at_least(&mut misses, "success", figures.success, Some(success));
    at_most(
        &mut misses,
        "upstream requests",
        figures.upstream,
        Some(upstream),
    );
    at_most(
        &mut misses,
        "upstream requests in the storm",
        figures.upstream_in_storm,
        upstream_in_storm,
    );
    let longest = WAITS_FACTOR * figures.waits_all_knowing + WAITS_SECS;
    at_most(
        &mut misses,
        "waits",
        figures.waits.1,
        waits.then_some(longest),
    );
    at_least(&mut misses, "capacity used", figures.used, used);
    let (before, after, _) = figures.recovery;
    let recovered = recovery.map(|share| share * before);
    at_least(&mut misses, "rate after the storm", after, recovered);
    at_least(&mut misses, "fair share", figures.fairness, fairness);
    if prompt_refusals && figures.late_refusals > 0 {
        misses.push(format!("{} refusals came late", figures.late_refusals));
    }
    if prompt_refusals && figures.longest > SILENCE_SECS_MAX {
        misses.push(format!("somebody waited {:.1} s", figures.longest));
    }
    if streams {
        misses.extend(stream_misses(figures));
    }
    misses
}

fn stream_misses(figures: &Figures) -> Vec<String> {
    let Broken {
        told,
        told_unclean,
        otherwise,
    } = figures.broken;
    let (told_by_provider, untold) = figures.struck;
    let mut misses = Vec::new();
    if otherwise > 0 {
        misses.push(format!("{otherwise} streams broke untold"));
    }
    if told as u64 != told_by_provider || told_unclean as u64 != untold {
        misses.push("clients saw other failures than struck after content".to_owned());
    }
    let unanswered: usize = figures.unanswered.values().sum();
    let unseen = unanswered - told - told_unclean - otherwise;
    if unseen > 0 {
        misses.push(format!("{unseen} saw a failure before content"));
    }
    misses
}

fn at_least(misses: &mut Vec<String>, what: &str, is: f64, bound: Option<f64>) {
    if let Some(bound) = bound
        && is < bound
    {
        misses.push(format!("{what} {is:.4} < {bound:.4}"));
    }
}

fn at_most(misses: &mut Vec<String>, what: &str, is: f64, bound: Option<f64>) {
    if let Some(bound) = bound
        && is > bound
    {
        misses.push(format!("{what} {is:.4} > {bound:.4}"));
    }
}

/// The head of the table.
pub(crate) const TABLE_HEAD: &str = "\
| Weather | Requests | Success | Upstream per request | 429 per 1,000 upstream | Clients saw 429 / 529 | \
Waits p50 / p99 (all-knowing p99), s | Capacity used | Besides | Held |\n\
|---|---|---|---|---|---|---|---|---|---|\n";

/// A row of the table.
pub(crate) fn row(forecast: &Forecast, figures: &Figures) -> String {
    let misses = misses(forecast, figures);
    let held = if misses.is_empty() {
        "yes".to_owned()
    } else {
        format!("**no**: {}", misses.join("; "))
    };
    let (limited, overloaded) = figures.limited_seen;
    let (median, high) = figures.waits;
    format!(
        "| {} | {} | {:.4} | {:.4} | {:.1} | {limited} / {overloaded} | {median:.2} / {high:.2} ({:.2}) | {:.3} | {} | {held} |\n",
        forecast.title,
        figures.requests,
        figures.success,
        figures.upstream,
        figures.refused_upstream,
        figures.waits_all_knowing,
        figures.used,
        besides(forecast, figures),
    )
}

fn besides(forecast: &Forecast, figures: &Figures) -> String {
    let asked = &forecast.asked;
    let mut parts = Vec::new();
    if figures.turned_away > 0 {
        let (after, longest) = (figures.refused_after * 1e3, figures.longest);
        parts.push(format!(
            "{} turned away, p99 of those within {after:.0} ms; longest silence {longest:.1} s",
            figures.turned_away
        ));
    }
    if asked.recovery.is_some() {
        let (before, first, second) = figures.recovery;
        parts.push(format!(
            "in the storm {:.2} upstream per request; {before:.0}/s before, {first:.0} and {second:.0}/s in the seconds after",
            figures.upstream_in_storm
        ));
    }
    if asked.streams {
        let (told_by_provider, untold) = figures.struck;
        let broken = figures.broken;
        parts.push(format!(
            "struck after content: {told_by_provider} error events, of which clients saw {}, and \
             {untold} resets, stalls and ends, of which {} were told and ended uncleanly",
            broken.told, broken.told_unclean
        ));
    }
    if asked.fairness.is_some() {
        parts.push(format!("fair share {:.3}", figures.fairness));
    }
    if forecast.store.is_some() {
        let (before, after) = figures.heads;
        parts.push(format!(
            "p99 until the head {:.0} ms in the first 20 s, {:.0} ms afterwards",
            before * 1e3,
            after * 1e3
        ));
    }
    parts.join("; ")
}
