//! `X-RateLimit-*` of no particular dialect.
//!
//! A provider we know nothing of may use anybody's headers: the IETF's come first, because they
//! say what they mean, then those of the dialects we know, then the plain names.

use crate::ratelimit::header::Header;
use crate::ratelimit::plain::add_plain;
use crate::ratelimit::{anthropic, ietf, openai};
use keyweir_terms::snapshot::Snapshot;

pub(super) fn snapshot(header: Header<'_, '_>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    if header("ratelimit").is_some() {
        ietf::add_policies(&mut snapshot, header);
    }
    let readers = [openai::add_buckets, anthropic::add_buckets, add_plain];
    for add_readings in readers {
        if snapshot.is_empty() {
            add_readings(&mut snapshot, header);
        }
    }
    ietf::add_policies(&mut snapshot, header);
    snapshot
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyweir_terms::amount::Dimension;

    use crate::ratelimit::count::MINUTE;

    use super::*;

    fn read(headers: &[(&str, &'static str)]) -> Snapshot {
        snapshot(&|name| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn reads_the_plain_names_in_all_spellings() {
        for prefix in ["x-ratelimit", "ratelimit", "x-rate-limit"] {
            let reading = snapshot(&|name| match name.strip_prefix(prefix)? {
                "-limit" => Some("100"),
                "-remaining" => Some("40"),
                "-reset" => Some("30"),
                _ => None,
            });
            let reading = reading.of(Dimension::Requests).unwrap();
            assert_eq!((reading.limit, reading.remaining), (Some(100), Some(40)));
            assert_eq!(
                (reading.reset, reading.window),
                (Some(Duration::from_secs(30)), MINUTE)
            );
        }
    }

    #[test]
    fn the_window_is_stated_or_as_long_as_the_reset() {
        for (limit, reset, window_secs) in [
            ("100", "59", 60),
            ("100", "61", 3_600),
            ("100", "4000", 86_400),
            ("100", "200000", 200_000),
            ("100, 100;w=10", "5", 10),
            ("100, 100;w=99999999", "5", 60),
        ] {
            let snapshot = read(&[("x-ratelimit-limit", limit), ("x-ratelimit-reset", reset)]);
            let reading = snapshot.of(Dimension::Requests).unwrap();
            assert_eq!(reading.window.as_secs(), window_secs, "{limit} {reset}");
        }
    }

    #[test]
    fn knows_the_headers_of_other_dialects() {
        let openai = read(&[("x-ratelimit-limit-tokens", "1000")]);
        assert_eq!(openai.of(Dimension::Tokens).unwrap().limit, Some(1_000));
        let anthropic = read(&[("anthropic-ratelimit-input-tokens-limit", "1000")]);
        assert_eq!(
            anthropic.of(Dimension::InputTokens).unwrap().limit,
            Some(1_000)
        );
        let ietf = read(&[
            ("ratelimit", "\"default\";r=50;t=30"),
            ("x-ratelimit-limit", "7"),
        ]);
        assert_eq!(ietf.of(Dimension::Requests).unwrap().remaining, Some(50));
        assert!(read(&[("x-ratelimit-reset", "30")]).is_empty());
    }
}
