//! What requests take of an account's buckets.

use keyweir_policy::quota::budget::Charging;
use keyweir_policy::terms::amount::Dimension;

/// One amount per [`Dimension`].
pub type Amounts = [f64; Dimension::COUNT];

/// What a request takes of an account, when.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// At admission.
    pub at_once: Amounts,
    /// While its answer is produced.
    pub by_and_by: Amounts,
}

impl Taken {
    /// By `charging`: what these tokens take, `output_max` being the client's cap.
    pub fn of(charging: Charging, input: f64, output: f64, output_max: Option<u64>) -> Self {
        let cap = output_max.map_or(0.0, |max| max as f64);
        match charging {
            Charging::AsProduced => Self {
                at_once: [1.0, input, 0.0, input],
                by_and_by: [0.0, 0.0, output, output],
            },
            Charging::AtAdmission => Self {
                at_once: [1.0, input, 0.0, cap.max(input + output)],
                by_and_by: [0.0, 0.0, output, 0.0],
            },
        }
    }

    /// Both together.
    pub fn total(&self) -> Amounts {
        std::array::from_fn(|index| self.at_once[index] + self.by_and_by[index])
    }
}
