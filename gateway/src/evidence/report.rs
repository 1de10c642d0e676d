//! The report in words: Markdown that reads as well unrendered.

use std::fmt::Write;

use keyweir_policy::quota::load::growth::{DAYS_MIN, Growth};
use keyweir_policy::quota::load::sum::Sum;

use super::words::{day, hour, named, span, text, words};
use crate::command::number::{amount, percent};
use crate::runtime::ledger::{Evidence, OfGroup};

/// Days that are looked ahead.
const AHEAD_DAYS: f64 = 90.0;
/// A limit that is reached later than this is not reached.
const REACHED_DAYS_MAX: f64 = 730.0;
/// Groups that are told of, at most: the others were further from their limits.
const GROUPS_MAX: usize = 10;

/// The report; `picture` is the file that its picture is in.
pub(super) fn write(found: &Evidence, picture: Option<&str>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# What account {} carried\n", text(&found.account));
    let _ = writeln!(
        out,
        "{} to {} (UTC), recorded from {} on, by one gateway.\n",
        day(found.since_hour),
        hour(found.until_hour),
        hour(found.first_hour)
    );
    for line in summary(found) {
        let _ = writeln!(out, "- {line}");
    }
    if let Some(picture) = picture {
        let _ = writeln!(
            out,
            "\n![The largest minute beside the limit, over time]({picture})"
        );
    }
    for group in found.groups.iter().take(GROUPS_MAX) {
        section(&mut out, group);
    }
    let left = found.groups_in_all.saturating_sub(GROUPS_MAX);
    if left > 0 {
        let _ = writeln!(
            out,
            "\nAnd {left} more quota groups that were further from their limits; --json tells of some."
        );
    }
    doubled(&mut out, found);
    out.push_str(READING);
    out
}

/// How to read it.
const READING: &str = "
## How to read this

- **Peak**: the most that was used within any minute, by this gateway and, as far as the provider's \
headers show it, by others on the account; looked at twice a second. Bursts that a bucket has saved up \
may exceed 100 %. Input counts by estimate until its answer tells, mostly within seconds.
- **Above 80 %**: for how long at least that share of the limit was used within the minute before.
- **Waited, refused**: requests for which nothing was left when they came, each counted once, at the \
account that it would have fit first and the dimension that had the least room. **429**: what the \
provider refused for want of it, though it was believed to be there. Refused requests may have been \
served by a fallback.
- **Used** is what this gateway used. Of several gateways each has a report of its own.
- **Growth** is a straight line through whole days (the median of the slopes between all pairs of them); \
*now* is where that stands on the last of them, above or below what was used on it. \
What a limit holds back does not show in it: at a limit that is used up, demand grows faster than use.
";

/// What matters most, in a few lines.
fn summary(found: &Evidence) -> Vec<String> {
    let all = || {
        found
            .groups
            .iter()
            .flat_map(|group| group.dimensions.iter().map(move |it| (group, it)))
    };
    let nearest =
        all().max_by(|(_, (_, a)), (_, (_, b))| a.total.peak_share.total_cmp(&b.total.peak_share));
    let mut lines = Vec::new();
    match nearest.filter(|(_, (_, sum))| sum.total.peak_share > 0.0) {
        Some((group, (dimension, sum))) => lines.push(format!(
            "Nearest to its limit: **{}**{}, {} of {} per minute at {} (UTC); {} above 80 %.",
            words(dimension),
            of_group(group),
            percent(sum.total.peak_share),
            amount(sum.total.limit_per_minute),
            hour(sum.peak_hour),
            span(sum.total.above_secs)
        )),
        None => lines.push(
            "No limit of it was known: the provider's headers tell none, and the policy declares none \
             (`[[account.limit]]`)."
                .to_owned(),
        ),
    }
    let sum = |of: fn(&Sum) -> u64| -> u64 { all().map(|(_, (_, sum))| of(sum)).sum() };
    let (waited, refused) = (sum(|it| it.total.waited), sum(|it| it.total.refused));
    let rate_limited = sum(|it| it.total.rate_limited);
    let requests: f64 = found
        .groups
        .iter()
        .filter_map(|it| it.dimensions.get("requests"))
        .map(|it| it.total.used)
        .sum();
    lines.push(format!(
        "Of {} requests sent, {waited} had waited for want of it and {rate_limited} met a 429; {refused} \
         more were refused before they were sent, or given up.",
        amount(requests.max(0.0).round())
    ));
    let soonest = all().filter_map(|(group, (dimension, sum))| {
        let days = reached(sum)?;
        Some((days, group, dimension))
    });
    if let Some((days, group, dimension)) = soonest.min_by(|a, b| a.0.total_cmp(&b.0)) {
        let when = if days < 1.0 {
            "the largest minute of a day is at its limit now".to_owned()
        } else {
            format!(
                "at its present growth the largest minute of a day reaches the limit in {days:.0} days"
            )
        };
        lines.push(format!(
            "**{}**{}: {when}.",
            words(dimension),
            of_group(group)
        ));
    }
    lines
}

/// In how many days the line through its peaks is at the limit; `None`: not within years.
fn reached(sum: &Sum) -> Option<f64> {
    let limit = Some(sum.total.limit_per_minute).filter(|it| *it > 0.0)?;
    let days = sum.peak_growth?.reaches(limit)?;
    (days <= REACHED_DAYS_MAX).then_some(days)
}

fn section(out: &mut String, group: &OfGroup) {
    let what = text(&named(group));
    let _ = writeln!(out, "\n## {what} at {}\n", text(&group.provider));
    out.push_str(
        "| | Limit/min | Peak/min | of the limit | Peak in the hour (UTC) | Above 80 % | Waited | Refused | 429 | Used |\n\
         |---|--:|--:|--:|---|--:|--:|--:|--:|--:|\n",
    );
    for (dimension, sum) in group.dimensions.iter().filter(is_told) {
        let total = &sum.total;
        let (limit, share) = match total.limit_per_minute > 0.0 {
            true => (amount(total.limit_per_minute), percent(total.peak_share)),
            false => ("not known".to_owned(), "–".to_owned()),
        };
        let _ = writeln!(
            out,
            "| {} | {limit} | {} | {share} | {} | {} | {} | {} | {} | {} |",
            words(dimension),
            amount(total.peak_per_minute.round()),
            hour(sum.peak_hour),
            span(total.above_secs),
            total.waited,
            total.refused,
            total.rate_limited,
            amount(total.used.max(0.0).round())
        );
    }
    growth(out, group);
}

/// Whether it is worth a row: tokens without a limit of their own only repeat the others.
fn is_told((dimension, sum): &(&String, &Sum)) -> bool {
    *dimension != "tokens" || sum.total.limit_per_minute > 0.0
}

fn growth(out: &mut String, group: &OfGroup) {
    let grows = |it: &(&String, &Sum)| {
        is_told(it) && (it.1.peak_growth.is_some() || it.1.use_growth.is_some())
    };
    if !group.dimensions.iter().any(|it| grows(&it)) {
        let _ = writeln!(
            out,
            "\nGrowth: fewer than {DAYS_MIN} whole days are recorded, which is too few to tell."
        );
        return;
    }
    let _ = writeln!(
        out,
        "\n| Growth, by the line | Largest minute of a day, now | per week | in {AHEAD_DAYS:.0} days | At the limit | Used per day, now | per week | in {AHEAD_DAYS:.0} days |\n\
         |---|--:|--:|--:|---|--:|--:|--:|"
    );
    for (dimension, sum) in group.dimensions.iter().filter(grows) {
        let told = |growth: Option<Growth>| match growth {
            None => ["–".to_owned(), "–".to_owned(), "–".to_owned()],
            Some(it) => [amount(it.last.round()), weekly(&it), ahead(&it)],
        };
        let limit = match reached(sum) {
            _ if sum.total.limit_per_minute <= 0.0 => "–".to_owned(),
            None => "not in sight".to_owned(),
            Some(days) if days < 1.0 => "now".to_owned(),
            Some(days) => format!("in {days:.0} days"),
        };
        let [peak, peak_weekly, peak_ahead] = told(sum.peak_growth);
        let [used, used_weekly, used_ahead] = told(sum.use_growth);
        let _ = writeln!(
            out,
            "| {} | {peak} | {peak_weekly} | {peak_ahead} | {limit} | {used} | {used_weekly} | {used_ahead} |",
            words(dimension)
        );
    }
    let days = group
        .dimensions
        .values()
        .filter_map(|it| it.peak_growth)
        .map(|it| it.days)
        .max();
    let days = days.unwrap_or(0);
    let _ = writeln!(
        out,
        "\nIt rests on {days} whole days; in brackets the middle half of all pairs of days."
    );
    if days < 14 {
        let _ = writeln!(
            out,
            "That is less than two weeks: a weekend at either end bends it."
        );
    }
}

/// The gain of a week.
fn weekly(growth: &Growth) -> String {
    if growth.last <= 0.0 {
        return format!("{} a week", amount((7.0 * growth.per_day).round()));
    }
    format!("{:+.1} %", 700.0 * growth.per_day / growth.last)
}

/// Where it stands after some months, and how sure that is.
fn ahead(growth: &Growth) -> String {
    let at = |per_day: f64| amount((growth.last + per_day * AHEAD_DAYS).max(0.0).round());
    format!(
        "{} ({} to {})",
        at(growth.per_day),
        at(growth.per_day_low),
        at(growth.per_day_high)
    )
}

#[cfg(feature = "simulate")]
fn doubled(out: &mut String, found: &Evidence) {
    super::doubled::write(out, found);
}

#[cfg(not(feature = "simulate"))]
fn doubled(out: &mut String, _: &Evidence) {
    out.push_str("\n## With twice the limit\n\nThis program was built without the simulator (feature `simulate`).\n");
}

fn of_group(group: &OfGroup) -> String {
    match group.group.as_str() {
        "" => String::new(),
        _ => format!(" of {}", text(&named(group))),
    }
}
