//! The providers there are, as far as the choice among them needs to know them.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{AccountId, ProviderId};
use keyweir_terms::pattern::ModelPatterns;

/// One provider, as it is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Which.
    pub id: ProviderId,
    /// Its name: the first segment of paths that choose it.
    pub name: &'a str,
    /// What it speaks.
    pub dialect: Dialect,
    /// The models it takes where several providers speak its dialect.
    pub models: &'a ModelPatterns,
}

/// Who can be asked.
pub trait Directory {
    /// Every provider, in the order of preference: of those that take a request, the first has it.
    fn providers(&self) -> impl Iterator<Item = Listed<'_>>;

    /// The accounts of a provider that is listed.
    fn accounts(&self, provider: ProviderId) -> impl Iterator<Item = AccountId>;
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    /// A provider's name, dialect and models, and how many accounts it has.
    type Row = (&'static str, Dialect, ModelPatterns, u32);

    /// Providers whose ids do not follow their order.
    pub(crate) struct Fake(Vec<Row>);

    impl Fake {
        pub(crate) fn new(rows: &[(&'static str, Dialect, &str, u32)]) -> Self {
            let row = |(name, dialect, model, accounts): &(_, _, &str, _)| {
                let pattern = model.parse().expect("a pattern");
                let models = ModelPatterns::new(vec![pattern]).expect("one");
                (*name, *dialect, models, *accounts)
            };
            Self(rows.iter().map(row).collect())
        }

        /// The id of the provider at a place in the order.
        pub(crate) fn id(&self, place: usize) -> ProviderId {
            ProviderId(u32::try_from(self.0.len() - place).expect("few") + 4)
        }
    }

    impl Directory for Fake {
        fn providers(&self) -> impl Iterator<Item = Listed<'_>> {
            let rows = self.0.iter().enumerate();
            rows.map(|(place, (name, dialect, models, _))| Listed {
                id: self.id(place),
                name,
                dialect: *dialect,
                models,
            })
        }

        fn accounts(&self, provider: ProviderId) -> impl Iterator<Item = AccountId> {
            let mut rows = self.0.iter().enumerate();
            let row = rows.find(|(place, _)| self.id(*place) == provider);
            (0..row.map_or(0, |(_, row)| row.3)).map(AccountId)
        }
    }
}
