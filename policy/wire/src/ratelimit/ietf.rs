//! `RateLimit-Policy` and `RateLimit`, after the IETF's draft (draft-ietf-httpapi-ratelimit-headers).
//!
//! ```text
//! RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400
//! RateLimit: "burst";r=50;t=30
//! ```
//! A policy has a quota `q` in a window `w` of seconds, and a unit `qu`; an item of `RateLimit`
//! names a policy and says what remains of it (`r`) and in how many seconds it is full again
//! (`t`). An older draft had `RateLimit: limit=100, remaining=50, reset=30`.

use std::time::Duration;

use crate::ratelimit::header::{Header, add};
use crate::ratelimit::{count, window};
use crate::wait::duration::SECS_MAX;
use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::{Reading, Snapshot};

/// The most items of a list that are looked at.
const ITEMS_MAX: usize = 16;

/// Adds what the two headers say; a policy without a limit beside it only where nothing else is
/// known.
pub(super) fn add_policies(snapshot: &mut Snapshot, header: Header<'_, '_>) {
    let policies = header("ratelimit-policy").unwrap_or_default();
    let Some(limits) = header("ratelimit") else {
        if snapshot.is_empty() {
            for policy in items(policies) {
                add_item(snapshot, policy, Some(policy));
            }
        }
        return;
    };
    if let Some(mut reading) = older_draft(limits) {
        let window = window_of(header, Dimension::Requests, reading.limit);
        reading.window = window.unwrap_or_else(|| window::of_count(&reading));
        add(snapshot, Dimension::Requests, reading);
        return;
    }
    for limit in items(limits) {
        let policy = items(policies).find(|policy| policy.name() == limit.name());
        add_item(snapshot, limit, policy);
    }
}

/// The window of the policy that has `limit` as its quota, in any dialect's headers.
pub(super) fn window_of(
    header: Header<'_, '_>,
    metered: Dimension,
    limit: Option<u64>,
) -> Option<Duration> {
    let policies = header("ratelimit-policy")?;
    let limit = limit?;
    items(policies)
        .find(|policy| {
            policy.quota() == Some(limit)
                && dimension(policy.name(), policy.get("qu")) == Some(metered)
        })?
        .window()
}

fn add_item(snapshot: &mut Snapshot, limit: Item<'_>, policy: Option<Item<'_>>) {
    let Some(dimension) = dimension(limit.name(), policy.and_then(|policy| policy.get("qu")))
    else {
        return;
    };
    let quota = policy.and_then(Item::quota);
    let reset = limit.get("t").and_then(seconds);
    let reading = Reading {
        reset,
        reset_grain: grain(reset),
        ..count::reading(quota, limit.get("r").and_then(count::read))
    };
    let stated = policy.and_then(Item::window);
    add(
        snapshot,
        dimension,
        Reading {
            window: stated.unwrap_or_else(|| window::of_count(&reading)),
            ..reading
        },
    );
}

/// What a policy meters: by its unit, else by its name.
fn dimension(name: &str, unit: Option<&str>) -> Option<Dimension> {
    match unit {
        Some("requests") => return Some(Dimension::Requests),
        // Bytes and concurrency are no budgets of ours.
        Some(unit) if !unit.contains("token") => return None,
        _ => {}
    }
    let says = |word| name.contains(word) || unit.is_some_and(|unit| unit.contains(word));
    Some(match (says("token"), says("input"), says("output")) {
        (true, true, false) => Dimension::InputTokens,
        (true, false, true) => Dimension::OutputTokens,
        (true, _, _) => Dimension::Tokens,
        (false, _, _) => Dimension::Requests,
    })
}

fn older_draft(limits: &str) -> Option<Reading> {
    let get = |name: &str| {
        let mut pairs = limits.split([',', ';']).take(ITEMS_MAX);
        pairs.find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let reset = get("reset").and_then(seconds);
    let limit = get("limit").and_then(count::read);
    let remaining = get("remaining").and_then(count::read);
    (limit.is_some() || remaining.is_some()).then(|| Reading {
        reset,
        reset_grain: grain(reset),
        ..count::reading(limit, remaining)
    })
}

fn seconds(text: &str) -> Option<Duration> {
    let secs: f64 = text.parse().ok()?;
    (0.0..=SECS_MAX)
        .contains(&secs)
        .then(|| Duration::from_secs_f64(secs))
}

fn grain(reset: Option<Duration>) -> Duration {
    reset.map_or(Duration::ZERO, |_| Duration::from_secs(1))
}

/// One item of a structured list: a name and parameters.
#[derive(Clone, Copy, Debug)]
struct Item<'a>(&'a str);

impl<'a> Item<'a> {
    fn name(self) -> &'a str {
        let name = split_outside_quotes(self.0, b';').next();
        unquoted(name.unwrap_or_default())
    }

    /// What a policy gives in a window. An older draft has it in the name's place: `100;w=60`.
    fn quota(self) -> Option<u64> {
        self.get("q")
            .or_else(|| Some(self.name()).filter(|name| !name.is_empty()))
            .and_then(count::read)
    }

    fn window(self) -> Option<Duration> {
        self.get("w")
            .and_then(seconds)
            .filter(|window| !window.is_zero())
    }

    fn get(self, name: &str) -> Option<&'a str> {
        let mut parameters = split_outside_quotes(self.0, b';').skip(1).take(ITEMS_MAX);
        parameters.find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            (key.trim() == name).then(|| unquoted(value))
        })
    }
}

fn items(list: &str) -> impl Iterator<Item = Item<'_>> {
    split_outside_quotes(list, b',')
        .take(ITEMS_MAX)
        .filter(|item| !item.trim().is_empty())
        .map(Item)
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// The pieces of `text` between separators that are not within quotes. (Escapes in quotes are
/// allowed by the standard, but occur in no policy's name.)
fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut is_quoted = false;
        let end = text.bytes().position(|byte| {
            is_quoted ^= byte == b'"';
            byte == separator && !is_quoted
        });
        rest = end.map(|end| &text[end + 1..]);
        Some(end.map_or(text, |end| &text[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policy: &'static str, limit: &'static str) -> Snapshot {
        let mut snapshot = Snapshot::default();
        add_policies(&mut snapshot, &|name| match name {
            "ratelimit-policy" => Some(policy).filter(|text| !text.is_empty()),
            "ratelimit" => Some(limit).filter(|text| !text.is_empty()),
            _ => None,
        });
        snapshot
    }

    fn parts(snapshot: &Snapshot, dimension: Dimension) -> (Option<u64>, Option<u64>, u64, u64) {
        let reading = snapshot.of(dimension).unwrap();
        let reset = reading.reset.unwrap_or_default().as_secs();
        (
            reading.limit,
            reading.remaining,
            reset,
            reading.window.as_secs(),
        )
    }

    #[test]
    fn joins_limits_with_their_policies() {
        let snapshot = read(
            r#""burst";q=100;w=60, "daily";q=1000;w=86400"#,
            r#""burst";r=50;t=30, "daily";r=900;t=4000"#,
        );
        assert_eq!(
            parts(&snapshot, Dimension::Requests),
            (Some(100), Some(50), 30, 60)
        );
        let scarcer = read(
            r#""burst";q=100;w=60, "daily";q=1000;w=86400"#,
            r#""burst";r=50;t=30, "daily";r=7;t=4000"#,
        );
        assert_eq!(
            parts(&scarcer, Dimension::Requests),
            (Some(1000), Some(7), 4000, 86_400)
        );
    }

    #[test]
    fn reads_units_names_and_partial_headers() {
        let tokens = read(
            r#""in, put tokens";q=9;w=60;qu="tokens""#,
            r#""in, put tokens";r=5"#,
        );
        assert_eq!(parts(&tokens, Dimension::Tokens), (Some(9), Some(5), 0, 60));
        let input = read("", r#""input-tokens";r=5;t=1"#);
        assert_eq!(
            parts(&input, Dimension::InputTokens),
            (None, Some(5), 1, 60)
        );
        let policy_only = read("default;q=10;w=1", "");
        assert_eq!(
            parts(&policy_only, Dimension::Requests),
            (Some(10), None, 0, 1)
        );
        let older = read("100;w=60", "limit=100, remaining=50, reset=30");
        assert_eq!(
            parts(&older, Dimension::Requests),
            (Some(100), Some(50), 30, 60)
        );
    }

    #[test]
    fn what_makes_no_sense_is_unknown() {
        for (policy, limit) in [
            ("", ""),
            ("", "\"a"),
            ("", ";;;=,"),
            ("\"a\";q=-1;w=0", "\"a\";r=-1;t=-1"),
            ("\"a\";q=5;w=60;qu=\"content-bytes\"", "\"a\";r=5;t=1"),
            ("\"a\";q=5;qu=\"concurrent-requests\"", "\"a\";r=5"),
        ] {
            assert!(read(policy, limit).is_empty(), "{policy} {limit}");
        }
    }
}
