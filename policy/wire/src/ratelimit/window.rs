//! The span in which a limit refills, where the headers do not name it.
//!
//! Limit, what remains and the time until all is back tell it: a bucket that takes `reset` to regain
//! what was used takes in proportion for all of its limit, and a window is at least as long as the
//! time until it ends. Nearly all limits are per minute, so that is the answer unless another is
//! clear.
//!
//! A second is taken for the window where the reset is at most a second and a minute's refill would
//! take clearly longer. Three things could be mistaken for it. The last second of a minute: no harm is
//! done, because what is believed for that second is true at its end, and the next answer says
//! otherwise. A minute's bucket that holds much less than its limit: so either one request alone
//! would take a minute's bucket longer than was said, or nearly all of the limit must remain. And what
//! is rounded: of a bucket that is full but for a part of one, one less than it holds is said to remain,
//! and a reset that is shorter than one takes. So what one request takes has to be more than a second
//! by itself, or more than one must have been used.

use std::time::Duration;

use crate::ratelimit::count::{DAY, HOUR, MINUTE, SECOND};
use keyweir_terms::snapshot::Reading;

/// How far from a whole day a span may lie and still be one: coarse resets of nearly full buckets
/// give any value.
const DAY_MARGIN: f64 = 0.25;

/// No minute's bucket that is known holds more than this share of its limit and less than all.
const REMAINING_MIN: f64 = 0.9;

/// The window of a bucket that refills all the time.
pub(super) fn of_refill(reading: &Reading) -> Duration {
    let Some((minutes_refill, reset)) = used_and_reset(reading) else {
        return MINUTE;
    };
    if is_second(minutes_refill, reset, reading) {
        return SECOND;
    }
    let span = reset * MINUTE.as_secs_f64() / minutes_refill;
    let day = DAY.as_secs_f64();
    if (day * (1.0 - DAY_MARGIN)..day * (1.0 + DAY_MARGIN)).contains(&span) {
        DAY
    } else {
        MINUTE
    }
}

/// The window of a count that starts anew when it ends.
pub(super) fn of_count(reading: &Reading) -> Duration {
    if let Some((minutes_refill, reset)) = used_and_reset(reading)
        && is_second(minutes_refill, reset, reading)
    {
        return SECOND;
    }
    let reset = reading.reset.unwrap_or_default();
    [MINUTE, HOUR, DAY]
        .into_iter()
        .find(|window| reset <= *window)
        .unwrap_or(reset)
}

/// Seconds in which a limit per minute would regain what was used, and until all is back. `None`:
/// nothing was used, or it is not known.
fn used_and_reset(reading: &Reading) -> Option<(f64, f64)> {
    let (limit, remaining) = (reading.limit?, reading.remaining?);
    let used = limit.saturating_sub(remaining);
    let reset = reading.reset?.as_secs_f64();
    let minutes_refill = MINUTE.as_secs_f64() * used as f64 / limit.max(1) as f64;
    (used > 0 && reset > 0.0).then_some((minutes_refill, reset))
}

fn is_second(minutes_refill: f64, reset: f64, reading: &Reading) -> bool {
    let limit = reading.limit.unwrap_or_default() as f64;
    let remaining = reading.remaining.unwrap_or_default() as f64;
    let grain = reading.reset_grain.as_secs_f64();
    let one = MINUTE.as_secs_f64() / limit;
    let is_more_than_one = one > SECOND.as_secs_f64() && one > reset + grain;
    let is_nearly_full = remaining >= REMAINING_MIN * limit && minutes_refill - one > reset + grain;
    // What is said to be back in a second may be back within twice its grain.
    reset <= SECOND.as_secs_f64()
        && minutes_refill > reset + 2.0 * grain
        && (is_more_than_one || is_nearly_full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_remaining_and_reset_tell_the_window() {
        // limit, remaining, reset and its grain in milliseconds, window of a refill, of a count
        for (limit, remaining, reset, grain, refill, count) in [
            (5, 4, 1_000, 1_000, SECOND, SECOND),
            (5, 0, 1_000, 1_000, SECOND, SECOND),
            (10, 9, 1_000, 1_000, SECOND, SECOND),
            (5, 3, 420, 10, SECOND, SECOND),
            (100, 94, 1_000, 1_000, SECOND, SECOND),
            // A minute's bucket that holds a sixth of its limit.
            (60, 9, 1_000, 1_000, MINUTE, MINUTE),
            // A minute's refill.
            (60, 59, 1_000, 1_000, MINUTE, MINUTE),
            (60, 58, 2_000, 1_000, MINUTE, MINUTE),
            (500, 499, 120, 1, MINUTE, MINUTE),
            // The same a little later, and of a bucket that holds a sixth of its limit.
            (500, 499, 48, 1, MINUTE, MINUTE),
            (500, 498, 173, 1, MINUTE, MINUTE),
            (500, 82, 48, 1, MINUTE, MINUTE),
            (1_000, 999, 1_000, 1_000, MINUTE, MINUTE),
            (30_000, 29_000, 2_000, 1_000, MINUTE, MINUTE),
            // A minute's count, in its middle.
            (5, 4, 30_000, 1_000, MINUTE, MINUTE),
            // A day's refill.
            (14_400, 14_399, 6_000, 1_000, DAY, MINUTE),
            (200, 199, 432_000, 1_000, DAY, HOUR),
            (100, 40, 4_000_000, 1_000, MINUTE, DAY),
            // Nothing is used, or it is back already.
            (5, 5, 1_000, 1_000, MINUTE, MINUTE),
            (5, 4, 0, 1_000, MINUTE, MINUTE),
        ] {
            let reading = Reading {
                limit: Some(limit),
                remaining: Some(remaining),
                reset: Some(Duration::from_millis(reset)),
                reset_grain: Duration::from_millis(grain),
                ..Reading::default()
            };
            let found = (of_refill(&reading), of_count(&reading));
            assert_eq!(found, (refill, count), "{limit} {remaining} {reset}");
        }
    }
}
