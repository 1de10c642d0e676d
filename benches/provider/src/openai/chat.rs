//! `POST /v1/chat/completions`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::chat_events::Chat;
use super::errors::invalid;
use super::read::{known_model, read};
use crate::body::Outcome;
use crate::exchange::Exchange;
use crate::generation::{Ask, generate};
use crate::problem::Problem;
use crate::text::Weight;
use crate::tools::{self, TOOL_TOKENS, ToolCall};

/// The fields of a request that matter.
#[derive(Debug, Deserialize)]
struct ChatRequest<'a> {
    model: Option<String>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(default)]
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// Answers `POST /v1/chat/completions`.
pub(crate) async fn create(exchange: Exchange, body: Bytes) -> Outcome {
    let (request, model) = match check(&exchange, &body) {
        Ok(checked) => checked,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let mut weight = Weight::default();
    for part in [request.tools, request.messages].into_iter().flatten() {
        weight.add(part);
    }
    let call = tools::openai_call(request.tools, request.tool_choice, request.messages);
    let ask = Ask {
        streamed: request.stream.unwrap_or(false),
        output_max: request.max_completion_tokens.or(request.max_tokens),
        tool_tokens: if call.is_some() { TOOL_TOKENS } else { 0 },
        weight,
        model,
    };
    let model = json!(ask.model).to_string();
    let include_usage = request
        .stream_options
        .is_some_and(|options| options.include_usage);
    // It may be large, and the answer may take long.
    drop(body);
    generate(exchange, ask, move |exchange, plan, input| {
        let id = exchange.state.new_id("chatcmpl-");
        let created = exchange.state.unix_secs();
        let call = call.filter(|_| plan.tool_tokens > 0);
        let tool = call.map(|call| ToolCall::new(call, exchange.state.new_id("call_")));
        let about = (id.as_str(), created, model.as_str());
        Chat::new(about, input, tool, plan.cut, include_usage)
    })
    .await
}

fn check<'a>(exchange: &Exchange, body: &'a Bytes) -> Result<(ChatRequest<'a>, String), Problem> {
    let request: ChatRequest<'_> = read(body)?;
    let model = known_model(exchange, request.model.as_deref())?;
    let missing = || {
        invalid("Missing required parameter: 'messages'.")
            .param("messages")
            .code("missing_required_parameter")
    };
    let messages = request.messages.ok_or_else(missing)?;
    let turns: Vec<&RawValue> = serde_json::from_str(messages.get()).map_err(|_| {
        invalid("Invalid type for 'messages': expected an array.").param("messages")
    })?;
    if turns.is_empty() {
        let problem = invalid("Invalid 'messages': empty array.").param("messages");
        return Err(problem.code("empty_array"));
    }
    Ok((request, model))
}
