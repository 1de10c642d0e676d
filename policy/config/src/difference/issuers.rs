//! How issuers of tokens (`gateway.jwt`) are shown where they have changed.

use keyweir_tenancy::token::Rules;

use super::show::{self, duration};
use crate::file::{JwtKeys, JwtSettings};

/// All of them, in the policy's order.
pub(super) fn shown(issuers: &[JwtSettings]) -> String {
    let issuer = |it: &JwtSettings| {
        let JwtSettings {
            rules,
            keys,
            refresh,
            keys_kept,
            ca_file,
        } = it;
        let Rules {
            issuer,
            audiences,
            algorithms,
            claim,
            leeway,
        } = rules;
        let algorithms: Vec<&str> = algorithms.iter().map(|it| it.name()).collect();
        let keys = match keys {
            JwtKeys::File(path) => show::path(path),
            JwtKeys::Url(url) => format!("{url} every {}", duration(refresh)),
        };
        let trusting = ca_file
            .as_deref()
            .map(|path| format!(" trusting {}", show::path(path)));
        format!(
            "{} for {} by {} ({}, keys of {keys}{} kept {}, leeway {})",
            show::text(issuer),
            show::list(audiences),
            show::text(claim),
            algorithms.join(", "),
            trusting.unwrap_or_default(),
            duration(keys_kept),
            duration(leeway),
        )
    };
    let shown: Vec<String> = issuers.iter().map(issuer).collect();
    if shown.is_empty() {
        return show::NONE.to_owned();
    }
    shown.join("; ")
}
