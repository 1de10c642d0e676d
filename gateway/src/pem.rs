//! What is wrong with a PEM file (RFC 7468), in words. Nothing of the file is told: it may be a key's.

use rustls::pki_types::pem::Error;

/// What `error` says.
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { .. } => {
            "a section has a BEGIN line and no END line; is the file only half written?".to_owned()
        }
        Error::IllegalSectionStart { .. } => {
            "a BEGIN line is not of the form -----BEGIN NAME-----".to_owned()
        }
        Error::Base64Decode(_) => "a section is no base64".to_owned(),
        Error::NoItemsFound => "holds no section of the kind that is needed".to_owned(),
        Error::SectionTooLarge => "a section is too large".to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_and_nothing_of_the_file() {
        for (text, expected) in [
            ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n", "no END line"),
            ("-----BEGIN PRIVATE KEY\nc2VjcmV0\n", "a BEGIN line"),
            (
                "-----BEGIN PRIVATE KEY-----\n*secret*\n-----END PRIVATE KEY-----\n",
                "no base64",
            ),
            ("c2VjcmV0", "holds no section"),
        ] {
            let error = PrivateKeyDer::from_pem_slice(text.as_bytes()).expect_err(text);
            let said = said(&error);
            assert!(said.contains(expected), "{text}: {said}");
            assert!(!said.contains("ecret") && !said.contains("c2Vj"), "{said}");
        }
    }
}
