//! The tokens that an answer says were charged.
//!
//! One reader for every dialect: the names do not collide. Where they differ in meaning: Anthropic
//! counts cache reads apart from `input_tokens` and does not charge them to the input budget;
//! OpenAI's input includes them and they are charged.
//!
//! At which rates, `service_tier` tells: of Anthropic within the usage, of OpenAI beside it
//! (<https://platform.claude.com/docs/en/api/service-tiers>,
//! <https://developers.openai.com/api/docs/guides/flex-processing>).

use memchr::memmem;

use crate::json::{Malformed, Reader};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::request::{Tier, Usage};

/// More tokens than any request has; a number beyond it is nonsense.
const TOKENS_MAX: u64 = 1_000_000_000;

/// Whether what an answer reports is charged to the request it answers. A batch, or a stored
/// response that is fetched again, reports what was charged before; counting is free.
pub(crate) const fn is_charged(dialect: Dialect, endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::Inference => true,
        // Whatever it is that an unknown API does there.
        Endpoint::Other => matches!(dialect, Dialect::Generic),
        _ => false,
    }
}

/// The usage that stands last in the end of an answer that is too large to be read whole. In text
/// the quotes around its name would be escaped.
pub(crate) fn in_tail(tail: &[u8]) -> Usage {
    let names = [&b"\"usage\":"[..], b"\"usageMetadata\":"];
    let after = names
        .iter()
        .filter_map(|name| Some(memmem::rfind(tail, name)? + name.len()))
        .max();
    after
        .and_then(|after| read_object(&mut Reader::new(&tail[after..])).ok())
        .unwrap_or_default()
}

/// The usage that the next value is.
pub(crate) fn read_object(reader: &mut Reader<'_>) -> Result<Usage, Malformed> {
    let mut counts = Counts::default();
    reader.object_or_skip(|name, reader| counts.member(name, reader))?;
    Ok(counts.usage())
}

/// The tier that the next value names, if it names one.
pub(crate) fn read_tier(reader: &mut Reader<'_>) -> Result<Option<Tier>, Malformed> {
    let name = reader.string_or_skip()?;
    Ok(name.map(|name| match name.raw() {
        b"batch" | b"flex" => Tier::Batch,
        _ => Tier::Usual,
    }))
}

/// Takes the larger of two reports of one answer: streams report running totals, and some of
/// their events report only a part.
pub(crate) fn merge(so_far: &mut Usage, news: Usage) {
    so_far.input = so_far.input.max(news.input);
    so_far.cache_read = so_far.cache_read.max(news.cache_read);
    so_far.cache_write = so_far.cache_write.max(news.cache_write);
    so_far.cache_write_1h = so_far.cache_write_1h.max(news.cache_write_1h);
    so_far.output = so_far.output.max(news.output);
    // Of tiers the newest counts: what was asked for is told first, and then what it became.
    so_far.tier = news.tier.or(so_far.tier);
}

#[derive(Default)]
struct Counts {
    input: Option<u64>,
    cache_creation: Option<u64>,
    /// Of that, what is to stay for an hour.
    cache_creation_1h: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
    /// Gemini's thoughts, which are charged as output but counted apart.
    thoughts: Option<u64>,
    tier: Option<Tier>,
}

impl Counts {
    fn member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let count = match name {
            b"input_tokens" | b"prompt_tokens" | b"promptTokenCount" => &mut self.input,
            b"output_tokens" | b"completion_tokens" | b"candidatesTokenCount" => &mut self.output,
            b"cache_creation_input_tokens" => &mut self.cache_creation,
            b"cache_read_input_tokens" | b"cachedContentTokenCount" => &mut self.cache_read,
            b"thoughtsTokenCount" => &mut self.thoughts,
            b"input_tokens_details" | b"prompt_tokens_details" => return self.details(reader),
            b"cache_creation" => return self.creation(reader),
            b"service_tier" => {
                self.tier = read_tier(reader)?;
                return Ok(());
            }
            _ => return reader.skip().map(drop),
        };
        *count = reader.u64_or_skip()?.filter(|count| *count <= TOKENS_MAX);
        Ok(())
    }

    fn details(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| {
            if name == b"cached_tokens" {
                let cached = reader.u64_or_skip()?;
                self.cache_read = cached.filter(|count| *count <= TOKENS_MAX);
                return Ok(());
            }
            reader.skip().map(drop)
        })
    }

    /// Anthropic's cache writes by how long they stay.
    fn creation(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| {
            if name == b"ephemeral_1h_input_tokens" {
                let hour = reader.u64_or_skip()?;
                self.cache_creation_1h = hour.filter(|count| *count <= TOKENS_MAX);
                return Ok(());
            }
            reader.skip().map(drop)
        })
    }

    fn usage(&self) -> Usage {
        Usage {
            input: sum(self.input, self.cache_creation),
            cache_read: self.cache_read,
            cache_write: self.cache_creation.and_then(small),
            cache_write_1h: self.cache_creation_1h.and_then(small),
            output: sum(self.output, self.thoughts),
            tier: self.tier,
        }
    }
}

/// Counts are bounded by [`TOKENS_MAX`].
fn small(count: u64) -> Option<u32> {
    u32::try_from(count).ok()
}

/// The sum of what is known; unknown if nothing is.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (known, None) | (None, known) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::opening::of_whole;

    fn read(dialect: Dialect, endpoint: Endpoint, body: &[u8]) -> Usage {
        of_whole(&[], (dialect, endpoint), |_| None, body).usage
    }

    fn usage(input: Option<u64>, cache_read: Option<u64>, output: Option<u64>) -> Usage {
        Usage {
            input,
            cache_read,
            output,
            ..Usage::default()
        }
    }

    #[test]
    fn cache_writes_are_told_by_how_long_they_stay() {
        let body =
            br#"{"type":"message","usage":{"input_tokens":5,"cache_creation_input_tokens":300,
            "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},
            "output_tokens":1}}"#;
        let read = read(Dialect::Anthropic, Endpoint::Inference, body);
        let expected = (Some(305), Some(300), Some(100));
        assert_eq!(
            (read.input, read.cache_write, read.cache_write_1h),
            expected
        );
    }

    #[test]
    fn the_tier_is_told_within_the_usage_or_beside_it() {
        for (body, tier) in [
            (
                r#"{"usage":{"input_tokens":1,"service_tier":"batch"}}"#,
                Some(Tier::Batch),
            ),
            (
                r#"{"service_tier":"flex","usage":{"prompt_tokens":1}}"#,
                Some(Tier::Batch),
            ),
            (
                r#"{"usage":{"prompt_tokens":1},"service_tier":"default"}"#,
                Some(Tier::Usual),
            ),
            (r#"{"usage":{"prompt_tokens":1},"service_tier":null}"#, None),
            (r#"{"usage":{"prompt_tokens":1}}"#, None),
        ] {
            let read = read(Dialect::OpenAi, Endpoint::Inference, body.as_bytes());
            assert_eq!((read.input, read.tier), (Some(1), tier), "{body}");
        }
        let mut so_far = Usage::default();
        for (told, tier) in [
            (Some(Tier::Batch), Some(Tier::Batch)),
            (None, Some(Tier::Batch)),
            (Some(Tier::Usual), Some(Tier::Usual)),
        ] {
            let tier_only = Usage {
                tier: told,
                ..Usage::default()
            };
            merge(&mut so_far, tier_only);
            assert_eq!((so_far.tier, so_far.is_empty()), (tier, true));
        }
    }

    #[test]
    fn reads_every_dialect() {
        for (body, expected) in [
            (
                r#"{"id":"msg_1","type":"message","content":[{"type":"text","text":"\"usage\""}],
                    "usage":{"input_tokens":2095,"cache_creation_input_tokens":100,
                    "cache_read_input_tokens":5000,"output_tokens":503,
                    "server_tool_use":{"web_search_requests":0},"service_tier":"standard"}}"#,
                usage(Some(2195), Some(5000), Some(503)),
            ),
            (
                r#"{"object":"chat.completion","usage":{"prompt_tokens":19,"completion_tokens":10,
                    "total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
                    "completion_tokens_details":{"reasoning_tokens":0}}}"#,
                usage(Some(19), Some(4), Some(10)),
            ),
            (
                r#"{"object":"response","usage":{"input_tokens":36,
                    "input_tokens_details":{"cached_tokens":0},"output_tokens":87,
                    "output_tokens_details":{"reasoning_tokens":0},"total_tokens":123}}"#,
                usage(Some(36), Some(0), Some(87)),
            ),
            (
                r#"{"object":"list","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
                usage(Some(8), None, None),
            ),
            (
                r#"{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":7,"thoughtsTokenCount":3}}"#,
                usage(Some(4), None, Some(10)),
            ),
        ] {
            let read = read(Dialect::OpenAi, Endpoint::Inference, body.as_bytes());
            let read = Usage {
                cache_write: None,
                tier: None,
                ..read
            };
            assert_eq!(read, expected, "{body}");
        }
    }

    #[test]
    fn reads_the_end_of_a_large_answer() {
        for (tail, expected) in [
            (
                r#"AAA"}],"usage":{"input_tokens":3,"output_tokens":4}}"#,
                usage(Some(3), None, Some(4)),
            ),
            (
                r#"x","usage": {"prompt_tokens":3},"user":null}}"#,
                usage(Some(3), None, None),
            ),
            (
                r#""}]}],"usageMetadata":{"promptTokenCount":2}}"#,
                usage(Some(2), None, None),
            ),
            (
                r#"say \"usage\":{\"input_tokens\":9}"}]}"#,
                usage(None, None, None),
            ),
            (r#""usage":{"input_tok"#, usage(None, None, None)),
            ("", usage(None, None, None)),
        ] {
            assert_eq!(in_tail(tail.as_bytes()), expected, "{tail}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_unknown() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"usage":null}"#,
            r#"{"usage":{"input_tokens":-1,"output_tokens":1.5}}"#,
            r#"{"usage":{"input_tokens":"12","output_tokens":99999999999999999999}}"#,
            r#"{"usage":{"output_tokens":18446744073709551615}}"#,
            r#"{"message":{"usage":{"input_tokens":1}}}"#,
        ] {
            let read = read(Dialect::OpenAi, Endpoint::Inference, body.as_bytes());
            assert_eq!(read, Usage::default(), "{body}");
        }
    }

    #[test]
    fn what_was_charged_before_is_not_charged_again() {
        let body = br#"{"usage":{"input_tokens":5}}"#;
        for (dialect, endpoint, input) in [
            (Dialect::Anthropic, Endpoint::Inference, Some(5)),
            (Dialect::Anthropic, Endpoint::CountTokens, None),
            (Dialect::OpenAi, Endpoint::Batches, None),
            (Dialect::OpenAi, Endpoint::Other, None),
            (Dialect::Generic, Endpoint::Other, Some(5)),
        ] {
            assert_eq!(
                read(dialect, endpoint, body).input,
                input,
                "{dialect:?} {endpoint:?}"
            );
        }
    }

    #[test]
    fn running_totals_never_shrink() {
        let mut so_far = usage(Some(10), None, Some(1));
        merge(&mut so_far, usage(Some(0), None, Some(20)));
        merge(&mut so_far, usage(None, Some(3), None));
        assert_eq!(so_far, usage(Some(10), Some(3), Some(20)));
    }
}
