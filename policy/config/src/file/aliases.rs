//! Other names for models: what a policy holds of them.

use std::collections::HashMap;

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::ProviderId;

/// Aliases by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(HashMap<String, Vec<Alias>>);

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The model.
    pub model: String,
    /// The provider it is asked of; `None`: whoever takes the model.
    pub provider: Option<ProviderId>,
    /// The dialect it holds for, which is that of the provider if there is one; `None`: any.
    pub dialect: Option<Dialect>,
}

/// Where a request goes, as far as it is known before its model is.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What the client speaks.
    pub dialect: Dialect,
    /// The provider that the path names.
    pub named: Option<ProviderId>,
}

impl Aliases {
    /// These, each with its name. Of those that are equally near, the first counts.
    pub fn new(aliases: impl IntoIterator<Item = (String, Alias)>) -> Self {
        let mut by_name: HashMap<String, Vec<Alias>> = HashMap::new();
        for (name, alias) in aliases {
            by_name.entry(name).or_default().push(alias);
        }
        #[expect(clippy::iter_over_hash_type, reason = "each by itself")]
        for aliases in by_name.values_mut() {
            aliases.sort_by_key(|it| (it.provider.is_none(), it.dialect.is_none()));
        }
        Self(by_name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `name` stands for, if it is an alias there.
    pub fn get(&self, name: &str, asked: Scope) -> Option<&Alias> {
        self.0.get(name)?.iter().find(|alias| alias.fits(asked))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Alias)> {
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        names
            .into_iter()
            .flat_map(|(name, aliases)| aliases.iter().map(move |alias| (name.as_str(), alias)))
    }
}

impl Alias {
    fn fits(&self, asked: Scope) -> bool {
        let is_spoken = self.dialect.is_none_or(|it| it == asked.dialect);
        let is_there = match (self.provider, asked.named) {
            (Some(provider), Some(named)) => provider == named,
            _ => true,
        };
        is_spoken && is_there
    }
}
