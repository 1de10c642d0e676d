//! What a request is expected to take, by what this tenant's requests for that model took.
//!
//! Models are named by clients, so that only those are remembered for which an answer told its usage,
//! and of them a bounded number; all others share one estimate.

use std::collections::HashMap;

use keyweir_quota::estimate::Estimates;
use keyweir_terms::amount::Need;
use keyweir_terms::ids::TenantId;
use keyweir_terms::request::{RequestSize, Usage};

use crate::cached::Cached;

/// Models that are told apart.
const MODELS_MAX: usize = 256;

/// A model, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// Its place among those that are told apart.
    Known(u32),
    /// Its name: the first answer of it tells it apart.
    New(Box<str>),
    /// One of too many.
    Other,
}

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// By its name, a model's place.
    places: HashMap<Box<str>, u32>,
    models: Vec<Learned>,
    others: Learned,
}

/// What was learned of one model's requests.
#[derive(Debug, Default)]
struct Learned {
    estimates: Estimates,
    cached: Cached,
}

impl Learned {
    fn learn(&mut self, tenant: TenantId, size: &RequestSize, usage: &Usage) {
        self.estimates.learn(tenant, size, usage);
        self.cached.learn(tenant, size, usage);
    }
}

impl Expected {
    /// The model of this name: looked up once for a request.
    pub(crate) fn model(&self, name: &str) -> Model {
        match self.places.get(name) {
            Some(place) => Model::Known(*place),
            None if self.models.len() < MODELS_MAX => Model::New(name.into()),
            None => Model::Other,
        }
    }

    pub(crate) fn need(&self, tenant: TenantId, model: &Model, size: &RequestSize) -> Need {
        self.learned(model).estimates.need(tenant, size)
    }

    /// `need`, with what of the prompt is in the provider's cache.
    pub(crate) fn usage(
        &self,
        (tenant, model): (TenantId, &Model),
        size: &RequestSize,
        need: &Need,
    ) -> Usage {
        let usage = Usage {
            input: Some(need.input),
            output: Some(need.output),
            ..Usage::default()
        };
        self.learned(model).cached.expected(tenant, size, usage)
    }

    fn learned(&self, model: &Model) -> &Learned {
        let known = match model {
            Model::Known(place) => self.models.get(*place as usize),
            Model::New(_) | Model::Other => None,
        };
        known.unwrap_or(&self.others)
    }

    pub(crate) fn learn(&mut self, of: (TenantId, &Model), size: &RequestSize, usage: &Usage) {
        let (tenant, model) = of;
        self.others.learn(tenant, size, usage);
        if let Some(known) = self.of_model(model) {
            known.learn(tenant, size, usage);
        }
    }

    fn of_model(&mut self, model: &Model) -> Option<&mut Learned> {
        let place = match model {
            Model::Known(place) => *place as usize,
            Model::New(name) => match self.places.get(name) {
                // Requests for it that were under way at once.
                Some(place) => *place as usize,
                None if self.models.len() < MODELS_MAX => {
                    let place = self.models.len();
                    self.models.push(Learned::default());
                    self.places.insert(name.clone(), place as u32);
                    place
                }
                None => return None,
            },
            Model::Other => return None,
        };
        self.models.get_mut(place)
    }
}
