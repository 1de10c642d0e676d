//! From the model a client names to the group whose buckets it is charged to.
//!
//! Providers share one bucket among the models of a family. Which ones, the operator can say; for
//! Anthropic's the families are known (one bucket for all Opus 4.x, one for all Sonnet 4.x, and so
//! on, <https://docs.anthropic.com/en/api/rate-limits>); otherwise every model is a group of its
//! own, with dated snapshots of one model taken together.
//!
//! Clients can invent model names, so the number of both is bounded; beyond the bounds newcomers
//! share one entry. The bound on groups falls with the number of accounts, since each group has
//! buckets for all of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::spec::PoolSpec;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{KeyId, ModelId};
use keyweir_terms::time::Time;

const MODELS_MAX: usize = 2_000;
const GROUPS_MAX: usize = 256;
const GROUPS_MIN: usize = 16;
/// Buckets' worth of memory that groups may take together: about 600 bytes each.
const GROUP_ACCOUNTS_MAX: usize = 400_000;

/// A group's place in [`Pool`](super::Pool)'s groups.
pub(crate) type GroupId = usize;

/// All models that were ever asked for.
#[derive(Debug, Default)]
pub(crate) struct Models {
    entries: Vec<Model>,
    by_name: [HashMap<String, ModelId>; ENDPOINTS],
    groups: HashMap<(Endpoint, String), GroupId>,
}

const ENDPOINTS: usize = 7;

/// One model at one kind of endpoint.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) group: GroupId,
    /// Which accounts serve it; `None`: all.
    pub(crate) served_by: Option<Vec<bool>>,
    /// Keys that have served it.
    proven: HashSet<KeyId>,
    /// Keys that were refused it and have not served it since.
    denials: HashMap<KeyId, Denial>,
}

/// What a key was refused.
#[derive(Clone, Copy, Debug, Default)]
struct Denial {
    times: u32,
    until: Time,
}

/// How long a key is believed not to have access to a model.
const DENIED: Duration = Duration::from_secs(600);
/// Denials in a row that count against a key which has served the model before. Providers answer
/// the same to a request for a feature that the key may not use, and no client must be able to
/// take a model from everybody by asking for one.
const DENIALS_OF_PROVEN: u32 = 8;

impl Model {
    /// Whether `key` is believed not to have access.
    pub(crate) fn is_denied(&self, now: Time, key: KeyId) -> bool {
        let denial = self.denials.get(&key);
        denial.is_some_and(|denial| now < denial.until)
    }

    /// Whether any key may be.
    pub(crate) fn has_denied(&self) -> bool {
        !self.denials.is_empty()
    }

    pub(crate) fn served(&mut self, key: KeyId) {
        self.proven.insert(key);
        if self.has_denied() {
            self.denials.remove(&key);
        }
    }

    pub(crate) fn denied(&mut self, now: Time, key: KeyId) {
        let denial = self.denials.entry(key).or_default();
        denial.times = denial.times.saturating_add(1);
        if denial.times >= DENIALS_OF_PROVEN || !self.proven.contains(&key) {
            denial.until = now + DENIED;
        }
    }
}

/// A group that has to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewGroup {
    pub(crate) endpoint: Endpoint,
    /// The group's name, and whether the operator gave it (its position among the groups).
    pub(crate) name: String,
    pub(crate) declared: Option<usize>,
}

impl Models {
    pub(crate) fn get(&self, id: ModelId) -> &Model {
        &self.entries[id.index()]
    }

    pub(crate) fn get_mut(&mut self, id: ModelId) -> &mut Model {
        &mut self.entries[id.index()]
    }

    pub(crate) fn find(&self, name: &str, endpoint: Endpoint) -> Option<ModelId> {
        self.by_name[endpoint as usize].get(name).copied()
    }

    /// Adds a model; says which group to make if it is the first of its group.
    pub(crate) fn add(
        &mut self,
        spec: &PoolSpec,
        name: &str,
        endpoint: Endpoint,
    ) -> (ModelId, Option<NewGroup>) {
        let is_full = self.entries.len() >= MODELS_MAX;
        let name = if is_full { OTHER } else { name };
        if let Some(known) = self.find(name, endpoint) {
            return (known, None);
        }
        let (group, declared) = group_of(spec, name);
        let (group, new_group) = self.group(spec, endpoint, group, declared);
        let id = ModelId(u32::try_from(self.entries.len()).expect("models are bounded"));
        self.entries.push(Model {
            group,
            served_by: served_by(spec, name),
            proven: HashSet::new(),
            denials: HashMap::new(),
        });
        self.by_name[endpoint as usize].insert(name.to_owned(), id);
        (id, new_group)
    }

    fn group(
        &mut self,
        spec: &PoolSpec,
        endpoint: Endpoint,
        group: String,
        declared: Option<usize>,
    ) -> (GroupId, Option<NewGroup>) {
        let most = (GROUP_ACCOUNTS_MAX / spec.accounts.len().max(1)).clamp(GROUPS_MIN, GROUPS_MAX);
        let group = if self.groups.len() >= most && declared.is_none() {
            OTHER.to_owned()
        } else {
            group
        };
        let next = self.groups.len();
        let id = *self.groups.entry((endpoint, group.clone())).or_insert(next);
        let new_group = (id == next).then_some(NewGroup {
            endpoint,
            name: group,
            declared,
        });
        (id, new_group)
    }
}

/// What stands for all models beyond the bounds, and for requests that name none.
pub(crate) const OTHER: &str = "";

fn served_by(spec: &PoolSpec, name: &str) -> Option<Vec<bool>> {
    if name == OTHER {
        return None;
    }
    let serves: Vec<bool> = spec
        .accounts
        .iter()
        .map(|account| account.models.matches(name))
        .collect();
    serves.contains(&false).then_some(serves)
}

pub(crate) fn group_of(spec: &PoolSpec, model: &str) -> (String, Option<usize>) {
    let declared = spec
        .groups
        .iter()
        .position(|(_, patterns)| patterns.matches(model));
    match declared {
        Some(position) => (spec.groups[position].0.clone(), declared),
        None => (default_group(spec.dialect, model).to_owned(), None),
    }
}

/// The family of a model, as a prefix of its name.
fn default_group(dialect: Dialect, model: &str) -> &str {
    let undated = without_date(model);
    if dialect != Dialect::Anthropic {
        return undated;
    }
    // claude-opus-4-1 → claude-opus-4; claude-3-5-sonnet stays.
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match undated.rsplit_once('-') {
        Some((family, minor))
            if is_number(minor)
                && family
                    .rsplit_once('-')
                    .is_some_and(|(_, major)| is_number(major)) =>
        {
            family
        }
        _ => undated,
    }
}

fn without_date(model: &str) -> &str {
    let model = model.strip_suffix("-latest").unwrap_or(model);
    let Some((name, last)) = model.rsplit_once('-') else {
        return model;
    };
    if last.len() == 8 && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return name;
    }
    // OpenAI writes gpt-4o-2024-08-06.
    let dated = model.len() > 11
        && model.is_char_boundary(model.len() - 11)
        && model[model.len() - 11..]
            .bytes()
            .enumerate()
            .all(|(at, byte)| match at {
                0 | 5 | 8 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
    if dated {
        &model[..model.len() - 11]
    } else {
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_a_family_share_a_group() {
        for (dialect, model, group) in [
            (
                Dialect::Anthropic,
                "claude-opus-4-1-20250805",
                "claude-opus-4",
            ),
            (
                Dialect::Anthropic,
                "claude-opus-4-20250514",
                "claude-opus-4",
            ),
            (Dialect::Anthropic, "claude-opus-5", "claude-opus-5"),
            (Dialect::Anthropic, "claude-sonnet-4-5", "claude-sonnet-4"),
            (
                Dialect::Anthropic,
                "claude-3-5-sonnet-latest",
                "claude-3-5-sonnet",
            ),
            (
                Dialect::Anthropic,
                "claude-3-5-sonnet-20241022",
                "claude-3-5-sonnet",
            ),
            (Dialect::OpenAi, "gpt-4o-2024-08-06", "gpt-4o"),
            (Dialect::OpenAi, "gpt-4o-mini", "gpt-4o-mini"),
            (Dialect::OpenAi, "é-2024-08-06", "é"),
            (Dialect::OpenAi, "", ""),
            (Dialect::Generic, "llama-3-70", "llama-3-70"),
        ] {
            assert_eq!(default_group(dialect, model), group, "{model}");
        }
    }
}
