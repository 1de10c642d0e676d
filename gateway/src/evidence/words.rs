//! Hours, spans and names as the report writes them.

use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::time::HOURS_PER_DAY;

use crate::runtime::ledger::OfGroup;
use crate::telemetry::calendar::show_day;
use crate::telemetry::escape::is_unsafe;

/// An hour since 1970-01-01 UTC: `2026-11-27 14:00`.
pub(super) fn hour(at: u32) -> String {
    format!(
        "{} {:02}:00",
        show_day(at / HOURS_PER_DAY),
        at % HOURS_PER_DAY
    )
}

/// Its day: `2026-11-27`.
pub(super) fn day(at: u32) -> String {
    show_day(at / HOURS_PER_DAY)
}

/// A span: `45 s`, `12 min`, `3.4 h`.
pub(super) fn span(secs: f64) -> String {
    match secs {
        _ if secs < 0.5 => "none".to_owned(),
        _ if secs < 90.0 => format!("{secs:.0} s"),
        _ if secs < 5_400.0 => format!("{:.0} min", secs / 60.0),
        _ => format!("{:.1} h", secs / 3_600.0),
    }
}

/// A dimension as people say it.
pub(super) fn words(dimension: &str) -> String {
    dimension.replace('_', " ")
}

/// What is metered together: models that share limits, and where they have limits of their own, the
/// endpoint.
pub(super) fn named(group: &OfGroup) -> String {
    let endpoint = group.endpoint.as_str();
    match group.group.as_str() {
        "" => words(endpoint),
        name if endpoint == Endpoint::Inference.as_str() => name.to_owned(),
        name => format!("{name} ({})", words(endpoint)),
    }
}

/// Text that is neither markup nor the end of a cell.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '~' | '&' => {
                safe.push('\\');
                safe.push(c);
            }
            c if is_unsafe(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_spans_are_as_people_write_them() {
        assert_eq!(hour(20_783 * HOURS_PER_DAY + 7), "2026-11-26 07:00");
        assert_eq!(day(20_783 * HOURS_PER_DAY + 7), "2026-11-26");
        for (secs, shown) in [
            (0.0, "none"),
            (45.0, "45 s"),
            (720.0, "12 min"),
            (12_240.0, "3.4 h"),
        ] {
            assert_eq!(span(secs), shown);
        }
    }

    #[test]
    fn names_are_no_markup() {
        assert_eq!(text("a-b.c_d"), "a-b.c\\_d");
        assert_eq!(text("<b>|`*[x]"), "\\<b\\>\\|\\`\\*\\[x\\]");
        assert_eq!(text("two\nlines"), "two\u{fffd}lines");
        assert_eq!(words("output_tokens"), "output tokens");
    }
}
