//! Budgets' dimensions as people say them.

use keyweir_policy::terms::amount::Dimension;

/// A dimension as people say it.
pub(crate) const fn in_words(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Requests => "requests",
        Dimension::InputTokens => "input tokens",
        Dimension::OutputTokens => "output tokens",
        Dimension::Tokens => "tokens",
    }
}
