//! Calls of a request's tools, with arguments that fit the tool's schema.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A call that an answer makes.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) input: Value,
}

/// The same with the name by which its result will refer to it.
#[derive(Clone, Debug)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) input: Value,
}

impl ToolCall {
    pub(crate) fn new(call: Call, id: String) -> Self {
        Self {
            id,
            name: call.name,
            input: call.input,
        }
    }
}

/// What a call counts for.
pub(crate) const TOOL_TOKENS: u64 = 12;

/// The call that an answer to this Anthropic request makes: of the tool it is told to use, or of
/// the first. None if it may not, if the tools are the provider's own, or if the last message
/// already brings a tool's result.
pub(crate) fn anthropic_call(
    tools: Option<&RawValue>,
    choice: Option<&RawValue>,
    messages: Option<&RawValue>,
) -> Option<Call> {
    #[derive(Deserialize)]
    struct Tool {
        name: String,
        input_schema: Option<Value>,
    }
    #[derive(Deserialize)]
    struct Choice {
        r#type: String,
        name: Option<String>,
    }
    let tools: Vec<Tool> = serde_json::from_str(tools?.get()).ok()?;
    let choice: Option<Choice> = choice.and_then(|choice| serde_json::from_str(choice.get()).ok());
    let forced = choice.as_ref().and_then(|choice| choice.name.clone());
    let is_none = choice.is_some_and(|choice| choice.r#type == "none");
    if is_none || (forced.is_none() && messages.is_some_and(ends_in_result)) {
        return None;
    }
    let wanted = |tool: &Tool| forced.as_ref().is_none_or(|name| *name == tool.name);
    let tool = tools
        .into_iter()
        .find(|tool| tool.input_schema.is_some() && wanted(tool))?;
    Some(Call {
        name: tool.name,
        input: sample(tool.input_schema.as_ref()?),
    })
}

/// The same for a chat completion, where a tool's result is a message of the role `tool`.
pub(crate) fn openai_call(
    tools: Option<&RawValue>,
    choice: Option<&RawValue>,
    messages: Option<&RawValue>,
) -> Option<Call> {
    #[derive(Deserialize)]
    struct Tool {
        function: Option<Function>,
    }
    let tools: Vec<Tool> = serde_json::from_str(tools?.get()).ok()?;
    let functions = tools.into_iter().filter_map(|tool| tool.function);
    function_call(functions, choice, messages.is_some_and(ends_in_result))
}

/// The same for a response, where a function is a tool of its own.
pub(crate) fn response_call(
    tools: Option<&RawValue>,
    choice: Option<&RawValue>,
    input: Option<&RawValue>,
) -> Option<Call> {
    let tools: Vec<Value> = serde_json::from_str(tools?.get()).ok()?;
    let functions = tools.into_iter().filter(|tool| tool["type"] == "function");
    let functions = functions.filter_map(|tool| serde_json::from_value(tool).ok());
    function_call(functions, choice, input.is_some_and(ends_in_result))
}

/// A function as OpenAI's requests declare it.
#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    parameters: Value,
}

fn function_call(
    functions: impl Iterator<Item = Function>,
    choice: Option<&RawValue>,
    has_result: bool,
) -> Option<Call> {
    let choice: Value = choice
        .and_then(|choice| serde_json::from_str(choice.get()).ok())
        .unwrap_or_default();
    let forced = choice["function"]["name"]
        .as_str()
        .or_else(|| choice["name"].as_str());
    if choice == "none" || (has_result && forced.is_none() && choice != "required") {
        return None;
    }
    let mut wanted = functions.filter(|f| forced.is_none_or(|name| name == f.name));
    let function = wanted.next()?;
    Some(Call {
        name: function.name,
        input: sample(&function.parameters),
    })
}

/// Whether the last message is a tool's result, so that the answer to it is text.
fn ends_in_result(messages: &RawValue) -> bool {
    let turns: Vec<&RawValue> = serde_json::from_str(messages.get()).unwrap_or_default();
    turns
        .last()
        .is_some_and(|last| RESULTS.iter().any(|result| last.get().contains(result)))
}

/// How the dialects mark a tool's result.
const RESULTS: [&str; 3] = [
    r#""tool_result""#,
    r#""tool_call_id""#,
    r#""function_call_output""#,
];

/// A text in two pieces, cut anywhere.
pub(crate) fn halves(text: &str) -> [&str; 2] {
    let middle = (0..=text.len() / 2)
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let (first, second) = text.split_at(middle.unwrap_or(0));
    [first, second]
}

/// A value that fits a JSON Schema, as far as types, enums and required properties go.
pub(crate) fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!("sample"),
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("array") => Value::Array(vec![sample(&schema["items"])]),
        Some("null") => Value::Null,
        _ => sample_object(schema),
    }
}

fn sample_object(schema: &Value) -> Value {
    let mut object = Map::new();
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            object.insert(name.clone(), sample(schema));
        }
    }
    Value::Object(object)
}
