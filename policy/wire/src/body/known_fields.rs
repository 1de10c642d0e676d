//! The fields that requests to models have, of every API that is spoken here.
//!
//! Sources: <https://docs.anthropic.com/en/api/messages>,
//! <https://platform.openai.com/docs/api-reference/chat/create>, `…/responses/create`,
//! `…/completions/create`, `…/embeddings/create`, `…/moderations/create`, `…/images/create`,
//! `…/audio/createSpeech>`, <https://ai.google.dev/api/generate-content>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>, and what vLLM, Mistral, Groq
//! and DashScope add. None of those that choose another model, or who serves it, are here, but for
//! `model` and `models`.

/// Fields of one request, in the order of their names.
const FIELDS: &[&str] = &[
    "anthropic_beta",
    "anthropic_version",
    "audio",
    "background",
    "best_of",
    "betas",
    "cache_control",
    "chat_template_kwargs",
    "container",
    "content",
    "contents",
    "context_management",
    "conversation",
    "dimensions",
    "echo",
    "enable_thinking",
    "encoding_format",
    "frequency_penalty",
    "function_call",
    "functions",
    "generateContentRequest",
    "generationConfig",
    "generation_config",
    "include",
    "include_reasoning",
    "inferenceConfig",
    "inference_geo",
    "input",
    "input_type",
    "instructions",
    "labels",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tokens_to_sample",
    "max_tool_calls",
    "mcp_servers",
    "messages",
    "metadata",
    "min_p",
    "min_tokens",
    "modalities",
    "model",
    "models",
    "moderation",
    "n",
    "outputDimensionality",
    "output_compression",
    "output_config",
    "output_format",
    "parallel_tool_calls",
    "partial_images",
    "prediction",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "quality",
    "random_seed",
    "reasoning",
    "reasoning_effort",
    "reasoning_format",
    "repetition_penalty",
    "response_format",
    "safe_prompt",
    "safetySettings",
    "safety_identifier",
    "safety_settings",
    "seed",
    "service_tier",
    "size",
    "skip_special_tokens",
    "speed",
    "stop",
    "stop_sequences",
    "stop_token_ids",
    "store",
    "stream",
    "stream_format",
    "stream_options",
    "style",
    "suffix",
    "system",
    "systemInstruction",
    "system_instruction",
    "taskType",
    "temperature",
    "text",
    "thinking",
    "thinking_budget",
    "title",
    "toolConfig",
    "tool_choice",
    "tool_config",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "verbosity",
    "voice",
    "web_search_options",
];

/// Fields that hold what people and models say, or are kept as they are.
const CONTENT: &[&str] = &[
    "content",
    "contents",
    "functions",
    "input",
    "instructions",
    "labels",
    "messages",
    "metadata",
    "prediction",
    "prompt",
    "response_format",
    "system",
    "systemInstruction",
    "system_instruction",
    "text",
];

/// Whether a request has such a field.
pub(super) fn is_known(name: &[u8]) -> bool {
    FIELDS
        .binary_search_by(|known| known.as_bytes().cmp(name))
        .is_ok()
}

/// Whether what stands in the field chooses nothing.
pub(super) fn is_content(name: &[u8]) -> bool {
    CONTENT.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_order_so_that_they_are_found() {
        assert!(FIELDS.is_sorted());
        assert!(FIELDS.iter().all(|field| is_known(field.as_bytes())));
        assert!(CONTENT.iter().all(|field| is_known(field.as_bytes())));
    }
}
