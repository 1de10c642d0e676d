//! Which API is spoken, and what differs between the two.

use http::HeaderMap;

use crate::accounts::AccountState;
use crate::budget::{Readings, Refusal};
use crate::fault::Fault;
use crate::lies::Lies;
use crate::problem::Problem;
use crate::{anthropic, openai};

/// The API that a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Anthropic,
    OpenAi,
}

impl Dialect {
    /// The API of a path; those that both have go by Anthropic's headers.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let anthropics = path.starts_with("/v1/messages") || path.starts_with("/api/");
        let both = ["/v1/models", "/v1/files"]
            .iter()
            .any(|shared| path.starts_with(shared));
        let says_so =
            headers.contains_key("anthropic-version") || headers.contains_key("x-api-key");
        if anthropics || (both && says_so) {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }

    pub(crate) fn error_body(self, problem: &Problem, request_id: &str) -> String {
        match self {
            Self::Anthropic => anthropic::errors::body(problem, request_id),
            Self::OpenAi => openai::errors::body(problem),
        }
    }

    /// 401 for a key that is none.
    pub(crate) fn unauthenticated(self, key: Option<&str>) -> Problem {
        match self {
            Self::Anthropic => anthropic::errors::unauthenticated(key),
            Self::OpenAi => openai::errors::unauthenticated(key),
        }
    }

    /// 429 for want of budget.
    pub(crate) fn refusal(self, refusal: &Refusal, model: &str, account: &AccountState) -> Problem {
        match self {
            Self::Anthropic => anthropic::errors::refusal(refusal, model, account),
            Self::OpenAi => openai::errors::refusal(refusal, model, account),
        }
    }

    /// A fault on command.
    pub(crate) fn failure(self, fault: &Fault, model: &str, account: &AccountState) -> Problem {
        match self {
            Self::Anthropic => anthropic::errors::failure(fault, model, account),
            Self::OpenAi => openai::errors::failure(fault, model, account),
        }
    }

    /// A body that is too large.
    pub(crate) fn too_large(self) -> Problem {
        match self {
            Self::Anthropic => anthropic::errors::too_large(),
            Self::OpenAi => openai::errors::too_large(),
        }
    }

    /// The headers that say who answers and for whom.
    pub(crate) fn identify(self, headers: &mut HeaderMap, account: &AccountState, id: &str) {
        match self {
            Self::Anthropic => anthropic::headers::identify(headers, account, id),
            Self::OpenAi => openai::headers::identify(headers, account, id),
        }
    }

    /// The headers that say what is left.
    pub(crate) fn show_budget(
        self,
        headers: &mut HeaderMap,
        readings: &Readings,
        lies: Lies,
        unix_secs: f64,
    ) {
        match self {
            Self::Anthropic => anthropic::headers::show_budget(headers, readings, lies, unix_secs),
            Self::OpenAi => openai::headers::show_budget(headers, readings, lies),
        }
    }
}
