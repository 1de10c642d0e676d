//! Secrets in the policy file that are probably not meant. Those that stand elsewhere are looked at
//! when they are read.

use crate::file::check::Check;
use crate::file::doubt::{Destination, doubt};
use crate::file::secret_ref::SecretRef;

impl Check<'_> {
    pub(super) fn doubtful_secrets(&self) {
        for account in &self.raw.accounts {
            let name = account.provider.as_ref().map(|name| &name.value);
            let mut providers = self.raw.providers.iter();
            let provider = providers.find(|it| it.id.as_ref().map(|id| &id.value) == name);
            let to = provider.and_then(|provider| {
                Some(Destination {
                    dialect: provider.dialect?,
                    host: &provider.base_url.as_ref()?.host,
                })
            });
            let Some(to) = to else {
                continue;
            };
            for secret in account.keys.iter().filter_map(|key| key.secret.as_ref()) {
                if let SecretRef::Literal(literal) = &secret.value
                    && let Some(doubt) = doubt(literal.expose(), to)
                {
                    self.warn(&secret.spot, doubt.message, doubt.hint);
                }
            }
        }
    }
}
