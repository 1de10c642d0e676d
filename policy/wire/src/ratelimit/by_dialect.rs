//! Which of the header dialects a response is read in.

use crate::ratelimit::header::Header;
use crate::ratelimit::{anthropic, generic, openai};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::snapshot::Snapshot;

/// Reads a response's headers.
pub(crate) fn snapshot(dialect: Dialect, header: Header<'_, '_>) -> Snapshot {
    match dialect {
        Dialect::Anthropic => anthropic::snapshot(header),
        Dialect::OpenAi => openai::snapshot(header),
        Dialect::Generic => generic::snapshot(header),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header_value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,40}",
            "-?[0-9]{0,25}(\\.[0-9]{0,4})?",
            "([0-9]{0,22}(h|m|s|ms|d)?){0,4}",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\\+[0-9]{2}:[0-9]{2})",
            "\"?[a-z]{0,8}\"?(;[a-z]{1,2}=\"?-?[0-9a-z]{0,20}\"?){0,4}(, \"x\";r=[0-9]{0,9})?",
        ]
    }

    proptest! {
        #[test]
        fn any_headers_make_a_sensible_snapshot(
            values in proptest::collection::vec(header_value(), 5),
            date in prop_oneof![Just("Sat, 22 Nov 2026 02:00:00 GMT".to_owned()), header_value()],
        ) {
            for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
                let snapshot = snapshot(dialect, &|name| match name {
                    "date" => Some(&*date),
                    _ => values.get(name.len() % 7).map(String::as_str),
                });
                for reading in snapshot.readings.into_iter().flatten() {
                    if let (Some(limit), Some(remaining)) = (reading.limit, reading.remaining) {
                        prop_assert!(remaining <= limit);
                    }
                    prop_assert!(reading.reset.unwrap_or_default().as_secs() <= 32 * 86_400);
                    prop_assert!(!reading.window.is_zero());
                }
            }
        }
    }
}
