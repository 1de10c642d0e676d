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
    /// What it is for.
    pub on: Occasions,
}

/// What a choice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasions {
    /// The one before it cannot serve.
    pub unavailable: bool,
    /// The request is longer than the context of the model before it.
    pub context_length: bool,
}

impl Occasions {
    /// Where the one before it cannot serve, and for nothing else.
    pub const UNAVAILABLE: Self = Self {
        unavailable: true,
        context_length: false,
    };
}

impl Default for Occasions {
    fn default() -> Self {
        Self::UNAVAILABLE
    }
}

/// Why a request is rerouted to the next choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Unavailable,
    ContextLength,
}

impl Occasion {
    /// What an attempt that met `fault` is an occasion for; `None`: another choice would do no better.
    pub(crate) fn of(fault: &Fault) -> Option<Self> {
        match (fault, fault.attribution()) {
            (Fault::ContextTooLong, _) => Some(Self::ContextLength),
            (_, Attribution::Request | Attribution::Us) => None,
            _ => Some(Self::Unavailable),
        }
    }

    const fn is_of(self, occasions: Occasions) -> bool {
        match self {
            Self::Unavailable => occasions.unavailable,
            Self::ContextLength => occasions.context_length,
        }
    }
}

/// The present choice, and those that are left.
#[derive(Debug)]
pub(crate) struct Choices {
    present: Choice,
    left: VecDeque<Choice>,
    /// The model that the request names as it stands, if it is not the client's.
    written: Option<String>,
    /// Why it was rerouted to the present one.
    turned_for: Occasion,
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
                on: Occasions::UNAVAILABLE,
            },
            left: fallbacks,
            written: None,
            turned_for: Occasion::Unavailable,
        }
    }

    /// Who is asked, and for what.
    pub(crate) const fn present(&self) -> &Choice {
        &self.present
    }

    /// Whether none is left for where this one cannot serve.
    pub(crate) fn is_last(&self) -> bool {
        !self.has_for(Occasion::Unavailable)
    }

    /// Whether one is left for `occasion`.
    pub(crate) fn has_for(&self, occasion: Occasion) -> bool {
        self.left.iter().any(|choice| occasion.is_of(choice.on))
    }

    /// Asks another account for the same.
    pub(crate) const fn aim(&mut self, provider: ProviderId, account: AccountId) {
        self.present.provider = provider;
        self.present.account = Some(account);
    }

    /// Reroutes to the next choice for `occasion`, after one that the request was ready for. `false`: none
    /// is left.
    pub(crate) fn reroute(&mut self, occasion: Occasion) -> bool {
        if !self.has_for(occasion) {
            return false;
        }
        if self.present.model.is_some() {
            self.written = self.present.model.take();
        }
        self.turned_for = occasion;
        self.skip()
    }

    /// Reroutes to the next choice for the same, after one whose model could not be written into the
    /// request.
    pub(crate) fn skip(&mut self) -> bool {
        let occasion = self.turned_for;
        let Some(place) = self.left.iter().position(|it| occasion.is_of(it.on)) else {
            return false;
        };
        self.left.drain(..place);
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
            on: Occasions::default(),
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
        assert!(choices.reroute(Occasion::Unavailable));
        assert_eq!(model(&choices), Some("b"));
        assert!(choices.reroute(Occasion::Unavailable));
        assert_eq!(model(&choices), Some("b"));
        assert!(!choices.reroute(Occasion::Unavailable));
    }

    #[test]
    fn a_model_that_could_not_be_written_is_not_asked_for_again() {
        let mut choices = choices(&[Some("b"), Some("c"), None]);
        assert!(
            choices.reroute(Occasion::Unavailable)
                && choices.reroute(Occasion::Unavailable)
                && choices.skip()
        );
        assert_eq!(model(&choices), Some("b"));
        assert_eq!(choices.present().provider, ProviderId(3));
    }

    #[test]
    fn what_is_wrong_with_the_request_is_wrong_everywhere() {
        let occasion = |fault: Fault| Occasion::of(&fault);
        for fault in [Fault::BadRequest, Fault::ClientLeft, Fault::Aborted] {
            assert_eq!(occasion(fault), None);
        }
        for fault in [
            Fault::ModelDenied,
            Fault::TooLargeForLimit,
            Fault::OutOfMoney { wait: None },
            Fault::TimedOut,
        ] {
            assert_eq!(occasion(fault), Some(Occasion::Unavailable));
        }
        let too_long = occasion(Fault::ContextTooLong);
        assert_eq!(too_long, Some(Occasion::ContextLength));
    }

    #[test]
    fn choices_for_another_occasion_are_passed_over() {
        let on = |unavailable, context_length| Occasions {
            unavailable,
            context_length,
        };
        let mut choices = choices(&[Some("b"), Some("c"), Some("d")]);
        for (choice, on) in
            choices
                .left
                .iter_mut()
                .zip([on(false, true), on(true, false), on(true, true)])
        {
            choice.on = on;
        }
        assert!(choices.reroute(Occasion::Unavailable));
        assert_eq!(model(&choices), Some("c"));
        assert!(choices.reroute(Occasion::ContextLength));
        assert_eq!(model(&choices), Some("d"));
        assert!(choices.is_last() && !choices.reroute(Occasion::ContextLength));
    }
}
