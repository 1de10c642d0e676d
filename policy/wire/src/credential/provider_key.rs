//! The header in which a provider wants the pool's key.

use keyweir_terms::dialect::CredentialStyle;

/// Its name and its value for `secret`.
pub(crate) fn of_provider(style: CredentialStyle, secret: &str) -> (&'static str, String) {
    match style {
        CredentialStyle::XApiKey => ("x-api-key", secret.to_owned()),
        CredentialStyle::ApiKey => ("api-key", secret.to_owned()),
        CredentialStyle::XGoogApiKey => ("x-goog-api-key", secret.to_owned()),
        CredentialStyle::Bearer => ("authorization", format!("Bearer {secret}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::credential::names::is_credential_header;

    use super::*;

    #[test]
    fn every_header_that_is_set_is_stripped_from_requests() {
        for style in [
            CredentialStyle::XApiKey,
            CredentialStyle::ApiKey,
            CredentialStyle::Bearer,
            CredentialStyle::XGoogApiKey,
        ] {
            let (name, value) = of_provider(style, "s3cret");
            assert!(is_credential_header(name), "{name}");
            assert!(value.ends_with("s3cret"));
        }
    }
}
