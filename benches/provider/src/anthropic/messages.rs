//! `POST /v1/messages` and `/v1/messages/count_tokens`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::errors::{invalid, not_found};
use super::events::Message;
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::generation::{Ask, generate};
use crate::glob;
use crate::problem::Problem;
use crate::text::Weight;
use crate::tools::{self, TOOL_TOKENS, ToolCall};

/// The fields of a request that matter; the others are taken as they come.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageRequest<'a> {
    model: Option<String>,
    max_tokens: Option<i64>,
    #[serde(default)]
    stream: bool,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
}

/// Answers `POST /v1/messages`.
pub(crate) async fn create(exchange: Exchange, body: Bytes) -> Outcome {
    let request = match read(&exchange, &body).and_then(MessageRequest::complete) {
        Ok(request) => request,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let (model, weight) = (request.model(), request.weight());
    if let Some(problem) = unknown(&exchange, &model) {
        return exchange.problem(&problem, None);
    }
    let tool = tools::anthropic_call(request.tools, request.tool_choice, request.messages);
    let thinks = request
        .thinking
        .is_some_and(|thinking| thinking.get().contains("\"enabled\""));
    let ask = Ask {
        streamed: request.stream,
        output_max: request.max_tokens.map(i64::unsigned_abs),
        tool_tokens: if tool.is_some() { TOOL_TOKENS } else { 0 },
        weight,
        model,
    };
    let model = json!(ask.model).to_string();
    // It may be large, and the answer may take long.
    drop(body);
    generate(exchange, ask, move |exchange, plan, input| Message {
        id: exchange.state.new_id("msg_01"),
        model,
        input,
        request_id: exchange.request_id.clone(),
        thinking_chunks: if thinks {
            (plan.chunks() / 4).max(1)
        } else {
            0
        },
        tool: tool
            .filter(|_| plan.tool_tokens > 0)
            .map(|call| ToolCall::new(call, exchange.state.new_id("toolu_01"))),
        cut: plan.cut,
        block: 0,
        chunks: 0,
    })
    .await
}

/// Answers `POST /v1/messages/count_tokens`.
pub(crate) async fn count(exchange: Exchange, body: &Bytes) -> Outcome {
    let request = match read(&exchange, body).and_then(MessageRequest::countable) {
        Ok(request) => request,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let model = request.model();
    if let Some(problem) = unknown(&exchange, &model) {
        return exchange.problem(&problem, None);
    }
    let weight = request.weight();
    let passed = exchange
        .pass(Purpose::CountTokens, &model, Charge::default())
        .await;
    let passed = match passed {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let tokens = &passed.exchange.state.world.tokens;
    let count = tokens.truth(weight.bytes, weight.media) + tokens.per_request;
    passed.json(format!(r#"{{"input_tokens":{count}}}"#))
}

fn read<'a>(exchange: &Exchange, body: &'a Bytes) -> Result<MessageRequest<'a>, Problem> {
    if !exchange.head.headers.contains_key("anthropic-version") {
        return Err(invalid("anthropic-version: header is required"));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => invalid(format!("body: {error}")),
        _ => invalid(format!("The request body is not valid JSON: {error}")),
    })
}

impl MessageRequest<'_> {
    /// What a message needs.
    pub(crate) fn complete(self) -> Result<Self, Problem> {
        let request = self.countable()?;
        match request.max_tokens {
            None => Err(invalid("max_tokens: Field required")),
            Some(max) if max < 1 => Err(invalid(
                "max_tokens: Input should be greater than or equal to 1",
            )),
            Some(_) => Ok(request),
        }
    }

    /// What counting its tokens needs.
    fn countable(self) -> Result<Self, Problem> {
        match self.model.as_deref() {
            None => return Err(invalid("model: Field required")),
            Some("") => {
                return Err(invalid("model: String should have at least 1 character"));
            }
            Some(_) => {}
        }
        let Some(messages) = self.messages else {
            return Err(invalid("messages: Field required"));
        };
        match serde_json::from_str::<Vec<Turn<'_>>>(messages.get()) {
            Err(_) => Err(invalid("messages: Input should be a valid list")),
            Ok(turns) if turns.is_empty() => {
                Err(invalid("messages: at least one message is required"))
            }
            Ok(turns) => match turns.iter().position(|turn| !turn.is_complete()) {
                Some(at) => Err(invalid(format!(
                    "messages.{at}: role should be 'user' or 'assistant', with content"
                ))),
                None => Ok(self),
            },
        }
    }

    pub(crate) fn model(&self) -> String {
        self.model.clone().unwrap_or_default()
    }

    /// In the order in which the provider's cache sees it: tools, system, messages.
    fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        for part in [self.tools, self.system, self.messages]
            .into_iter()
            .flatten()
        {
            weight.add(part);
        }
        weight
    }
}

/// One message of a conversation.
#[derive(Debug, Deserialize)]
struct Turn<'a> {
    role: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl Turn<'_> {
    fn is_complete(&self) -> bool {
        let known = matches!(self.role.as_deref(), Some("user" | "assistant" | "system"));
        known && self.content.is_some_and(|content| content.get() != "null")
    }
}

/// 404, if the world lists models and this is none of them.
pub(crate) fn unknown(exchange: &Exchange, model: &str) -> Option<Problem> {
    let models = &exchange.state.world.models;
    let is_known = models.is_empty() || models.iter().any(|m| glob::matches(m, model));
    (!is_known).then(|| not_found(&format!("model: {model}")))
}
