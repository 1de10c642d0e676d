//! Changes as they are written on the command line.

use keyweir_policy::config::file::did_you_mean;
use keyweir_policy::terms::amount::Dimension;

use super::change::{Change, NewLimit, PER_MINUTE_MAX};

/// The largest multiple of traffic or limits, and one over the smallest.
const FACTOR_MAX: f64 = 1_000.0;

/// `scale 1.2`, `without KEY` or `limit ACCOUNT=x2`.
pub(super) fn parse_change(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write 'scale 1.2', 'without KEY' or 'limit ACCOUNT=x2', \
                            with commas between several";
    let text = text.trim();
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(format!("\"{text}\" is no change; {EXAMPLES}"));
    }
    match verb {
        "scale" => parse_scale(rest),
        "without" => Ok(Change::Without(rest.to_owned())),
        "limit" => parse_limit(rest),
        _ => Err(format!("\"{verb}\" is no change; {EXAMPLES}")),
    }
}

/// So many times the traffic: `1.2`, `x1.2`, `120%` or `+20%`.
pub(super) fn parse_scale(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write 1.2, x1.2, 120% or +20%";
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => {
            let is_relative = percent.starts_with(['+', '-']);
            let share = percent.trim().parse::<f64>().ok().map(|it| it / 100.0);
            share.map(|share| if is_relative { 1.0 + share } else { share })
        }
        None => times(text).or_else(|| text.parse().ok()),
    };
    bounded(number)
        .map(Change::Scale)
        .ok_or_else(|| format!("\"{text}\" is no multiple of the traffic; {EXAMPLES}"))
}

/// Other limits of an account: `ACCOUNT=x2`, `ACCOUNT:output_tokens=800000`.
pub(super) fn parse_limit(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write ACCOUNT=x2 for all of its limits, ACCOUNT:output_tokens=x2 for \
                            one, or ACCOUNT:output_tokens=800000 to set it (per minute)";
    let no_limit = || format!("\"{text}\" is no other limit; {EXAMPLES}");
    let (whose, to) = text.split_once('=').ok_or_else(no_limit)?;
    let (account, dimension) = match whose.trim().split_once(':') {
        Some((account, dimension)) => (account, Some(parse_dimension(dimension.trim())?)),
        None => (whose.trim(), None),
    };
    let to = to.trim();
    let to = match times(to) {
        Some(number) => NewLimit::Times(bounded(Some(number)).ok_or_else(no_limit)?),
        None if dimension.is_some() => NewLimit::PerMinute(per_minute(to).ok_or_else(no_limit)?),
        None => return Err(no_limit()),
    };
    Ok(Change::Limit {
        account: account.to_owned(),
        dimension,
        to,
    })
}

fn parse_dimension(text: &str) -> Result<Dimension, String> {
    let names = Dimension::ALL.map(Dimension::as_str);
    let bare = text.strip_suffix("_per_minute").unwrap_or(text);
    let found = Dimension::ALL.into_iter().find(|it| it.as_str() == bare);
    found.ok_or_else(|| {
        let hint = did_you_mean(bare, names);
        let hint = hint.unwrap_or_else(|| format!("there is {}", names.join(", ")));
        format!("no dimension is called \"{text}\"; {hint}")
    })
}

/// `x2`, `2x`, `×2`.
fn times(text: &str) -> Option<f64> {
    let marks = ['x', 'X', '×'];
    let number = text
        .strip_prefix(marks)
        .or_else(|| text.strip_suffix(marks))?;
    number.trim().parse().ok()
}

fn bounded(number: Option<f64>) -> Option<f64> {
    number.filter(|number| (1.0 / FACTOR_MAX..=FACTOR_MAX).contains(number))
}

fn per_minute(text: &str) -> Option<u64> {
    let number: u64 = text.replace('_', "").parse().ok()?;
    (number > 0 && number as f64 <= PER_MINUTE_MAX).then_some(number)
}
