//! Issuers of tokens: each once, and tenants for those they name.

use std::collections::HashMap;

use crate::file::check::Check;
use crate::file::problems::Spot;

impl Check<'_> {
    pub(super) fn issuers(&self) {
        let Some(gateway) = &self.raw.gateway else {
            return;
        };
        let mut first: HashMap<&str, &Spot> = HashMap::new();
        for jwt in &gateway.value.jwt {
            let Some(issuer) = &jwt.issuer else { continue };
            if let Some(other) = first.insert(issuer, &jwt.spot) {
                let other = self.other(other, &jwt.spot);
                self.error_with_hint(
                    &jwt.spot,
                    format!("has the issuer of {other}"),
                    "keep one of them, with the audiences of both",
                );
            }
            if self.raw.tenants.is_empty() && !self.problems.has_unknown() {
                self.error_with_hint(
                    &jwt.spot,
                    "there is no tenant that its tokens could name",
                    "add a [[tenant]]",
                );
            }
        }
    }

    /// Whether tenants may be named by tokens, and need no client keys.
    pub(super) fn believes_tokens(&self) -> bool {
        let gateway = self.raw.gateway.as_ref();
        gateway.is_some_and(|gateway| !gateway.value.jwt.is_empty())
    }
}
