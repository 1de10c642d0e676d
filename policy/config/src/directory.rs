//! The policy's providers, as the choice among them sees them.

use keyweir_exchange::directory::{Directory, Listed};
use keyweir_terms::ids::{AccountId, ProviderId};

use crate::file::Policy;

impl Directory for Policy {
    fn providers(&self) -> impl Iterator<Item = Listed<'_>> {
        self.providers_in_order().map(|(id, provider)| Listed {
            id,
            name: &provider.id,
            dialect: provider.dialect,
            models: &provider.models,
        })
    }

    fn accounts(&self, provider: ProviderId) -> impl Iterator<Item = AccountId> {
        self.provider(provider).accounts.ids()
    }
}
