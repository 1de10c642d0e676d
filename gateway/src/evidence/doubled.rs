//! What the simulator says of twice the limit: the busiest hours, again.

use std::fmt::Write;

use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::endpoint::Endpoint;

use super::words::{hour, text, words};
use crate::command::dimension::in_words;
use crate::command::number::{percent, seconds};
use crate::runtime::ledger::{Busiest, Evidence, OfGroup};
use crate::simulate::carried::{Hour, Told, again};

/// Groups that are simulated: a few seconds' work each.
const GROUPS_MAX: usize = 3;

/// The mean of a shorter use is none of an hour: it would be stretched to many times what there was.
const IN_USE_SECS_MIN: f64 = 600.0;

/// Writes the section.
pub(super) fn write(out: &mut String, found: &Evidence) {
    out.push_str("\n## With twice the limit\n");
    let simulated = found
        .groups
        .iter()
        .filter(|it| it.endpoint == Endpoint::Inference.as_str());
    let simulated = simulated.filter_map(|group| Some((group, group.busiest.as_ref()?)));
    let mut is_any = false;
    for (group, busiest) in simulated.take(GROUPS_MAX) {
        is_any = true;
        of_group(out, &found.account, group, busiest);
    }
    if !is_any {
        out.push_str("\nNothing to simulate: no hour is known in which it had a limit.\n");
        return;
    }
    out.push_str(RESTS_ON);
}

/// What the figures rest on.
const RESTS_ON: &str = "
Simulated with the gateway's own decisions (`keyweir simulate`, seed 1), this account alone. The ledger \
keeps sums by the hour, not requests: so requests of the hour's mean size come at its mean rate while \
it was in use, those that were refused included, and for one minute in ten at the rate of its largest \
minute. They wait 30 s at most. What clients gave up asking for is not in it.
";

fn of_group(out: &mut String, account: &str, group: &OfGroup, busiest: &Busiest) {
    let name = match group.group.as_str() {
        "" => String::new(),
        name => format!("{} at ", text(name)),
    };
    let _ = writeln!(
        out,
        "\n{name}{}: the hour of {} (UTC), in which {} came nearest to the limit.\n",
        text(&group.provider),
        hour(busiest.hour),
        words(&busiest.dimension)
    );
    let told = carried(account, busiest).and_then(|hour| again(&hour));
    match told {
        Ok(told) => table(out, &told),
        Err(why) => {
            let _ = writeln!(out, "It cannot be simulated: {}.", text(why.trim()));
        }
    }
}

fn table(out: &mut String, told: &[Told]) {
    out.push_str(
        "| | Requests | Refused | 95 % wait at most | Fullest limit | in the busiest minute |\n\
         |---|--:|--:|--:|---|--:|\n",
    );
    for it in told {
        let refused = it.refused as f64 / it.requests.max(1) as f64;
        let (dimension, share) = match it.fullest {
            Some((dimension, share)) => (in_words(dimension), percent(share)),
            None => ("–", "–".to_owned()),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {dimension} | {share} |",
            it.case,
            it.requests,
            percent(refused),
            seconds(it.wait_p95_secs)
        );
    }
}

/// The hour as it is simulated.
fn carried(account: &str, busiest: &Busiest) -> Result<Hour, String> {
    let of = |it: Dimension| busiest.loads.get(it.as_str()).copied().unwrap_or_default();
    let requests = of(Dimension::Requests);
    if requests.used < 1.0 {
        return Err("no request was sent in that hour".to_owned());
    }
    let nearest = busiest
        .loads
        .get(&busiest.dimension)
        .copied()
        .unwrap_or_default();
    let refused: u64 = busiest.loads.values().map(|it| it.refused).sum();
    let secs = nearest.in_use_secs;
    if secs < IN_USE_SECS_MIN {
        return Err(format!(
            "it was in use for {} s of that hour, and less than {} min say nothing of an hour",
            secs.round(),
            IN_USE_SECS_MIN / 60.0
        ));
    }
    let mean_per_minute = 60.0 * nearest.used / secs;
    Ok(Hour {
        account: account.to_owned(),
        limits: Dimension::ALL.map(|it| of(it).limit_per_minute),
        per_second: (requests.used + refused as f64) / secs,
        taken: Dimension::ALL.map(|it| of(it).used / requests.used),
        peak_times: match mean_per_minute > 0.0 {
            true => (nearest.peak_per_minute / mean_per_minute).clamp(1.0, 60.0),
            false => 1.0,
        },
    })
}
