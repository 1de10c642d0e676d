//! Which tools may ask a model of their own.

/// What a tool of a request is, as far as models go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tool {
    /// The client's own, or one of the provider's that asks no model.
    #[default]
    Plain,
    /// One that does (an advisor, a maker of images), or that nobody here has heard of.
    MayAskAModel,
}

/// What tools that ask no model begin with. Sources:
/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview>,
/// <https://platform.openai.com/docs/guides/tools>. Dated versions follow (`web_search_20250305`).
const PLAIN: &[&str] = &[
    "apply_patch",
    "bash_",
    "code_execution",
    "code_interpreter",
    "computer",
    "custom",
    "file_search",
    "function",
    "local_shell",
    "mcp",
    "memory_",
    "shell",
    "text_editor_",
    "tool_search",
    "web_fetch",
    "web_search",
];

impl Tool {
    /// By its type.
    pub(super) fn of(kind: Option<String>) -> Self {
        let is_plain = |kind: &str| PLAIN.iter().any(|known| kind.starts_with(known));
        match kind {
            Some(kind) if is_plain(&kind) => Self::Plain,
            _ => Self::MayAskAModel,
        }
    }
}

/// Members of a tool that say what it takes.
pub(super) fn is_schema(name: &[u8]) -> bool {
    matches!(
        name,
        b"input_schema"
            | b"parameters"
            | b"function"
            | b"custom"
            | b"input_examples"
            | b"functionDeclarations"
            | b"function_declarations"
    )
}
