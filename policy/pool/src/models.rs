//! From the model a client names to the quota group whose buckets it is charged to.
//!
//! Which models share a group, the operator can say; otherwise it goes by the model's family.
//!
//! Clients can invent model names, so the number of both is bounded. Where the table of models is
//! full, the one that was asked for longest ago gives way, of the tenant that has brought the most
//! ([`eviction`]); where all are in use, new ones share entries, one for each set of accounts that
//! serves them. The number of groups is bounded, too ([`groups`]).

mod eviction;
mod groups;

use std::collections::HashMap;
use std::ops::Range;

use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{AccountId, GroupId, ModelId, TenantId};
use keyweir_terms::name_map::NameMap;
use keyweir_terms::table::{Id as _, Table};
use keyweir_terms::time::Time;

use crate::access::Accounts;
use crate::denials::Denials;
use crate::members::Members;
use crate::spec::PoolSpec;

/// Models that are told apart: providers list some hundred.
const MODELS_MAX: usize = 2_000;
/// What stands for all models beyond the bounds, and for requests that name none.
const OTHER: &str = "";
/// What the name of an entry for many models begins with. No model's name has a control character.
const SHARED: char = '\n';
/// Such entries: each is for the models that the same accounts serve, and accounts differ in few ways.
const SHARED_MAX: usize = 64;

/// The models that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Models {
    entries: Table<ModelId, Model>,
    by_name: [NameMap<String, ModelId>; Endpoint::COUNT],
    groups: HashMap<GroupName, GroupId>,
    /// How many of the groups each tenant has brought.
    groups_of: HashMap<TenantId, usize>,
}

/// A model that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) endpoint: Endpoint,
    /// Who asks for it.
    pub(crate) tenant: TenantId,
}

/// One model at one kind of endpoint.
#[derive(Debug)]
pub(crate) struct Model {
    name: String,
    endpoint: Endpoint,
    pub(crate) group: GroupId,
    /// Which accounts serve it; `None`: all.
    served_by: Option<Vec<bool>>,
    /// Keys that may not use it.
    pub(crate) denials: Denials,
    /// Who asked for it first, and when it was asked for last.
    tenant: TenantId,
    used: Time,
}

/// What a quota group is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupName {
    pub(crate) endpoint: Endpoint,
    pub(crate) name: String,
}

impl Model {
    /// As it is, for who only looks.
    pub(crate) fn copy(&self) -> Self {
        Self {
            name: self.name.clone(),
            served_by: self.served_by.clone(),
            denials: self.denials.beliefs(),
            ..*self
        }
    }

    /// Looks up which of the accounts with indices in `range` serve it; those before were looked up.
    pub(crate) fn look_up(&mut self, spec: &PoolSpec, range: Range<usize>) {
        let name = &self.name;
        let serves = |index| {
            let account = spec.accounts.get(AccountId::from_index(index));
            account.is_some_and(|it| name == OTHER || it.models.matches(name))
        };
        if let Some(served_by) = &mut self.served_by {
            served_by.truncate(range.start);
            served_by.extend(range.map(serves));
        }
    }

    /// Whether `account` serves it, as the policy says.
    pub(crate) fn is_served_by(&self, account: AccountId) -> bool {
        let serves = |serves: &Vec<bool>| serves.get(account.index()) == Some(&true);
        self.served_by.as_ref().is_none_or(serves)
    }

    /// Whether any account does.
    pub(crate) fn is_served(&self) -> bool {
        let anybody = |serves: &Vec<bool>| serves.contains(&true);
        self.served_by.as_ref().is_none_or(anybody)
    }

    /// Whether any of `accounts` does, of those that have keys.
    pub(crate) fn is_served_among(&self, accounts: &Accounts, members: &Members) -> bool {
        let mut accounts = accounts.iter();
        accounts.any(|it| self.is_served_by(it) && !members.keys_of(it).is_empty())
    }
}

impl Models {
    pub(crate) fn get(&self, id: ModelId) -> &Model {
        &self.entries[id]
    }

    pub(crate) fn get_mut(&mut self, id: ModelId) -> &mut Model {
        &mut self.entries[id]
    }

    /// The entry of a model, if it has one; it is not asked for.
    pub(crate) fn known(&self, name: &str, endpoint: Endpoint) -> Option<ModelId> {
        self.by_name[endpoint.index()].get(name).copied()
    }

    /// The entry of a model that is asked for now, if it has one.
    pub(crate) fn find(&mut self, now: Time, name: &str, endpoint: Endpoint) -> Option<ModelId> {
        let id = *self.by_name[endpoint.index()].get(name)?;
        self.entries[id].used = now;
        Some(id)
    }

    /// All there are.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Model> {
        self.entries.iter_mut().map(|(_, model)| model)
    }

    /// Whether a model must give way before another is added.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MODELS_MAX
    }

    /// Adds a model, in the place of the one at `free` if that is given; says which group to make if
    /// it is the first of its group.
    pub(crate) fn add(
        &mut self,
        now: Time,
        spec: &PoolSpec,
        named: Named<'_>,
        free: Option<ModelId>,
    ) -> (ModelId, Option<(GroupId, GroupName)>) {
        let is_full = self.is_full() && free.is_none();
        let shared = is_full.then(|| self.shared_name(served_by(spec, named.name)));
        let name = shared.as_deref().unwrap_or(named.name);
        let endpoint = named.endpoint;
        if is_full && let Some(known) = self.find(now, name, endpoint) {
            return (known, None);
        }
        let (group, new_group) = self.group(spec, Named { name, ..named });
        let model = Model {
            name: name.to_owned(),
            endpoint,
            group,
            served_by: served_by(spec, name),
            denials: Denials::default(),
            tenant: named.tenant,
            used: now,
        };
        let id = match free {
            Some(id) => {
                self.entries.insert(id, model);
                id
            }
            None => self.entries.push(model),
        };
        self.by_name[endpoint.index()].insert(name.to_owned(), id);
        (id, new_group)
    }

    /// The row of a model that nobody has asked for, of which it is yet to be looked up who serves it, and
    /// its group if that is new.
    pub(crate) fn stranger(
        &self,
        now: Time,
        spec: &PoolSpec,
        named: Named<'_>,
    ) -> (Model, Option<GroupName>) {
        let name = self.group_name(spec, named);
        let known = self.groups.get(&name).copied();
        let group = known.unwrap_or_else(|| GroupId::from_index(self.groups.len()));
        let model = Model {
            name: named.name.to_owned(),
            endpoint: named.endpoint,
            group,
            served_by: Some(Vec::new()),
            denials: Denials::default(),
            tenant: named.tenant,
            used: now,
        };
        (model, known.is_none().then_some(name))
    }

    /// Gives a copy of `model` a row behind all others, until [`Self::leave`]. Nobody finds it by its
    /// name.
    pub(crate) fn enter(&mut self, model: &Model) -> ModelId {
        self.entries.push(model.copy())
    }

    /// Takes out the row behind all others.
    pub(crate) fn leave(&mut self) {
        self.entries.pop();
    }

    /// Reads the accounts and the groups of all models from `spec` anew; says which groups to make.
    pub(crate) fn reconfigure(
        &mut self,
        spec: &PoolSpec,
        members: &Members,
    ) -> Vec<(GroupId, GroupName)> {
        let mut new_groups = Vec::new();
        for index in 0..self.entries.width() {
            let id = ModelId::from_index(index);
            let Some(model) = self.entries.get(id) else {
                continue;
            };
            let (name, endpoint, tenant) = (model.name.clone(), model.endpoint, model.tenant);
            let named = Named {
                name: &name,
                endpoint,
                tenant,
            };
            let (group, new_group) = self.group(spec, named);
            new_groups.extend(new_group);
            let model = &mut self.entries[id];
            model.group = group;
            model.served_by = served_by(spec, &name);
            model.denials.retain(|key| members.lists(key));
        }
        new_groups
    }

    /// The name of the entry for models beyond the bound that these accounts serve: one for each set
    /// of accounts, so that no name is served by an account that excludes it. Patterns of accounts
    /// are few; beyond so many sets a model is served by nobody.
    fn shared_name(&self, served_by: Option<Vec<bool>>) -> String {
        let Some(serves) = served_by else {
            return OTHER.to_owned();
        };
        let bits = serves.iter().map(|serves| if *serves { '1' } else { '0' });
        let name: String = std::iter::once(SHARED).chain(bits).collect();
        let is_known = self.by_name.iter().any(|names| names.contains_key(&name));
        if is_known || self.entries.len() < MODELS_MAX + SHARED_MAX {
            return name;
        }
        let nobody = std::iter::repeat_n('0', serves.len());
        std::iter::once(SHARED).chain(nobody).collect()
    }
}

fn served_by(spec: &PoolSpec, name: &str) -> Option<Vec<bool>> {
    if name == OTHER {
        // Nobody is left to serve anything.
        return spec.accounts.is_empty().then(Vec::new);
    }
    if let Some(bits) = name.strip_prefix(SHARED) {
        return Some(bits.bytes().map(|bit| bit == b'1').collect());
    }
    let mut serves = vec![false; spec.accounts.width()];
    for (id, account) in spec.accounts.iter() {
        serves[id.index()] = account.models.matches(name);
    }
    (serves.contains(&false) || serves.is_empty()).then_some(serves)
}
