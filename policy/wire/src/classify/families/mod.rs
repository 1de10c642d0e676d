//! What each family of providers says, a file per family.
//!
//! Rows are tried in the order of this list, and the first that fits holds. Codes of different
//! families do not collide, so every answer is held against all of them: a gateway seldom knows
//! who really answers behind a base URL. What everybody means by a status comes last.

mod alibaba;
mod anthropic;
mod anyone;
mod bedrock;
mod context;
mod edges;
mod google;
mod openai;
mod relatives;
mod resellers;
mod self_hosted;

use crate::classify::row::Family;

/// All families, in the order in which they are tried.
pub(crate) const FAMILIES: &[Family] = &[
    edges::PAGES,
    context::CONTEXT,
    anthropic::ANTHROPIC,
    google::GOOGLE,
    resellers::OPENROUTER,
    alibaba::ALIBABA,
    relatives::XAI,
    relatives::GROQ,
    relatives::MISTRAL,
    relatives::DEEPSEEK,
    bedrock::BEDROCK,
    self_hosted::SELF_HOSTED,
    openai::OPENAI,
    openai::AZURE,
    edges::EDGES,
    anyone::ANYONE,
];
