//! What a request will need, before anybody has counted its tokens.
//!
//! Input is the tokens of its text, learned per byte (`estimate/input.rs`), plus images and documents by their
//! own rule. Output is the mean of what this tenant and model really produced for requests with a like cap
//! (`estimate/output.rs`), at most that cap. The mean, and not a high quantile: a lease follows the stream as it
//! grows and is trued up at its end, so an estimate that is too low on one request is made good
//! on the next, while one that is too high on all of them leaves capacity unused for good.

mod input;
mod output;

use keyweir_terms::amount::Need;
use keyweir_terms::id_map::IdMap;
use keyweir_terms::ids::TenantId;
use keyweir_terms::request::{RequestSize, Usage};
use serde::{Deserialize, Serialize};

pub use self::input::InputEstimate;
use self::output::OutputEstimate;

/// What was learned of one quota group's requests, per tenant and over all.
#[derive(Debug, Default)]
pub struct Estimates {
    all: Estimate,
    tenants: IdMap<TenantId, Own>,
    /// Tenants whose estimates have changed since they were asked for, each once.
    changed: Vec<TenantId>,
}

/// A tenant's own estimate.
#[derive(Debug, Default, Clone)]
struct Own {
    estimate: Estimate,
    is_changed: bool,
}

/// What some requests are expected to take.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    input: InputEstimate,
    output: OutputEstimate,
}

impl Estimates {
    /// The need of a request of this size from this tenant.
    pub fn need(&self, tenant: TenantId, size: &RequestSize) -> Need {
        let own = self.tenants.get(&tenant).map(|own| &own.estimate);
        let input = own.unwrap_or(&self.all).input;
        let output = own
            .filter(|estimate| estimate.output.is_known())
            .unwrap_or(&self.all)
            .output
            .tokens(size);
        Need {
            input: input.tokens(size),
            output: (output as u64).min(size.output_max.unwrap_or(u64::MAX)),
        }
    }

    /// A stream has grown to `produced` tokens, beyond what was expected of it. The answers that end
    /// first are the short ones: until some have ended, those that go on say more.
    pub fn outgrown(&mut self, tenant: TenantId, size: &RequestSize, produced: u64) {
        self.own(tenant).output.outgrown(size, produced);
        self.all.output.outgrown(size, produced);
    }

    /// Learns from what a request really took.
    pub fn learn(&mut self, tenant: TenantId, size: &RequestSize, usage: &Usage) {
        self.own(tenant).learn(size, usage);
        self.all.learn(size, usage);
    }

    /// A tenant's own, which begins with what is known of all.
    fn own(&mut self, tenant: TenantId) -> &mut Estimate {
        let input = self.all.input.as_start();
        let own = self.tenants.entry(tenant).or_insert_with(|| Own {
            estimate: Estimate {
                input,
                ..Estimate::default()
            },
            is_changed: false,
        });
        if !std::mem::replace(&mut own.is_changed, true) {
            self.changed.push(tenant);
        }
        &mut own.estimate
    }

    /// What is learned of all; `None`: nothing.
    pub fn of_all(&self) -> Option<&Estimate> {
        (self.all != Estimate::default()).then_some(&self.all)
    }

    /// A tenant whose estimate has changed since it was asked for, and the estimate.
    pub fn next_changed(&mut self) -> Option<(TenantId, Estimate)> {
        let tenant = self.changed.pop()?;
        let own = self.tenants.get_mut(&tenant)?;
        own.is_changed = false;
        Some((tenant, own.estimate.clone()))
    }

    /// Knows again what was learned of a tenant, or of all (`None`).
    pub fn recall(&mut self, tenant: Option<TenantId>, estimate: &Estimate) {
        if !estimate.is_possible() {
            return;
        }
        match tenant {
            None => self.all = estimate.clone(),
            Some(tenant) => {
                let own = Own {
                    estimate: estimate.clone(),
                    is_changed: false,
                };
                self.tenants.insert(tenant, own);
            }
        }
    }
}

impl Estimate {
    fn is_possible(&self) -> bool {
        self.input.is_possible() && self.output.is_possible()
    }

    fn learn(&mut self, size: &RequestSize, usage: &Usage) {
        if let Some(input) = usage.input {
            self.input.learn(size, input);
        }
        if let Some(output) = usage.output {
            self.output.learn(size, output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TenantId = TenantId(1);
    const B: TenantId = TenantId(2);

    #[test]
    fn needs_are_learned_per_tenant() {
        let mut estimates = Estimates::default();
        let size = RequestSize {
            text_bytes: 4000,
            media_tokens: 1600,
            output_max: None,
        };
        for _ in 0..50 {
            let usage = Usage {
                input: Some(1600 + 2000),
                output: Some(100),
                ..Usage::default()
            };
            estimates.learn(A, &size, &usage);
            let usage = Usage {
                output: Some(900),
                ..usage
            };
            estimates.learn(B, &size, &usage);
        }
        let need = estimates.need(A, &size);
        assert!((3560..=3640).contains(&need.input), "{need:?}");
        assert_eq!(need.output, 100);
        assert!(estimates.need(B, &size).output.abs_diff(900) <= 1);
        let stranger = estimates.need(TenantId(3), &size).output;
        assert!((100..=900).contains(&stranger));
    }

    #[test]
    fn output_is_at_most_the_clients_cap() {
        let size = RequestSize {
            output_max: Some(7),
            ..RequestSize::default()
        };
        assert_eq!(Estimates::default().need(A, &size).output, 7);
    }

    #[test]
    fn absurd_usage_does_not_poison_the_estimate() {
        let mut estimates = Estimates::default();
        let size = RequestSize {
            text_bytes: 10,
            ..RequestSize::default()
        };
        let usage = Usage {
            input: Some(u64::MAX),
            output: Some(u64::MAX),
            ..Usage::default()
        };
        estimates.learn(A, &size, &usage);
        let need = estimates.need(A, &size);
        assert!(need.input < 100);
    }
}
