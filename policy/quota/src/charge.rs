//! What a request takes of an account's buckets, and when.

use keyweir_terms::amount::{Dimension, Need};

use crate::bucket::Mark;

/// How the dimensions of a dialect are charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charging {
    /// Input when admitted, output as produced (Anthropic, documented for ITPM and OTPM).
    AsProduced,
    /// Everything when admitted, output at the client's cap (OpenAI's TPM).
    AtAdmission,
}

/// One amount per dimension.
pub type Amounts = [f64; Dimension::COUNT];

/// What a request takes: `prompt` at admission, `pending` as generated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charge {
    /// Taken when admitted.
    pub prompt: Amounts,
    /// Taken while the answer is produced.
    pub pending: Amounts,
}

impl Charge {
    /// The charge for `need`; `output_max` is the client's cap, where the dialect charges it.
    pub fn of(need: &Need, output_max: Option<u64>, charging: Charging) -> Self {
        let (input, output) = (need.input as f64, need.output as f64);
        let mut charge = Self::default();
        charge.prompt[Dimension::Requests.index()] = 1.0;
        charge.prompt[Dimension::InputTokens.index()] = input;
        charge.pending[Dimension::OutputTokens.index()] = output;
        match charging {
            Charging::AsProduced => {
                charge.prompt[Dimension::Tokens.index()] = input;
                charge.pending[Dimension::Tokens.index()] = output;
            }
            Charging::AtAdmission => {
                let capped = output_max.map_or(output, |max| max as f64);
                charge.prompt[Dimension::Tokens.index()] = capped.max(input + output);
            }
        }
        charge
    }

    /// What a bucket has to hold for it to be admitted: output is not counted beforehand, but where there
    /// is none nothing is admitted.
    pub(crate) fn least(&self, dimension: usize) -> f64 {
        self.prompt[dimension].max(self.pending[dimension].min(1.0))
    }

    /// Both parts together.
    pub fn total(&self, dimension: usize) -> f64 {
        self.prompt[dimension] + self.pending[dimension]
    }
}

/// Where an account's buckets stood when a request was sent.
pub type Marks = [Mark; Dimension::COUNT];
