//! With whom limits and budgets are shared, and so how much of what is taken here counts.
//!
//! Where several gateways serve the same tenants and none hears of the others, each counts what it
//! takes as often as there are gateways: so together they give what the limit says, as long as requests
//! are spread evenly. What is left, told of the whole, is as much as if the others had given the same.
//! Where they do hear of one another, that is assumed from one word of them to the next only, and set
//! right by it ([`crate::meters`]).

use keyweir_terms::replicas::Replicas;

use crate::share::Factor;

/// With whom the meters are shared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sharing {
    /// How many gateways there are, or were when they were last heard of.
    pub(crate) replicas: Replicas,
    /// They tell one another what they take.
    pub(crate) is_heard: bool,
}

impl Sharing {
    /// Nobody else serves the same tenants.
    pub(crate) fn is_alone(self) -> bool {
        !self.is_heard && self.replicas == Replicas::ONE
    }

    /// What counts of what is taken here: by this row's factor where the others are heard.
    pub(crate) const fn factor(self, of_row: Option<Factor>) -> Factor {
        match of_row {
            Some(factor) if self.is_heard => factor,
            _ => Factor::even(self.replicas),
        }
    }
}
