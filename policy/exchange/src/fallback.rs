//! Who is asked when the first choice cannot serve.

use std::collections::VecDeque;

use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::{AccountId, ProviderId};

/// A provider, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The provider to ask.
    pub provider: ProviderId,
    /// The only account to ask.
    pub account: Option<AccountId>,
    /// The model to ask for instead of the client's.
    pub model: Option<String>,
}

/// Whether another choice could do better where this one met `fault`.
pub(crate) fn may_help(fault: &Fault) -> bool {
    !matches!(fault.attribution(), Attribution::Request | Attribution::Us)
}

/// The present choice, and those that are left.
#[derive(Debug)]
pub(crate) struct Choices {
    present: Choice,
    left: VecDeque<Choice>,
    /// The model that the request names as it stands, if it is not the client's.
    written: Option<String>,
}

impl Choices {
    /// `first`, which asks for the client's own model, then `fallbacks` in order.
    pub(crate) const fn new(
        provider: ProviderId,
        account: Option<AccountId>,
        fallbacks: VecDeque<Choice>,
    ) -> Self {
        Self {
            present: Choice {
                provider,
                account,
                model: None,
            },
            left: fallbacks,
            written: None,
        }
    }

    /// Who is asked, and for what.
    pub(crate) const fn present(&self) -> &Choice {
        &self.present
    }

    /// Whether none is left.
    pub(crate) fn is_last(&self) -> bool {
        self.left.is_empty()
    }

    /// Asks another account for the same.
    pub(crate) const fn aim(&mut self, provider: ProviderId, account: AccountId) {
        self.present.provider = provider;
        self.present.account = Some(account);
    }

    /// Turns to the next choice, after one that the request was ready for. `false`: none is left.
    pub(crate) fn turn(&mut self) -> bool {
        if self.present.model.is_some() {
            self.written = self.present.model.take();
        }
        self.skip()
    }

    /// Turns to the next choice, after one whose model could not be written into the request.
    pub(crate) fn skip(&mut self) -> bool {
        let Some(next) = self.left.pop_front() else {
            return false;
        };
        // A choice that names no model takes the request as it stands.
        let model = next.model.or_else(|| self.written.clone());
        self.present = Choice { model, ..next };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(models: &[Option<&str>]) -> Choices {
        let choice = |(number, model): (u32, &Option<&str>)| Choice {
            provider: ProviderId(number),
            account: None,
            model: model.map(str::to_owned),
        };
        let fallbacks = (1..).zip(models).map(choice).collect();
        Choices::new(ProviderId(0), None, fallbacks)
    }

    fn model(choices: &Choices) -> Option<&str> {
        choices.present().model.as_deref()
    }

    #[test]
    fn a_choice_without_a_model_asks_for_the_one_that_was_asked_for_last() {
        let mut choices = choices(&[Some("b"), None]);
        assert!(choices.turn());
        assert_eq!(model(&choices), Some("b"));
        assert!(choices.turn());
        assert_eq!(model(&choices), Some("b"));
        assert!(!choices.turn());
    }

    #[test]
    fn a_model_that_could_not_be_written_is_not_asked_for_again() {
        let mut choices = choices(&[Some("b"), Some("c"), None]);
        assert!(choices.turn() && choices.turn() && choices.skip());
        assert_eq!(model(&choices), Some("b"));
        assert_eq!(choices.present().provider, ProviderId(3));
    }

    #[test]
    fn what_is_wrong_with_the_request_is_wrong_everywhere() {
        assert!(!may_help(&Fault::BadRequest));
        assert!(!may_help(&Fault::ClientLeft) && !may_help(&Fault::Aborted));
        assert!(may_help(&Fault::ModelDenied) && may_help(&Fault::TooLargeForLimit));
        assert!(may_help(&Fault::OutOfMoney { wait: None }) && may_help(&Fault::TimedOut));
    }
}
