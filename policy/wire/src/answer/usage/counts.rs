//! One report of usage, in whichever form it comes.
//!
//! | Told as | Input | Cached input |
//! |---|---|---|
//! | Anthropic: `input_tokens`; Bedrock Converse: `inputTokens` | without it | beside: `cache_read_input_tokens`, `cache_creation_input_tokens` (`cacheReadInputTokens`, `cacheWriteInputTokens`) |
//! | `OpenAI` Responses: `input_tokens` | with it | `input_tokens_details` |
//! | `OpenAI` Chat and what is compatible: `prompt_tokens` | with it | `prompt_tokens_details`; `DeepSeek`: `prompt_cache_hit_tokens`; Moonshot: `cached_tokens`; gateways repeat Anthropic's names |
//! | Gemini: `promptTokenCount`, and `toolUsePromptTokenCount` beside it; its interactions: `total_input_tokens` … | with it | `cachedContentTokenCount`, `total_cached_tokens` |
//! | Cohere: `billed_units`, else `tokens`, each with `input_tokens` and `output_tokens` | as billed | not told apart |
//!
//! Sources: <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>,
//! <https://api-docs.deepseek.com/guides/kv_cache>,
//! <https://ai.google.dev/api/generate-content#UsageMetadata>,
//! <https://docs.cohere.com/reference/chat>; openai-python 3.54 `types/responses/response_usage.py`.
//!
//! *Output.* Gemini counts thoughts apart, and xAI and Gemini behind `OpenAI`'s names leave them out of
//! `completion_tokens`, but not out of `total_tokens`: where the total is more than its parts, the rest
//! is output (<https://docs.x.ai/docs/guides/reasoning>). Embeddings that tell nothing but a total
//! (Voyage) took it as input.

use crate::json::{Malformed, Reader};
use keyweir_terms::request::{Tier, Usage};

use super::tier::read_tier;

/// More tokens than any request has; a number beyond it is nonsense.
const TOKENS_MAX: u64 = 1_000_000_000;

/// What is told, by its form.
#[derive(Default)]
pub(super) struct Counts {
    /// Input under a name that may be with or without what is cached.
    input: Option<u64>,
    /// Input under a name that is with it.
    prompt: Option<u64>,
    /// What tools made of it, counted apart.
    tool_use: Option<u64>,
    cache: Cache,
    output: Option<u64>,
    /// Thoughts that are charged as output but counted apart.
    thoughts: Option<u64>,
    /// Of [`Self::prompt`] and output together.
    total: Option<u64>,
    billed: Option<Parts>,
    counted: Option<Parts>,
    tier: Option<Tier>,
}

/// What the prompt cache had part in.
#[derive(Default)]
struct Cache {
    /// Read from it: within the input.
    read_within: Option<u64>,
    /// Read from it, under names that stand beside the input.
    read_beside: Option<u64>,
    write_within: Option<u64>,
    write_beside: Option<u64>,
    /// Of either, what is to stay for an hour.
    write_1h: Option<u64>,
}

/// Cohere's units.
#[derive(Clone, Copy, Default)]
struct Parts {
    input: Option<u64>,
    output: Option<u64>,
}

/// Usage that is told with each count beside the others.
pub(super) fn beside(
    input: Option<u64>,
    output: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
) -> Usage {
    let sane = |count: Option<u64>| count.filter(|count| *count <= TOKENS_MAX);
    let counts = Counts {
        input: sane(input),
        output: sane(output),
        cache: Cache {
            read_beside: sane(read),
            write_beside: sane(written),
            ..Cache::default()
        },
        ..Counts::default()
    };
    counts.usage()
}

impl Counts {
    pub(super) fn member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let cache = &mut self.cache;
        let count = match name {
            b"input_tokens" | b"inputTokens" | b"inputTokenCount" => &mut self.input,
            b"prompt_tokens" | b"promptTokenCount" | b"total_input_tokens" => &mut self.prompt,
            b"toolUsePromptTokenCount" | b"total_tool_use_tokens" => &mut self.tool_use,
            b"output_tokens"
            | b"outputTokens"
            | b"outputTokenCount"
            | b"completion_tokens"
            | b"candidatesTokenCount"
            | b"total_output_tokens" => &mut self.output,
            b"thoughtsTokenCount" | b"total_thought_tokens" => &mut self.thoughts,
            b"total_tokens" => &mut self.total,
            b"cache_read_input_tokens" | b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => {
                &mut cache.read_beside
            }
            b"cache_creation_input_tokens"
            | b"cacheWriteInputTokens"
            | b"cacheWriteInputTokenCount" => &mut cache.write_beside,
            b"cachedContentTokenCount"
            | b"total_cached_tokens"
            | b"prompt_cache_hit_tokens"
            | b"cached_tokens" => &mut cache.read_within,
            b"input_tokens_details" | b"prompt_tokens_details" => return cache.details(reader),
            b"cache_creation" => return cache.creation(reader),
            b"cacheDetails" => return cache.writes(reader),
            b"billed_units" => return parts(&mut self.billed, reader),
            b"tokens" => return parts(&mut self.counted, reader),
            b"service_tier" => {
                self.tier = read_tier(reader)?;
                return Ok(());
            }
            _ => return reader.skip().map(drop),
        };
        // Details may have told it before.
        *count = number(reader)?.or(*count);
        Ok(())
    }

    pub(super) fn usage(&self) -> Usage {
        if let Some(units) = self.billed.or(self.counted) {
            return Usage {
                input: units.input,
                output: units.output,
                tier: self.tier,
                ..Usage::default()
            };
        }
        let cache = &self.cache;
        // Who tells the whole prompt tells what is cached within it, under whichever name.
        let within = self.prompt.is_some() || cache.read_within.is_some();
        let (read, written) = if within {
            (
                cache.read_within.or(cache.read_beside),
                cache.write_within.or(cache.write_beside),
            )
        } else {
            (cache.read_beside, cache.write_beside.or(cache.write_within))
        };
        let written_beside = cache.write_beside.filter(|_| !within);
        let input = sum(self.prompt.or(self.input), written_beside);
        let (input, output) =
            self.with_rest(sum(input, self.tool_use), sum(self.output, self.thoughts));
        Usage {
            input,
            cache_read: read,
            cache_within: within && read.is_some(),
            cache_write: written.and_then(small),
            cache_write_1h: cache.write_1h.and_then(small),
            output,
            tier: self.tier,
        }
    }

    /// What the total has that no part of it tells.
    fn with_rest(&self, input: Option<u64>, output: Option<u64>) -> (Option<u64>, Option<u64>) {
        // Anthropic's and Bedrock's parts are more than these.
        let Some(total) = self.total.filter(|_| self.input.is_none()) else {
            return (input, output);
        };
        match (input, output) {
            (None, None) => (Some(total), None),
            (Some(known), output) => {
                let rest = total.saturating_sub(known);
                let is_more = rest > output.unwrap_or_default();
                (input, if is_more { Some(rest) } else { output })
            }
            (None, Some(_)) => (input, output),
        }
    }
}

impl Cache {
    fn details(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| {
            let count = match name {
                b"cached_tokens" => &mut self.read_within,
                b"cache_write_tokens" | b"cache_creation_tokens" => &mut self.write_within,
                _ => return reader.skip().map(drop),
            };
            *count = number(reader)?.or(*count);
            Ok(())
        })
    }

    /// Anthropic's cache writes by how long they stay.
    fn creation(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| {
            if name == b"ephemeral_1h_input_tokens" {
                self.write_1h = number(reader)?;
                return Ok(());
            }
            reader.skip().map(drop)
        })
    }

    /// Bedrock's, the same way.
    fn writes(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.array_or_skip(|reader| {
            let (mut tokens, mut is_hour) = (None, false);
            reader.object_or_skip(|name, reader| {
                match name {
                    b"inputTokens" => tokens = number(reader)?,
                    b"ttl" => {
                        is_hour = reader.string_or_skip()?.is_some_and(|it| it.raw() == b"1h");
                    }
                    _ => drop(reader.skip()?),
                }
                Ok(())
            })?;
            if is_hour {
                self.write_1h = tokens;
            }
            Ok(())
        })
    }
}

fn parts(into: &mut Option<Parts>, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let mut told = Parts::default();
    reader.object_or_skip(|name, reader| {
        let count = match name {
            b"input_tokens" => &mut told.input,
            b"output_tokens" => &mut told.output,
            _ => return reader.skip().map(drop),
        };
        *count = number(reader)?;
        Ok(())
    })?;
    // Searches have units of their own.
    let is_told = told.input.is_some() || told.output.is_some();
    *into = is_told.then_some(told);
    Ok(())
}

fn number(reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    let raw = std::str::from_utf8(reader.skip()?).unwrap_or_default();
    // Some write whole numbers with a fraction of nothing.
    let digits = raw.strip_suffix(".0").unwrap_or(raw);
    Ok(digits.parse().ok().filter(|count| *count <= TOKENS_MAX))
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
