//! The tokens that an answer says were charged.
//!
//! One reader for every dialect, since providers of any dialect, the generic one above all, may tell it
//! in any form: the names say which it is ([`counts`]).

mod counts;
mod tier;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use self::counts::Counts;
pub(crate) use self::tier::read_tier;
use crate::json::{Malformed, Reader};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::request::Usage;

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
    let after = |name: &[u8]| Some(memmem::rfind(tail, name)? + name.len());
    let names = [
        &b"\"usage\":"[..],
        b"\"usageMetadata\":",
        b"\"amazon-bedrock-invocationMetrics\":",
    ];
    let usage = names.iter().filter_map(|name| after(name)).max();
    usage
        .or_else(|| after(b"\"meta\":"))
        .and_then(|after| read_object(&mut Reader::new(&tail[after..])).ok())
        .unwrap_or_default()
}

/// The usage that the next value is.
pub(crate) fn read_object(reader: &mut Reader<'_>) -> Result<Usage, Malformed> {
    let mut counts = Counts::default();
    reader.object_or_skip(|name, reader| counts.member(name, reader))?;
    Ok(counts.usage())
}

/// The same of Bedrock's streams, whose frames are binary and end in a checksum. Those of `Converse` hold
/// JSON, those of `InvokeModel` JSON with the model's own events in base64
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>).
pub(crate) fn in_frames(tail: &[u8]) -> Usage {
    const BYTES: &[u8] = b"\"bytes\":\"";
    let mut usage = in_tail(tail);
    for at in memmem::find_iter(tail, BYTES) {
        let text = &tail[at + BYTES.len()..];
        let text = &text[..memchr::memchr(b'"', text).unwrap_or_default()];
        if let Ok(event) = STANDARD.decode(text) {
            merge(&mut usage, in_tail(&event));
        }
    }
    usage
}

/// The usage that the head of an answer tells: Bedrock's, of models that are asked in words of their own
/// (`InvokeModel`), whose bodies often tell none.
pub(crate) fn in_head<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Usage {
    let count = |name: &str| header(name)?.trim().parse().ok();
    counts::beside(
        count("x-amzn-bedrock-input-token-count"),
        count("x-amzn-bedrock-output-token-count"),
        count("x-amzn-bedrock-cache-read-input-token-count"),
        count("x-amzn-bedrock-cache-write-input-token-count"),
    )
}

/// Takes the larger of two reports of one answer: streams report running totals, and some of
/// their events report only a part.
pub(crate) fn merge(so_far: &mut Usage, news: Usage) {
    so_far.input = so_far.input.max(news.input);
    so_far.cache_read = so_far.cache_read.max(news.cache_read);
    so_far.cache_write = so_far.cache_write.max(news.cache_write);
    so_far.cache_write_1h = so_far.cache_write_1h.max(news.cache_write_1h);
    so_far.output = so_far.output.max(news.output);
    so_far.cache_within |= news.cache_within;
    // Of tiers the newest counts: what was asked for is told first, and then what it became.
    so_far.tier = news.tier.or(so_far.tier);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::opening::of_whole;
    use keyweir_terms::request::Tier;

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
                cache_within: false,
                tier: None,
                ..read
            };
            assert_eq!(read, expected, "{body}");
        }
    }

    /// Input without what was read from the cache, what was, what was written to it, and output.
    type Apart = (Option<u64>, Option<u64>, Option<u32>, Option<u64>);

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_form_is_told_apart_whoever_sends_it() {
        let forms: [(&str, Apart); 19] = [
            // Anthropic's, and a proxy's that speaks it.
            (
                r#"{"usage":{"input_tokens":5,"cache_read_input_tokens":1000,
                    "cache_creation_input_tokens":300,"output_tokens":7}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            // Bedrock Converse.
            (
                r#"{"usage":{"inputTokens":5,"outputTokens":7,"totalTokens":1312,"cacheReadInputTokens":1000,
                    "cacheWriteInputTokens":300,"cacheDetails":[{"ttl":"5m","inputTokens":300}]}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            // OpenAI's, both of them, with what was written.
            (
                r#"{"usage":{"prompt_tokens":1305,"completion_tokens":7,"total_tokens":1312,
                    "prompt_tokens_details":{"cached_tokens":1000,"cache_write_tokens":300}}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            (
                r#"{"usage":{"input_tokens":1305,"output_tokens":7,"total_tokens":1312,
                    "input_tokens_details":{"cached_tokens":1000,"cache_write_tokens":300}}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            // A gateway that repeats Anthropic's names beside OpenAI's.
            (
                r#"{"usage":{"prompt_tokens":1305,"completion_tokens":7,"total_tokens":1312,
                    "prompt_tokens_details":{"cached_tokens":1000,"cache_creation_tokens":300},
                    "cache_creation_input_tokens":300,"cache_read_input_tokens":1000}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            (
                r#"{"usage":{"prompt_tokens":1305,"completion_tokens":7,
                    "cache_creation_input_tokens":300,"cache_read_input_tokens":1000}}"#,
                (Some(305), Some(1000), Some(300), Some(7)),
            ),
            // DeepSeek, with and without the details.
            (
                r#"{"usage":{"prompt_tokens":320,"completion_tokens":180,"total_tokens":500,
                    "prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":256}}"#,
                (Some(256), Some(64), None, Some(180)),
            ),
            (
                r#"{"usage":{"prompt_tokens":320,"completion_tokens":180,"prompt_cache_hit_tokens":64,
                    "prompt_cache_miss_tokens":256,"prompt_tokens_details":{"cached_tokens":64}}}"#,
                (Some(256), Some(64), None, Some(180)),
            ),
            // Moonshot.
            (
                r#"{"usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40,"cached_tokens":10}}"#,
                (Some(9), Some(10), None, Some(21)),
            ),
            // xAI, and Gemini behind OpenAI's names: reasoning is in the total alone.
            (
                r#"{"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,
                    "completion_tokens_details":{"reasoning_tokens":94}}}"#,
                (Some(32), None, None, Some(103)),
            ),
            (
                r#"{"usage":{"completion_tokens":102,"prompt_tokens":758,"total_tokens":1725}}"#,
                (Some(758), None, None, Some(967)),
            ),
            // Gemini's own, both of them.
            (
                r#"{"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"toolUsePromptTokenCount":50,
                    "candidatesTokenCount":7,"thoughtsTokenCount":3,"totalTokenCount":160}}"#,
                (Some(90), Some(60), None, Some(10)),
            ),
            (
                r#"{"status":"completed","usage":{"total_input_tokens":100,"total_cached_tokens":60,
                    "total_tool_use_tokens":50,"total_output_tokens":7,"total_thought_tokens":3,"total_tokens":160}}"#,
                (Some(90), Some(60), None, Some(10)),
            ),
            // Cohere's: what is billed, which is less than what was counted; and searches.
            (
                r#"{"usage":{"billed_units":{"input_tokens":5,"output_tokens":418},
                    "tokens":{"input_tokens":71,"output_tokens":418},"cached_tokens":64}}"#,
                (Some(5), None, None, Some(418)),
            ),
            (
                r#"{"text":"hi","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5.0,"output_tokens":2}}}"#,
                (Some(5), None, None, Some(2)),
            ),
            (
                r#"{"results":[{"index":0}],"meta":{"billed_units":{"search_units":1}}}"#,
                (None, None, None, None),
            ),
            // Voyage tells one number, and OpenAI's embeddings the same one twice.
            (
                r#"{"data":[{}],"usage":{"total_tokens":10}}"#,
                (Some(10), None, None, None),
            ),
            (
                r#"{"data":[{}],"usage":{"prompt_tokens":10,"total_tokens":10}}"#,
                (Some(10), None, None, None),
            ),
            // What another thing's meta says changes nothing.
            (
                r#"{"usage":{"input_tokens":5,"output_tokens":2},"meta":{"tokens":9,"billed_units":null}}"#,
                (Some(5), None, None, Some(2)),
            ),
        ];
        for (body, expected) in forms {
            for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
                let it = read(dialect, Endpoint::Inference, body.as_bytes()).apart();
                let apart = (it.input, it.cache_read, it.cache_write, it.output);
                assert_eq!(apart, expected, "{dialect:?} {body}");
            }
        }
    }

    #[test]
    fn bedrock_tells_it_in_the_head_where_the_body_does_not() {
        let header = |name: &str| match name {
            "x-amzn-bedrock-input-token-count" => Some("5"),
            "x-amzn-bedrock-output-token-count" => Some("7"),
            "x-amzn-bedrock-cache-read-input-token-count" => Some("1000"),
            "x-amzn-bedrock-cache-write-input-token-count" => Some("300"),
            _ => None,
        };
        let asked = (Dialect::Generic, Endpoint::Other);
        let told = of_whole(&[], asked, header, br#"{"generation":"hi"}"#).usage;
        let counts = (told.input, told.cache_read, told.cache_write, told.output);
        assert_eq!(counts, (Some(305), Some(1000), Some(300), Some(7)));
        assert!(!told.cache_within);
        let body = br#"{"usage":{"input_tokens":1,"output_tokens":2}}"#;
        let told = of_whole(&[], asked, header, body).usage;
        assert_eq!((told.input, told.output), (Some(1), Some(2)));
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
