//! What a request is expected to take, by what this tenant's requests for that model took.
//!
//! Models are named by clients, so that only those are remembered for which an answer told its usage,
//! and of them a bounded number: the one that answered longest ago gives its place to a new one. All
//! others share one estimate.

use keyweir_quota::estimate::Estimates;
use keyweir_terms::amount::Need;
use keyweir_terms::ids::TenantId;
use keyweir_terms::name_map::NameMap;
use keyweir_terms::request::{RequestSize, Usage};

use crate::cached::Cached;
use crate::claim::OUTPUT_MAX;

/// Models that are told apart: more than any provider lists of its own.
const MODELS_MAX: usize = 256;

/// How much is kept of the longest answer with each: after some thousand shorter ones half of it.
const LONGEST_KEPT: f64 = 0.9995;

/// A model, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// Its place among those that are told apart.
    Known(Place),
    /// Its name: the first answer of it tells it apart.
    New(Box<str>),
}

/// A place among the models that are told apart, for as long as it is one model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    index: u32,
    /// How many models had it before.
    before: u32,
}

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// By its name, a model's place.
    places: NameMap<Box<str>, u32>,
    models: Vec<Row>,
    others: Learned,
    /// Answers learned of so far.
    answers: u64,
}

/// What was learned of one model's requests.
#[derive(Debug, Default)]
struct Learned {
    estimates: Estimates,
    cached: Cached,
    /// The longest answer of late, whoever asked for it.
    longest: f64,
}

impl Learned {
    fn learn(&mut self, tenant: TenantId, size: &RequestSize, usage: &Usage) {
        self.estimates.learn(tenant, size, usage);
        self.cached.learn(tenant, size, usage);
        let output = usage.output.unwrap_or_default();
        if output <= OUTPUT_MAX {
            self.longest = (self.longest * LONGEST_KEPT).max(output as f64);
        }
    }
}

#[derive(Debug)]
struct Row {
    name: Box<str>,
    learned: Learned,
    /// How many models had the place before.
    before: u32,
    /// As of which answer it was learned of last.
    learned_at: u64,
}

impl Expected {
    /// The model of this name: looked up once for a request.
    pub(crate) fn model(&self, name: &str) -> Model {
        let Some(index) = self.places.get(name) else {
            return Model::New(name.into());
        };
        let before = self.models[*index as usize].before;
        Model::Known(Place {
            index: *index,
            before,
        })
    }

    /// Whether `model` is the one of this name.
    pub(crate) fn is_of(&self, model: &Model, name: &str) -> bool {
        match model {
            Model::New(new) => **new == *name,
            Model::Known(_) => self.model(name) == *model,
        }
    }

    pub(crate) fn need(&self, tenant: TenantId, model: &Model, size: &RequestSize) -> Need {
        self.learned(model).estimates.need(tenant, size)
    }

    /// The longest answer of late.
    pub(crate) fn longest(&self, model: &Model) -> u64 {
        self.learned(model).longest.round() as u64
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
            Model::Known(place) => self.models.get(place.index as usize),
            Model::New(_) => None,
        };
        known.map_or(&self.others, |row| &row.learned)
    }

    pub(crate) fn learn(&mut self, of: (TenantId, &Model), size: &RequestSize, usage: &Usage) {
        let (tenant, model) = of;
        self.answers += 1;
        self.others.learn(tenant, size, usage);
        let index = match model {
            Model::Known(place) => {
                let row = self.models.get(place.index as usize);
                // Another may have got the place while this was under way.
                row.filter(|row| row.before == place.before)
                    .map(|_| place.index)
            }
            // There may be one by now: of requests for it that were under way at once.
            Model::New(name) => {
                let known = self.places.get(name).copied();
                Some(known.unwrap_or_else(|| self.tell_apart(name)))
            }
        };
        if let Some(index) = index {
            let row = &mut self.models[index as usize];
            row.learned_at = self.answers;
            row.learned.learn(tenant, size, usage);
        }
    }

    /// A place for the model of this name: a free one, or that of the model that answered longest ago.
    fn tell_apart(&mut self, name: &str) -> u32 {
        let mut row = Row {
            name: name.into(),
            learned: Learned::default(),
            before: 0,
            learned_at: self.answers,
        };
        let oldest = self.models.iter_mut().enumerate();
        let oldest = oldest.min_by_key(|(_, row)| row.learned_at);
        let index = match oldest {
            Some((index, oldest)) if self.places.len() >= MODELS_MAX => {
                row.before = oldest.before + 1;
                self.places.remove(&oldest.name);
                *oldest = row;
                index
            }
            _ => {
                self.models.push(row);
                self.models.len() - 1
            }
        };
        self.places.insert(name.into(), index as u32);
        index as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: RequestSize = RequestSize {
        text_bytes: 400,
        media_tokens: 0,
        output_max: None,
    };

    fn learn(expected: &mut Expected, model: &Model, output: u64) {
        let usage = Usage {
            input: Some(100),
            output: Some(output),
            ..Usage::default()
        };
        expected.learn((TenantId(0), model), &SIZE, &usage);
    }

    fn answer(expected: &mut Expected, name: &str, output: u64) {
        let model = expected.model(name);
        learn(expected, &model, output);
    }

    fn output(expected: &Expected, name: &str) -> u64 {
        let model = expected.model(name);
        expected.need(TenantId(0), &model, &SIZE).output
    }

    #[test]
    fn a_flood_of_invented_names_keeps_no_later_model_from_being_told_apart() {
        let mut expected = Expected::default();
        answer(&mut expected, "used", 9_000);
        for invented in 0..3 * MODELS_MAX {
            answer(&mut expected, &invented.to_string(), 10);
            answer(&mut expected, "used", 9_000);
        }
        assert_eq!(expected.models.len(), MODELS_MAX);
        assert_eq!(expected.places.len(), MODELS_MAX);
        for _ in 0..50 {
            answer(&mut expected, "later", 9_000);
        }
        for name in ["used", "later"] {
            assert!(
                matches!(expected.model(name), Model::Known(_)),
                "{name} is told apart"
            );
            assert!(output(&expected, name) > 8_000, "{name}");
        }
    }

    #[test]
    fn what_was_under_way_teaches_nobody_who_has_got_its_place() {
        let mut expected = Expected::default();
        answer(&mut expected, "gone", 10);
        let under_way = expected.model("gone");
        for invented in 0..MODELS_MAX {
            answer(&mut expected, &invented.to_string(), 10);
        }
        let before: Vec<_> = expected.models.iter().map(|row| row.learned_at).collect();
        learn(&mut expected, &under_way, 9_000);
        let after: Vec<_> = expected.models.iter().map(|row| row.learned_at).collect();
        assert_eq!(before, after);
        assert!(matches!(expected.model("gone"), Model::New(_)));
    }
}
