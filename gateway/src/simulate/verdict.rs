//! What a case comes to, in a sentence or two.

use super::outcome::{Budget, Demanded, Outcome};
use crate::command::dimension::in_words;
use crate::command::number::{amount, percent, seconds};

/// Waits that nobody notices.
const UNNOTICED_SECS: f64 = 0.1;
/// From this share of its limit on a budget is what others wait for.
const SPENT: f64 = 0.95;
/// Accounts that are named at most.
const NAMED_MAX: usize = 4;

/// The verdict on an outcome.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut verdict = fate(outcome);
    if let Some(budget) = &outcome.bottleneck {
        verdict += &bottleneck(outcome, budget);
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
        let half = if waits.p50 < UNNOTICED_SECS {
            "half hardly wait".to_owned()
        } else {
            format!("half wait {} or more", seconds(waits.p50))
        };
        return format!(
            "{} of the requests are refused ({} of {}); of those that are answered, {half} and \
             one in 20 waits {} or more.",
            percent(1.0 - outcome.success),
            outcome.refused,
            outcome.requests,
            seconds(waits.p95),
        );
    }
    if waits.p99 < UNNOTICED_SECS {
        return "Every request is answered, practically without waiting.".to_owned();
    }
    if waits.p95 < UNNOTICED_SECS {
        let longest = seconds(waits.p99);
        return format!("Every request is answered; one in 100 waits {longest} or more.");
    }
    format!(
        "Every request is answered; one in 20 waits {} or more, one in 100 {} or more.",
        seconds(waits.p95),
        seconds(waits.p99)
    )
}

fn bottleneck(outcome: &Outcome, fullest: &Budget) -> String {
    let is_alike = |it: &&Budget| {
        (&it.provider, &it.group, it.dimension)
            == (&fullest.provider, &fullest.group, fullest.dimension)
    };
    let alike = || outcome.budgets.iter().filter(is_alike);
    let spent: Vec<&str> = alike()
        .filter(|it| it.used_in_busiest_minute >= SPENT)
        .map(|it| it.account.as_str())
        .collect();
    let what = format!(
        "{}{}",
        in_words(fullest.dimension),
        of_group(&fullest.group)
    );
    let accounts = alike().count();
    let lead = if outcome.refused > 0 {
        "What runs out"
    } else if outcome.wait_secs.p99 >= UNNOTICED_SECS {
        "What is waited for"
    } else {
        "Close to the limit"
    };
    match spent.as_slice() {
        [] => format!(
            " The fullest budget: {what} in account {}, {} of its limit in the busiest minute.",
            fullest.account,
            percent(fullest.used_in_busiest_minute)
        ),
        [account] => format!(" {lead}: {what} in account {account}."),
        [_, _] if accounts == 2 => format!(" {lead}: {what} in both accounts."),
        several if several.len() == accounts => {
            format!(" {lead}: {what} in all {accounts} accounts.")
        }
        several => {
            let named = several[..several.len().min(NAMED_MAX)].join(", ");
            let more = if several.len() > NAMED_MAX {
                ", …"
            } else {
                ""
            };
            format!(
                " {lead}: {what} in {} of {accounts} accounts ({named}{more}).",
                several.len()
            )
        }
    }
}

fn of_group(group: &str) -> String {
    match group {
        "" => String::new(),
        group => format!(" of {group}"),
    }
}

/// What is asked of the dimension that runs out, if that is more than is declared.
fn short(outcome: &Outcome) -> Option<&Demanded> {
    let fullest = outcome.bottleneck.as_ref()?;
    let of_fullest = |it: &&Demanded| {
        (&it.provider, &it.group, it.dimension)
            == (&fullest.provider, &fullest.group, fullest.dimension)
    };
    let is_more = |it: &&Demanded| {
        it.declared_per_minute
            .is_some_and(|limit| it.busiest_minute > limit)
    };
    outcome.demand.iter().find(of_fullest).filter(is_more)
}

fn lacking(demanded: &Demanded) -> String {
    let limit = demanded.declared_per_minute.unwrap_or_default();
    format!(
        " Asked for are {} {}{} a minute on average and {} in the busiest; all limits together \
         allow {}.",
        amount(demanded.mean_per_minute),
        in_words(demanded.dimension),
        of_group(&demanded.group),
        amount(demanded.busiest_minute),
        amount(limit)
    )
}
